"""Rows of a fixed number of tokens, filled with several texts each, so that nothing is padded.

A text never sees its neighbours: attention stops at the bounds of texts, and positions start again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LENGTH = 256  # tokens of a row: L
MOST = 24  # texts of a row: S
PAD, CLS, SEP, MASK = 0, 101, 102, 103


@dataclass(frozen=True)
class Rows:
    """N rows.

    Parameters
    ----------
    ids : Tensor
        Token ids, (N, L).
    positions : Tensor
        Places of tokens in their texts, (N, L).
    texts : Tensor
        Which of a row's texts a token is in, (N, L); S for padding.
    bounds : Tensor
        Places in the row where texts and then the padding start, (N, S + 1); L for none.
    items : Tensor
        Number of every text in the list that was packed, (N, S); -1 for none.
    """

    ids: Tensor
    positions: Tensor
    texts: Tensor
    bounds: Tensor
    items: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device) -> Rows:
        """Return the rows on another device."""
        return Rows(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def take(self, index: Tensor) -> Rows:
        """Return some rows, as int64; `items` and all."""
        return Rows(**{f.name: getattr(self, f.name)[index].long() for f in fields(self)})

    @staticmethod
    def joined(parts: Sequence[Rows]) -> Rows:
        """Return all rows of several."""
        return Rows(
            **{f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Rows)}
        )

    def sequences(self, most: int = MOST + 1) -> Tensor:
        """Return where texts and paddings start in the flat tokens, and the end, int32.

        There are N ``most`` + 1, so that the shape is always the same: the end stands for those
        that are missing. ``most`` texts of a row on the average are as many as there may be.
        """
        first = LENGTH * torch.arange(len(self), device=self.ids.device)
        end = LENGTH * len(self)
        starts = (self.bounds + first[:, None]).flatten()
        there = (self.bounds < LENGTH).flatten()
        at = torch.where(there, there.cumsum(0) - 1, len(self) * most)
        found = torch.full((len(self) * most + 1,), end, device=self.ids.device)
        # Whatever is missing writes the end to the last place.
        return found.scatter(0, at, torch.where(there, starts, end)).int()

    @property
    def owners(self) -> Tensor:
        """Number of every token's text among N (S + 1) texts, (N L,); S of a row for padding."""
        first = (MOST + 1) * torch.arange(len(self), device=self.ids.device)
        return (self.texts + first[:, None]).flatten()


def pack(flat: NDArray[np.int16], starts: NDArray[np.int64], seed: int) -> Rows:
    """Pack texts into as few rows as a quick search finds: best fit, in random order.

    Parameters
    ----------
    flat : array
        Token ids of all texts with their special tokens, one after another, (T,).
    starts : array
        Where texts start and the last one ends, (N + 1,). No text is longer than a row.
    seed : int
        Seed of the order.
    """
    lengths = np.diff(starts)
    rooms: list[list[int]] = [[] for _ in range(LENGTH + 1)]  # rows by the tokens that are left
    rows: list[list[int]] = []
    for item in np.random.default_rng(seed).permutation(len(lengths)).tolist():
        length = int(lengths[item])
        room = next((r for r in range(length, LENGTH) if rooms[r]), None)
        if room is None:
            row, room = len(rows), LENGTH
            rows.append([])
        else:
            row = rooms[room].pop()
        rows[row].append(item)
        # A row with little room is full: looking for a text so short costs more than it brings.
        if len(rows[row]) < MOST and room - length >= 6:
            rooms[room - length].append(row)
    counts = np.array([len(row) for row in rows])
    order = np.concatenate([np.array(row) for row in rows]) if rows else np.zeros(0, np.int64)
    at_row = np.repeat(np.arange(len(rows)), counts)
    slot = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    size = lengths[order]
    place = np.cumsum(size) - size
    place = place - np.repeat(place[np.cumsum(counts) - counts], counts)  # in the row
    within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    target = np.repeat(at_row * LENGTH + place, size) + within
    shape = (len(rows), LENGTH)
    ids = np.full(shape, PAD, np.int16)
    positions = np.zeros(shape, np.int16)
    texts = np.full(shape, MOST, np.int16)
    ids.flat[target] = flat[np.repeat(starts[:-1][order], size) + within]
    positions.flat[target] = within
    texts.flat[target] = np.repeat(slot, size)
    bounds = np.full((len(rows), MOST + 1), LENGTH, np.int16)
    bounds[at_row, slot] = place
    used = np.zeros(len(rows), np.int64)
    np.add.at(used, at_row, size)
    bounds[np.arange(len(rows)), counts] = used
    items = np.full((len(rows), MOST), -1, np.int32)
    items[at_row, slot] = order
    return Rows(*(torch.from_numpy(a) for a in (ids, positions, texts, bounds, items)))
