"""Pooling: the states of a text's tokens as one vector."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_state(hidden: Tensor, attention: Tensor | None) -> Tensor:
    """Average states (B, L, H) over the tokens that are no padding: (B, H), in fp32.

    Special tokens count too, as in sentence-transformers.
    """
    if attention is None:
        return hidden.float().mean(dim=1)
    real = attention[:, :, None].float()
    return (hidden.float() * real).sum(dim=1) / real.sum(dim=1)


def unit(vectors: Tensor) -> Tensor:
    """Return vectors of length 1 (..., H)."""
    return torch.nn.functional.normalize(vectors, dim=-1)
