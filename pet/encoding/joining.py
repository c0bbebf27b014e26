"""Batches of several patterns, put below each other for one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from pet.encoding.batches import Batch


def join(batches: Sequence[Batch], pad_id: int) -> Batch:
    """Put the rows of several batches below each other; each keeps the prompt of its own.

    Parameters
    ----------
    batches : sequence of Batch
        Rows of any patterns for one model. What they read behind the mask must be the same.
    pad_id : int
        Stands where a row is shorter than the longest of all, on the right.

    Returns
    -------
    Batch
        ``masks`` is as wide as the widest; rows with fewer masks repeat their last one.
    """
    if len(batches) == 1:
        return batches[0]
    length = max(batch.ids.shape[1] for batch in batches)
    width = max(batch.masks.shape[1] for batch in batches)
    real = [_real(batch) for batch in batches]
    padded = any(own.attention is not None or own.ids.shape[1] < length for own in batches)
    segments = [batch.segments for batch in batches if batch.segments is not None]
    fillings, above = [], 0
    for batch in batches:
        fillings += [filling.below(above) for filling in batch.fillings]
        above += len(batch.ids)
    return replace(
        batches[0],
        ids=_below_each_other([batch.ids for batch in batches], length, pad_id),
        attention=_below_each_other(real, length, 0) if padded else None,
        segments=_below_each_other(segments, length, 0) if segments else None,
        masks=torch.cat([_repeating_last(batch.masks, width) for batch in batches]),
        fillings=tuple(fillings),
    )


def _real(batch: Batch) -> Tensor:
    return torch.ones_like(batch.ids) if batch.attention is None else batch.attention


def _repeating_last(masks: Tensor, width: int) -> Tensor:
    more = masks[:, -1:].expand(-1, width - masks.shape[1])
    return torch.cat([masks, more], dim=1)


def _below_each_other(parts: Sequence[Tensor], length: int, fill: int) -> Tensor:
    return torch.cat(
        [functional.pad(part, (0, length - part.shape[1]), value=fill) for part in parts]
    )
