"""Batches read in parts, where memory does not suffice for the whole batch at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pet.device import Compute
from pet.encoding import Batch
from pet.errors import is_out_of_memory, memory_told

Read = Callable[[Sequence[Batch]], Sequence[Tensor]]


def in_parts(
    read: Read, batches: Sequence[Batch], compute: Compute, model: nn.Module
) -> list[Tensor]:
    """Read batches of the same B rows; where memory runs out, in twice as many parts.

    All later passes with this `Compute` are done in as many parts. A part that has gradients is
    read again for them, so only one part's inner values are in memory: the gradients are those of
    the whole batch, for one more forward pass (Chen et al. 2016, 1604.06174).

    Parameters
    ----------
    read : callable
        Returns tensors (B, ...), one or several, of batches of B rows.
    batches : sequence of Batch
        The same B rows, in one pattern or in several.
    compute : Compute
        Keeps the number of parts.
    model : torch.nn.Module
        The model, which is in the same mode when a part is read again.

    Raises
    ------
    OutOfMemoryError
        When memory does not suffice for a single row.
    """
    count = len(batches[0].ids)
    while True:
        parts = compute.parts.of(count)
        with memory_told(f"A batch of {count} rows was read in {parts} parts"):
            try:
                return _read_in(parts, read, batches, model)
            except Exception as error:
                if not is_out_of_memory(error) or not compute.parts.double(count):
                    raise
        # Here the error is gone, and with it the values that it kept in memory.


def _read_in(parts: int, read: Read, batches: Sequence[Batch], model: nn.Module) -> list[Tensor]:
    if parts == 1:
        return list(read(batches))
    training = model.training

    def read_again(some: Sequence[Batch]) -> Sequence[Tensor]:
        if model.training == training:
            return read(some)
        model.train(training)  # dropout was on, and is off when gradients are computed
        try:
            return read(some)
        finally:
            model.train(not training)

    rows = torch.arange(len(batches[0].ids), device=batches[0].ids.device).chunk(parts)
    pieces = [[batch.select(part) for batch in batches] for part in rows]
    if torch.is_grad_enabled():
        found = [checkpoint(read_again, piece, use_reentrant=False) for piece in pieces]
    else:
        found = [read(piece) for piece in pieces]
    return [torch.cat(tensors) for tensors in zip(*found, strict=True)]
