"""Encoded examples, and batches of them that waste little on padding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from pet.device import Compute, put
from pet.encoding.ragged import Ragged
from pet.encoding.slots import Filling, Slots
from pet.types import Ints


@dataclass(frozen=True)
class Batch:
    """Padded rows on a device: ``ids``, ``attention`` and ``segments`` (B, L), ``masks`` (B, M).

    ``attention`` is None when nothing is padded, ``segments`` when the model takes none. ``after``
    holds token sequences that a model reads behind the mask of every row, one at a time: the
    beginnings of label words, for models that predict a word token by token. ``fillings`` are the
    places of learned tokens: none for a hard pattern, several for joined rows of several patterns.
    """

    ids: torch.Tensor
    attention: torch.Tensor | None
    segments: torch.Tensor | None
    masks: torch.Tensor
    after: tuple[tuple[int, ...], ...] = ()
    fillings: tuple[Filling, ...] = ()

    def words(self, slot_id: int) -> Ints:
        """Return the ids (B, L) with ``slot_id`` at learned tokens, which are never predicted."""
        ids: Ints = self.ids.cpu().numpy().copy()
        for filling in self.fillings:
            ids[filling.slots.rows.cpu(), filling.slots.columns.cpu()] = slot_id
        return ids

    def settled(self) -> Batch:
        """Compute the prompts once, so that several passes see the same values."""
        return replace(self, fillings=tuple(filling.settled() for filling in self.fillings))

    def by_length(self, pass_cost: int) -> list[torch.Tensor]:
        """Group row numbers for forward passes, one (R,) a pass; see `similar_lengths`."""
        if self.attention is None or pass_cost >= self.ids.numel():
            return [torch.arange(len(self.ids), device=self.ids.device)]
        groups = similar_lengths(self.attention.sum(dim=1).cpu().numpy(), pass_cost)
        return [torch.from_numpy(rows).to(self.ids.device) for rows in groups]

    def shortened(self, rows: torch.Tensor) -> Batch:
        """Select rows, and cut their padding to the longest of them."""
        batch = self.select(rows)
        if batch.attention is None:
            return batch
        length = int(batch.attention.sum(dim=1).max())
        attention = batch.attention[:, :length]
        return replace(
            batch,
            ids=batch.ids[:, :length],
            attention=None if bool(attention.all()) else attention,
            segments=None if batch.segments is None else batch.segments[:, :length],
        )

    def select(self, rows: torch.Tensor) -> Batch:
        """Return some rows by number, (R,); their padding stays."""
        return replace(
            self,
            ids=self.ids[rows],
            attention=None if self.attention is None else self.attention[rows],
            segments=None if self.segments is None else self.segments[rows],
            masks=self.masks[rows],
            fillings=tuple(filling.select(rows) for filling in self.fillings),
        )


@dataclass(frozen=True)
class LabelSlot:
    """Place for the name of one of C labels in every row.

    The names' tokens stand end to end behind those of the texts, from ``starts`` (C + 1,) on.
    ``places`` (N,) are the positions in the rows at which a name is inserted. ``behind`` (M + S,)
    tells which masks, and then which learned tokens, stand after it and are shifted.
    """

    starts: Ints
    places: Ints
    behind: NDArray[np.bool_]

    @property
    def lengths(self) -> Ints:
        """Number of tokens of every label's name, (C,)."""
        return np.diff(self.starts)

    def insert(self, source: Ints, marked: Ints, texts: Ints, labels: Ints) -> tuple[Ints, Ints]:
        """Insert one label's name into every row.

        Parameters
        ----------
        source : array (B, L)
            Indices into the flat tokens, without names.
        marked : array (B, M + S)
            Positions of masks and learned tokens, without names.
        texts, labels : array (B,)
            Text and label of every row.

        Returns
        -------
        array (B, L)
            Indices with the names' tokens.
        array (B, M + S)
            The positions after the insertion.
        """
        places, widths = self.places[texts, None], self.lengths[labels, None]
        within = np.arange(source.shape[1]) - places
        behind = np.where(within >= widths, source - widths, source)
        inside = (within >= 0) & (within < widths)
        source = np.where(inside, self.starts[labels, None] + within, behind)
        return source, marked + np.where(self.behind, widths, 0)


@dataclass(frozen=True)
class Encoded:
    """N examples in one pattern, which asks Q questions about each: N Q rows to batch.

    Q is 1, or the number of labels C if the pattern names a label. Row r is question r % Q about
    example r // Q. Only the examples are stored: names of labels are inserted when a batch is made,
    so memory does not grow with C.

    ``ids`` and ``segments`` are ragged rows of token ids and segment numbers, ``masks`` (N, M) the
    positions whose states predict the label word, ``soft_slots`` (N, S) the positions of learned
    tokens; all of them without the label's name, whose place is ``label_slot``. ``entries`` (S,)
    are the vectors of the soft template that the slots take, by number.
    """

    ids: Ragged
    segments: Ints | None
    masks: Ints
    pad_id: int
    label_slot: LabelSlot | None = None
    soft_slots: Ints | None = None
    entries: Ints | None = None

    def __len__(self) -> int:
        return len(self.masks) * self.questions

    @property
    def questions(self) -> int:
        """Number of rows of every example, Q."""
        return 1 if self.label_slot is None else len(self.label_slot.lengths)

    @cached_property
    def lengths(self) -> Ints:
        """Number of tokens of every row, (N Q,)."""
        lengths = self.ids.lengths
        if self.label_slot is None:
            return lengths
        return (lengths[:, None] + self.label_slot.lengths).ravel()

    def batches(self, token_budget: int) -> Iterator[Ints]:
        """Yield row numbers, longest rows first, at most ``token_budget`` padded tokens a batch."""
        return within_budget(self.lengths, token_budget)

    def each(self, compute: Compute, read: Callable[[Batch], torch.Tensor]) -> torch.Tensor:
        """Apply ``read`` to batches; return its results in the order of the rows, (N Q, ...)."""
        results = torch.empty(0)
        for rows in self.batches(compute.token_budget):
            result = read(self.batch(rows, compute.device))
            if not len(results):
                results = result.new_empty(len(self), *result.shape[1:])
            results[compute.put(rows).to(result.device)] = result
        return results

    def batch(self, rows: Ints, device: torch.device) -> Batch:
        """Return the given rows, (B,), padded on the right to the longest of them."""
        texts, labels = np.divmod(rows, self.questions)
        lengths, masks = self.lengths[rows], self.masks[texts]
        places = masks if self.soft_slots is None else np.hstack([masks, self.soft_slots[texts]])
        columns = np.arange(int(lengths.max()))
        real = columns < lengths[:, None]
        source = self.ids.starts[texts, None] + columns
        if self.label_slot is not None:
            source, places = self.label_slot.insert(source, places, texts, labels)
        source = np.where(real, source, 0)
        ids = np.where(real, self.ids.flat[source], self.pad_id)
        segments = None
        if self.segments is not None:
            segments = put(np.where(real, self.segments[source], 0), device)
        attention = None if real.all() else put(real.astype(np.int64), device)
        fillings: tuple[Filling, ...] = ()
        if self.soft_slots is not None and self.entries is not None:
            slots = Slots.in_every_row(places[:, masks.shape[1] :], self.entries, device)
            fillings = (Filling(slots),)
        return Batch(
            put(ids, device),
            attention,
            segments,
            put(places[:, : masks.shape[1]], device),
            fillings=fillings,
        )


def within_budget(lengths: Ints, token_budget: int, copies: Ints | int = 1) -> Iterator[Ints]:
    """Yield row numbers, longest rows first, at most ``token_budget`` padded tokens at a time.

    Row n counts ``copies[n]`` times. A single row is always allowed.
    """
    order = np.argsort(-lengths, kind="stable")
    counted = np.broadcast_to(copies, lengths.shape)[order].cumsum()
    start = before = 0
    while start < len(order):
        room = token_budget // int(lengths[order[start]])
        end = max(start + 1, int(np.searchsorted(counted, before + room, side="right")))
        yield order[start:end]
        start, before = end, int(counted[end - 1])


def similar_lengths(lengths: Ints, pass_cost: int) -> list[Ints]:
    """Split rows into groups that together cost least: padded tokens, and ``pass_cost`` a group."""
    order = np.argsort(-lengths, kind="stable")
    ranked = lengths[order].tolist()
    # best[n]: the least cost of the n longest rows, and the start of their last group.
    best = [(0, 0)]
    for end in range(1, len(ranked) + 1):
        best.append(
            min(
                (best[start][0] + (end - start) * ranked[start] + pass_cost, start)
                for start in range(end)
            )
        )
    groups, end = [], len(ranked)
    while end:
        start = best[end][1]
        groups.append(order[start:end])
        end = start
    return groups[::-1]
