"""Seeds: every random draw of a run is derived from one seed."""

from __future__ import annotations

from enum import IntEnum, unique

import numpy as np
import torch


class RunStream(IntEnum):
    """Uses of a run's seed: the first number of a path from it.

    The numbers never change, or the same command would give other figures. Two uses share 5: the
    adaptation of the backbone and the draw of a study's development examples. That does no harm, as
    one shuffles text and the other rows, so the number stays.
    """

    MEMBER = 0
    DISTILLATION = 1
    FINE_TUNING = 2
    SHOTS = 3
    UNLABELLED = 4
    ADAPTATION = 5
    DEVELOPMENT = 5
    SUGGESTION = 6
    HALVINGS = 7
    BOOTSTRAP = 8
    UNLIKE = 9
    SECOND_ROUND = 10


@unique
class MemberStream(IntEnum):
    """Uses of a member's seed: the first number of a path from it."""

    PRIOR = 1
    GENERATION = 2
    LABELLERS = 3
    DEMONSTRATIONS = 4
    SLOTS = 6
    SCATTER = 7
    MIXTURE = 8


@unique
class AdaptationStream(IntEnum):
    """Uses of an adaptation's seed: the first number of a path from it."""

    DOCUMENTS = 0
    BATCH = 1
    TRAINING = 2
    NEW_HEAD = 3


def derived_seed(seed: int, *path: int) -> int:
    """Return a seed for one use, such as ``derived_seed(seed, RunStream.MEMBER, pattern, 0)``.

    Different paths give independent streams, and adding a member changes no other member. Zeros at
    the end of a path do not count, so all paths of one use have the same length.
    """
    return int(np.random.SeedSequence([seed, *path]).generate_state(1)[0])


def with_seed(seed: int) -> np.random.Generator:
    """Seed torch and return a numpy generator with the same seed."""
    torch.manual_seed(seed)
    return np.random.default_rng(seed)
