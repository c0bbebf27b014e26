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

    ``attention`` is None where nothing is padded, ``segments`` where the model takes none.
    ``after`` holds token sequences that a model reads behind the mask of every row, each on its
    own: the beginnings of label words, for models that predict a word token by token. ``fillings``
    say which places hold learned tokens: none where the pattern is hard, several where rows of
    several patterns were joined.
    """

    ids: torch.Tensor
    attention: torch.Tensor | None
    segments: torch.Tensor | None
    masks: torch.Tensor
    after: tuple[tuple[int, ...], ...] = ()
    fillings: tuple[Filling, ...] = ()

    def words(self, slot_id: int) -> Ints:
        """The ids (B, L) with ``slot_id`` at learned tokens, which are no words to be predicted."""
        ids: Ints = self.ids.cpu().numpy().copy()
        for filling in self.fillings:
            ids[filling.slots.rows.cpu(), filling.slots.columns.cpu()] = slot_id
        return ids

    def settled(self) -> Batch:
        """Return the same with its prompts computed, for several passes that are to see them."""
        return replace(self, fillings=tuple(filling.settled() for filling in self.fillings))

    def by_length(self, pass_cost: int) -> list[torch.Tensor]:
        """Numbers of rows that are best read together, see `similar_lengths`: one (R,) a pass."""
        if self.attention is None or pass_cost >= self.ids.numel():
            return [torch.arange(len(self.ids), device=self.ids.device)]
        groups = similar_lengths(self.attention.sum(dim=1).cpu().numpy(), pass_cost)
        return [torch.from_numpy(rows).to(self.ids.device) for rows in groups]

    def shortened(self, rows: torch.Tensor) -> Batch:
        """Return some of the rows, no longer than the longest of them."""
        part = self.take(rows)
        if part.attention is None:
            return part
        length = int(part.attention.sum(dim=1).max())
        attention = part.attention[:, :length]
        return replace(
            part,
            ids=part.ids[:, :length],
            attention=None if bool(attention.all()) else attention,
            segments=None if part.segments is None else part.segments[:, :length],
        )

    def take(self, rows: torch.Tensor) -> Batch:
        """Return some of the rows, as long as before."""
        ids, masks = self.ids[rows], self.masks[rows]
        attention, segments = (
            None if part is None else part[rows] for part in (self.attention, self.segments)
        )
        return replace(
            self,
            ids=ids,
            attention=attention,
            segments=segments,
            masks=masks,
            fillings=tuple(filling.take(rows) for filling in self.fillings),
        )


@dataclass(frozen=True)
class LabelSlot:
    """Where the names of C labels go.

    Their tokens stand end to end behind those of the texts, from ``starts`` (C + 1) on; ``places``
    (N,) are the positions in the texts' rows that they are put in at, and ``behind`` (M + S,) tells
    which of the masks and then of the learned tokens give way to them.
    """

    starts: Ints
    places: Ints
    behind: NDArray[np.bool_]

    @property
    def lengths(self) -> Ints:
        """Tokens of every label's name, (C,)."""
        return np.diff(self.starts)

    def put_in(self, source: Ints, marked: Ints, texts: Ints, labels: Ints) -> tuple[Ints, Ints]:
        """Make room for one label's name in every row.

        Returns new flat sources (B, L), and where positions (B, K) that are marked have gone.
        """
        places, widths = self.places[texts, None], self.lengths[labels, None]
        within = np.arange(source.shape[1]) - places
        behind = np.where(within >= widths, source - widths, source)
        inside = (within >= 0) & (within < widths)
        source = np.where(inside, self.starts[labels, None] + within, behind)
        return source, marked + np.where(self.behind, widths, 0)


@dataclass(frozen=True)
class Encoded:
    """N examples put through one pattern, which asks Q questions about each: N Q rows to batch.

    Q is 1, or the number of labels C where the pattern names a label. Row r is question r % Q about
    example r // Q. Only the examples are stored: names of labels are put in when a batch is made,
    so memory does not grow with C.

    ``ids`` and ``segments`` are ragged rows of token ids and segment numbers, ``masks`` (N, M)
    holds the positions whose states predict the label word, ``slots`` (N, S) those of learned
    tokens, all without the label's name; ``slot`` says where that goes, ``entries`` (S,) which
    vector of the soft template each slot takes.
    """

    ids: Ragged
    segments: Ints | None
    masks: Ints
    pad_id: int
    slot: LabelSlot | None = None
    slots: Ints | None = None
    entries: Ints | None = None

    def __len__(self) -> int:
        return len(self.masks) * self.questions

    @property
    def questions(self) -> int:
        """How many rows every example has, Q."""
        return 1 if self.slot is None else len(self.slot.lengths)

    @cached_property
    def lengths(self) -> Ints:
        """Tokens of every row, (N Q,)."""
        own = self.ids.lengths
        return own if self.slot is None else (own[:, None] + self.slot.lengths).ravel()

    def batches(self, token_budget: int) -> Iterator[Ints]:
        """Yield row numbers, longest rows first, at most ``token_budget`` padded tokens a batch."""
        return within_budget(self.lengths, token_budget)

    def each(self, compute: Compute, of: Callable[[Batch], torch.Tensor]) -> torch.Tensor:
        """What ``of`` makes of every row, (N Q, ...): batch by batch, put back into order."""
        whole = torch.empty(0)
        for rows in self.batches(compute.token_budget):
            found = of(self.batch(rows, compute.device))
            if not len(whole):
                whole = found.new_empty(len(self), *found.shape[1:])
            whole[compute.put(rows).to(found.device)] = found
        return whole

    def batch(self, rows: Ints, device: torch.device) -> Batch:
        """Pad the given rows to the longest of them, on the right."""
        texts, labels = np.divmod(rows, self.questions)
        lengths, masks = self.lengths[rows], self.masks[texts]
        places = masks if self.slots is None else np.hstack([masks, self.slots[texts]])
        columns = np.arange(int(lengths.max()))
        real = columns < lengths[:, None]
        source = self.ids.starts[texts, None] + columns
        if self.slot is not None:
            source, places = self.slot.put_in(source, places, texts, labels)
        source = np.where(real, source, 0)
        ids = np.where(real, self.ids.flat[source], self.pad_id)
        segments = None
        if self.segments is not None:
            segments = put(np.where(real, self.segments[source], 0), device)
        attention = None if real.all() else put(real.astype(np.int64), device)
        fillings: tuple[Filling, ...] = ()
        if self.slots is not None and self.entries is not None:
            fillings = (Filling(Slots.of(places[:, masks.shape[1] :], self.entries, device)),)
        return Batch(
            put(ids, device),
            attention,
            segments,
            put(places[:, : masks.shape[1]], device),
            fillings=fillings,
        )


def within_budget(lengths: Ints, token_budget: int, copies: Ints | int = 1) -> Iterator[Ints]:
    """Yield numbers of rows, longest first, at most ``token_budget`` padded tokens at a time.

    A row that is there several times, ``copies`` (N,), counts as often; one row is always allowed.
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
    # best[n]: the least cost of the n longest rows, and where the last of their groups starts.
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
