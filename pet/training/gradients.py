"""The gradients of one step, computed again in smaller parts where memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from pet.device import Compute
from pet.errors import is_out_of_memory
from pet.training.job import AnyLoss


class Stepping(Protocol):
    """A job during its optimisation."""

    @property
    def scaler(self) -> torch.amp.GradScaler:
        """Loss scaling of fp16."""

    def forget_gradients(self) -> None:
        """Drop the gradients, some of which may be of a part of a batch only."""


def with_gradients(
    active: Sequence[Stepping],
    batches: Sequence[Sequence[AnyLoss]],
    joint: Callable[[Sequence[AnyLoss]], Sequence[Tensor]],
    compute: Compute,
) -> list[Tensor]:
    """Compute the gradients of a step and return each job's loss, the mean over its batches.

    If the backward pass runs out of memory, the step is done again with smaller parts.

    Parameters
    ----------
    active : sequence of Stepping
        The jobs.
    batches : sequence of sequences of callables
        For every batch that the step accumulates, a loss of every job.
    joint : callable
        Computes the losses of a batch.
    compute : Compute
        Keeps the number of parts.
    """
    while True:
        try:
            return _once(active, batches, joint, compute)
        except Exception as error:
            if not is_out_of_memory(error) or not compute.parts.double():
                raise
        # Here the error is gone, and with it the graph that `_once` had built.
        for one in active:
            one.forget_gradients()


def _once(
    active: Sequence[Stepping],
    batches: Sequence[Sequence[AnyLoss]],
    joint: Callable[[Sequence[AnyLoss]], Sequence[Tensor]],
    compute: Compute,
) -> list[Tensor]:
    """Compute the gradients in one try; what its losses hold in memory ends with the call."""
    totals = [torch.zeros((), device=compute.device) for _ in active]
    for batch in batches:
        losses = [loss / len(batches) for loss in joint(batch)]
        torch.autograd.backward(
            [one.scaler.scale(loss) for one, loss in zip(active, losses, strict=True)]
        )
        for total, loss in zip(totals, losses, strict=True):
            total += loss.detach()
    return totals
