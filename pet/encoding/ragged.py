"""Rows of different lengths, stored end to end in one array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pet.types import Ints


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths, end to end: ``flat`` (T,) and ``starts`` (N + 1,)."""

    flat: Ints
    starts: Ints

    @classmethod
    def pack(cls, rows: Sequence[Sequence[int] | Ints]) -> Ragged:
        """Store rows end to end."""
        starts = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=starts[1:])
        flat = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows] or [starts[:0]])
        return cls(flat, starts)

    @classmethod
    def joined(cls, parts: Sequence[Ragged]) -> Ragged:
        """Store the rows of all parts, one part after the other."""
        lengths = np.concatenate([part.lengths for part in parts])
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return cls(np.concatenate([part.flat for part in parts]), starts)

    @property
    def lengths(self) -> Ints:
        """Length of every row, (N,)."""
        return np.diff(self.starts)

    def select(self, rows: Ints) -> Ragged:
        """Copy rows by number, (R,); a number may be repeated."""
        lengths = self.lengths[rows]
        starts = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(lengths, out=starts[1:])
        source = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], lengths)
        return Ragged(self.flat[source], starts)
