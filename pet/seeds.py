"""One seed, from which every random draw of a run is derived."""

from __future__ import annotations

import numpy as np
import torch


def derived_seed(seed: int, *path: int) -> int:
    """Return a seed for one use, such as ``derived_seed(seed, pattern, repetition)``.

    Different paths give independent streams, and adding a member changes no other member. Zeros at
    a path's end do not count, so paths of one use have one length.
    """
    return int(np.random.SeedSequence([seed, *path]).generate_state(1)[0])


def with_seed(seed: int) -> np.random.Generator:
    """Seed torch and return a numpy generator with the same seed."""
    torch.manual_seed(seed)
    return np.random.default_rng(seed)
