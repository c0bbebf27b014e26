"""The losses of a training's steps, on its device."""

from __future__ import annotations

import torch
from torch import Tensor

_FIRST_ROOM = 256  # steps


class History:
    """Losses of the steps so far: four bytes each, where a tensor of its own takes some 600.

    Parameters
    ----------
    losses : Tensor (steps,)
        Those of the steps before, if there are any.
    """

    def __init__(self, losses: Tensor | None = None) -> None:
        self._room = torch.empty(0) if losses is None else losses
        self._steps = len(self._room)

    def __len__(self) -> int:
        return self._steps

    def append(self, loss: Tensor) -> None:
        """Add the loss of a step; its value is copied, without waiting for a GPU."""
        if self._steps == len(self._room):
            room = loss.new_empty(max(_FIRST_ROOM, 2 * self._steps))
            room[: self._steps] = self._room
            self._room = room
        self._room[self._steps] = loss
        self._steps += 1

    def since(self, step: int) -> Tensor:
        """Return the losses of the steps after this one, (steps,)."""
        return self._room[step : self._steps].clone()
