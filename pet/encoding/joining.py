"""Batches of several patterns, concatenated for one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from pet.encoding.batches import Batch


def join(batches: Sequence[Batch], pad_id: int) -> Batch:
    """Concatenate batches by rows; each keeps its prompt.

    Parameters
    ----------
    batches : sequence of Batch
        Rows of any patterns for one model; ``after`` must be the same in all.
    pad_id : int
        Padding on the right of rows that are shorter than the longest.

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
    padded = any(batch.attention is not None or batch.ids.shape[1] < length for batch in batches)
    segments = [batch.segments for batch in batches if batch.segments is not None]
    fillings, above = [], 0
    for batch in batches:
        fillings += [filling.below(above) for filling in batch.fillings]
        above += len(batch.ids)
    return replace(
        batches[0],
        ids=_concatenated([batch.ids for batch in batches], length, pad_id),
        attention=_concatenated(real, length, 0) if padded else None,
        segments=_concatenated(segments, length, 0) if segments else None,
        masks=torch.cat([_repeating_last(batch.masks, width) for batch in batches]),
        fillings=tuple(fillings),
    )


def _real(batch: Batch) -> Tensor:
    return torch.ones_like(batch.ids) if batch.attention is None else batch.attention


def _repeating_last(masks: Tensor, width: int) -> Tensor:
    more = masks[:, -1:].expand(-1, width - masks.shape[1])
    return torch.cat([masks, more], dim=1)


def _concatenated(tensors: Sequence[Tensor], length: int, fill: int) -> Tensor:
    return torch.cat([functional.pad(t, (0, length - t.shape[1]), value=fill) for t in tensors])
