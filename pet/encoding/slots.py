"""What a soft template puts into a model, and where: small values that travel with a batch."""

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
    """Learned values of T slots; `Slots` say which place of a batch takes which.

    ``vectors`` (T, E) stand in for word embeddings. ``deep`` maps the number of an encoder layer
    to (T, H), which replaces what comes to that layer at the slots or, with ``adds``, is added to
    it. ``attended`` (D, 2, T, K), for all D layers, replaces the slots' keys and values, which is
    all that other tokens see of them; K is the number of heads times their width.
    """

    vectors: Tensor
    deep: Mapping[int, Tensor] = field(default_factory=dict)
    adds: bool = False
    attended: Tensor | None = None

    def by_slot(self) -> Tensor:
        """Everything that is learned of each slot, (T, F)."""
        if self.attended is not None:  # the vectors are seen by no other token
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

    def take(self, rows: Tensor) -> Slots:
        """Return the slots of some rows, given by number, in their order."""
        found, numbers = (rows.to(self.rows.device)[:, None] == self.rows).nonzero(as_tuple=True)
        return Slots(found, self.columns[numbers], self.entries[numbers])

    @classmethod
    def of(
        cls, columns: NDArray[np.int64], entries: NDArray[np.int64], device: torch.device
    ) -> Slots:
        """Take slots that every row has: positions (B, S) and their entries (S,)."""
        count, width = columns.shape
        rows = np.repeat(np.arange(count), width)
        parts = (rows, columns.ravel(), np.tile(entries, count))
        return cls(*(put(part, device) for part in parts))


@dataclass(frozen=True)
class Filling:
    """Which places of a batch are filled from which prompt; rows of another prompt have their own.

    Without ``prompt`` the model sees the ids that stand in the slots, such as the words they start
    as; with it, what it gives when the model runs.
    """

    slots: Slots
    prompt: Callable[[], Prompt] | None = None

    def settled(self) -> Filling:
        """Return the same with its prompt computed, for all passes that are to see it.

        It is computed in fp32, whatever the precision of the model's products.
        """
        if self.prompt is None:
            return self
        with torch.autocast(self.slots.rows.device.type, enabled=False):
            prompt = self.prompt()
        return replace(self, prompt=lambda: prompt)

    def take(self, rows: Tensor) -> Filling:
        """Return that of some rows, in their order."""
        return replace(self, slots=self.slots.take(rows))

    def below(self, rows: int) -> Filling:
        """Return the same with so many rows above it."""
        return replace(self, slots=replace(self.slots, rows=self.slots.rows + rows))
