"""Learned values of a soft template and their places: small values that travel with a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pet.device import put


@dataclass(frozen=True)
class Prompt:
    """Learned values of T slots; `Slots` assign them to the places of a batch.

    ``vectors`` (T, E) stand in for word embeddings. ``deep`` maps the number of an encoder layer
    to (T, H), which replaces that layer's input at the slots or, with ``adds``, is added to it.
    ``attended`` (D, 2, T, K), for all D layers, replaces the slots' keys and values, which is all
    that other tokens see of them; K is the number of heads times their width.
    """

    vectors: Tensor
    deep: Mapping[int, Tensor] = field(default_factory=dict)
    adds: bool = False
    attended: Tensor | None = None

    def by_slot(self) -> Tensor:
        """Return all learned values of each slot, (T, F)."""
        if self.attended is not None:  # no other token sees the vectors
            return self.attended.permute(2, 0, 1, 3).flatten(1)
        return torch.cat([self.vectors, *self.deep.values()], dim=1)


@dataclass(frozen=True)
class Slots:
    """Places of a batch that take vectors of one prompt: all (K,), K over the whole batch.

    Place ``[rows[k], columns[k]]`` takes entry ``entries[k]`` of the prompt. Rows may have
    different numbers of slots, or none, and share entries or not.
    """

    rows: Tensor
    columns: Tensor
    entries: Tensor

    def select(self, rows: Tensor) -> Slots:
        """Return the slots of rows by number, (R,), in their order."""
        same = rows.to(self.rows.device)[:, None] == self.rows
        selected, slots = same.nonzero(as_tuple=True)
        return Slots(selected, self.columns[slots], self.entries[slots])

    @classmethod
    def in_every_row(
        cls, columns: NDArray[np.int64], entries: NDArray[np.int64], device: torch.device
    ) -> Slots:
        """Return slots that every row has: positions (B, S) and their entries (S,)."""
        count, width = columns.shape
        rows = np.repeat(np.arange(count), width)
        arrays = (rows, columns.ravel(), np.tile(entries, count))
        return cls(*(put(array, device) for array in arrays))


@dataclass(frozen=True)
class Filling:
    """Places of a batch that are filled from one prompt; a joined batch has several fillings.

    ``prompt`` is called when the model runs. Without it the model sees the ids in the slots, such
    as the words that they start as.
    """

    slots: Slots
    prompt: Callable[[], Prompt] | None = None

    def settled(self) -> Filling:
        """Compute the prompt once, so that several passes see the same values.

        The prompt is computed in fp32, whatever the precision of the model's products.
        """
        if self.prompt is None:
            return self
        with torch.autocast(self.slots.rows.device.type, enabled=False):
            prompt = self.prompt()
        return replace(self, prompt=lambda: prompt)

    def select(self, rows: Tensor) -> Filling:
        """Return the filling of rows by number, (R,), in their order."""
        return replace(self, slots=self.slots.select(rows))

    def below(self, rows: int) -> Filling:
        """Shift the filling down by so many rows."""
        return replace(self, slots=replace(self.slots, rows=self.slots.rows + rows))
