"""Examples in a pattern, assembled from tokens by array operations.

A chunk of texts is tokenised once; every pattern is then assembled around the same tokens,
without a Python step per example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np

from pet.encoding.batches import Encoded, LabelSlot
from pet.encoding.ragged import Ragged
from pet.encoding.token_runs import token_runs
from pet.encoding.tokenizer import TextTokenizer
from pet.errors import PatternError
from pet.task.parts import Field, Mask, Part, Soft, Words, input_parts
from pet.types import Ints


class FieldTokens(Protocol):
    """Examples with tokenised fields."""

    def __len__(self) -> int:
        """Return the number of examples, N."""

    def field(self, name: str, after_space: bool) -> Ragged:
        """Return the tokens of one field, N rows."""


class Chunk:
    """Examples whose fields are tokenised once for all patterns."""

    def __init__(self, tokenizer: TextTokenizer, texts: Sequence[Mapping[str, str]]) -> None:
        self.texts = texts
        self._tokenizer = tokenizer
        self._tokens: dict[tuple[str, bool], Ragged] = {}

    def __len__(self) -> int:
        return len(self.texts)

    def field(self, name: str, after_space: bool) -> Ragged:
        """Return the tokens of one field, N rows."""
        key = (name, after_space and self._tokenizer.space_counts)
        if key not in self._tokens:
            texts = [texts[name] for texts in self.texts]
            self._tokens[key] = self._tokenizer.texts(texts, after_space)
        return self._tokens[key]


class Encoder:
    """Assembler of examples in one pattern.

    Parameters
    ----------
    tokenizer : TextTokenizer
        The backbone's tokenizer.
    parts : tuple of Part
        A pattern's parts, or `pet.task.parts.input_parts`.
    max_length : int
        Most tokens of a row, special tokens included.
    n_masks : int
        Number of mask tokens for ``{mask}``, M.
    labels : sequence of str
        Names for ``{label}``. Room is kept for the longest, so that a text is shortened alike for
        every label.

    Raises
    ------
    PatternError
        When the parts that are never shortened leave no room.
    """

    def __init__(
        self,
        tokenizer: TextTokenizer,
        parts: tuple[Part, ...],
        max_length: int,
        n_masks: int = 1,
        labels: Sequence[str] = (),
    ) -> None:
        self._tokenizer = tokenizer
        self._max_length = max_length
        self._parts = parts
        self._runs, soft_starts = token_runs(tokenizer, parts, n_masks)
        # For every vector of the soft template the token it starts as; None for pseudo tokens.
        self.soft_starts = tuple(soft_starts)
        if tokenizer.open_ended and Mask() in parts and parts[-1] != Mask():
            raise PatternError(
                "This backbone reads from left to right and predicts what comes last, but "
                f"{{mask}} is part {parts.index(Mask()) + 1} of {len(parts)} of the pattern.",
                "End the pattern with {mask}, as in '{text} It was {mask}', or choose a masked LM.",
            )
        self._names: Ragged | None = None
        for run in self._runs:
            if run.is_label:
                self._names = tokenizer.texts(labels, run.after_space)
        self._fixed = sum(len(run.ids) for run in self._runs)
        longest = 0 if self._names is None else int(self._names.lengths.max())
        fixed = self._fixed + longest
        # Tokens that are left for text.
        self.room = max_length - fixed
        if self.room < 1:
            shows = any(isinstance(part, Field) and part.beside for part in parts)
            raise PatternError(
                f"The pattern's own tokens{' and its demonstrations' if shows else ''} take "
                f"{fixed} of {max_length} tokens; no room is left for text.",
                f"{'Leave `--demonstrations` out, s' if shows else 'S'}horten the pattern or raise "
                "`--max-length`.",
            )

    @classmethod
    def plain(cls, tokenizer: TextTokenizer, fields: Sequence[str], max_length: int) -> Encoder:
        """Return the encoder of a classifier's input: the fields without a pattern."""
        return cls(tokenizer, input_parts(list(fields)), max_length)

    @cached_property
    def mask_after_space(self) -> bool:
        """Whether the label word stands after a space, which some tokenizers need to know."""
        return any(run.masks and run.after_space for run in self._runs)

    @property
    def mask_anchor(self) -> str:
        """Character before a label word that stands after no space."""
        match self._parts[self._parts.index(Mask()) - 1]:
            case Words(text) | Soft(text=str() as text):
                return text[-1]
        return "x"

    def encode(self, chunk: FieldTokens) -> Encoded:
        """Assemble the chunk's examples; fields that are too long are shortened.

        Raises
        ------
        PatternError
            When fields that are marked ``:keep`` do not fit.
        """
        count = len(chunk)
        fields = [run.field for run in self._runs if run.field is not None]
        tokens = [
            chunk.field(run.field.name, run.after_space)
            for run in self._runs
            if run.field is not None
        ]
        kept = self._shares(fields, [field.lengths for field in tokens], count)
        lengths = np.full(count, self._fixed, dtype=np.int64)
        for share in kept:
            lengths += share
        starts = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(lengths, out=starts[1:])
        names = Ragged.pack([]) if self._names is None else self._names
        flat = np.empty(starts[-1] + len(names.flat), dtype=np.int64)
        flat[starts[-1] :] = names.flat
        segments = np.zeros(len(flat), dtype=np.int64) if self._tokenizer.has_segments else None
        named_at: Ints | None = None
        behind: list[bool] = []
        masks = np.zeros((count, 0), dtype=np.int64)
        slots = []
        cursor = starts[:-1].copy()
        next_field = 0
        for run in self._runs:
            if run.is_label:
                named_at = cursor - starts[:-1]
                if segments is not None:
                    segments[starts[-1] :] = run.segment
                continue
            if run.field is None:
                target = cursor[:, None] + np.arange(len(run.ids))
                flat[target] = run.ids
                width: Ints | int = len(run.ids)
                if run.masks:
                    last = target if run.ids else cursor[:, None] - 1
                    masks = last - starts[:-1, None]
                    behind = [named_at is not None] * masks.shape[1] + behind
                if run.entries:
                    slots.append(target - starts[:-1, None])
                    behind += [named_at is not None] * len(run.entries)
            else:
                width, field_tokens = kept[next_field], tokens[next_field]
                target, source = _copied(cursor, width, field_tokens, run.field.cut)
                flat[target] = field_tokens.flat[source]
                next_field += 1
            if segments is not None and run.segment:
                segments[target] = run.segment
            cursor = cursor + width
        label_slot = None
        if named_at is not None:
            label_slot = LabelSlot(names.starts + starts[-1], named_at, np.array(behind))
        rows, pad_id = Ragged(flat, starts), self._tokenizer.pad_id
        if not slots:
            return Encoded(rows, segments, masks, pad_id, label_slot)
        entries = np.array([entry for run in self._runs for entry in run.entries], dtype=np.int64)
        soft_slots = np.concatenate(slots, axis=1)
        return Encoded(rows, segments, masks, pad_id, label_slot, soft_slots, entries)

    def _shares(self, fields: list[Field], lengths: list[Ints], count: int) -> list[Ints]:
        """Return the numbers of tokens that fields keep of their ``lengths``, (N,) a field.

        The longest field is shortened first, a field marked ``:keep`` never. Demonstrations get
        the room that the input does not need, at most half of all.
        """
        room = np.full(count, self.room, dtype=np.int64)
        inputs: list[Ints] = []
        beside: list[Ints] = []
        for field, length in zip(fields, lengths, strict=True):
            if field.keep:
                room = room - length
            else:
                (beside if field.beside else inputs).append(length)
        if (room < 0).any():
            row = int(np.argmin(room))
            raise PatternError(
                f"Example {row + 1} of this batch: the fields marked :keep are {-room[row]} tokens "
                f"longer than {self._max_length} tokens allow.",
                "Drop :keep or raise `--max-length`.",
            )
        outer = sum(beside, np.zeros(count, dtype=np.int64))
        inner = _shortened(inputs, np.maximum(room - outer, room // 2))
        shown = _shortened(beside, room - sum(inner, np.zeros(count, dtype=np.int64)))
        kept_inner, kept_outer = iter(inner), iter(shown)
        return [
            length if field.keep else next(kept_outer if field.beside else kept_inner)
            for field, length in zip(fields, lengths, strict=True)
        ]


def _shortened(lengths: Sequence[Ints], room: Ints) -> list[Ints]:
    """Return how much of the fields' ``lengths``, (N,) each, is kept to fit into ``room`` (N,).

    The longest fields are cut to one length. What is left over, less than a token for each of them,
    goes to the longest, the last of them among equals: so do tokenizers cut pairs of texts
    ("longest first").
    """
    if not lengths:
        return []
    stacked = np.stack(lengths)
    kept = np.minimum(stacked, _caps(stacked, room))
    is_cut = kept < stacked
    order = np.where(is_cut, -stacked, 1)[::-1].argsort(axis=0, kind="stable").argsort(axis=0)[::-1]
    kept += is_cut & (order < room - kept.sum(axis=0))
    return list(kept)


def _caps(lengths: Ints, room: Ints) -> Ints:
    """Return the largest cap c per row, (N,), with ``sum(min(length, c)) <= room``.

    ``lengths`` are (F, N), ``room`` is (N,).
    """
    ordered = np.sort(lengths, axis=0)
    caps = np.full(room.shape, np.iinfo(np.int64).max)
    spent = np.zeros_like(room)
    undecided = ordered.sum(axis=0) > room
    for rank, shortest in enumerate(ordered):
        level = (room - spent) // (len(ordered) - rank)
        decided = undecided & (shortest > level)
        caps[decided] = level[decided]
        undecided &= ~decided
        spent += shortest
    return caps


def _copied(cursor: Ints, kept: Ints, tokens: Ragged, cut: str) -> tuple[Ints, Ints]:
    """Return flat target and source indices that copy the kept tokens of every row."""
    total = int(kept.sum())
    row = np.repeat(np.arange(len(kept)), kept)
    within = np.arange(total) - np.repeat(np.cumsum(kept) - kept, kept)
    source = tokens.starts[:-1][row] + within
    dropped = (tokens.lengths - kept)[row]
    if cut == "head":
        source = source + dropped
    elif cut == "middle":
        source = source + np.where(within >= (kept - kept // 2)[row], dropped, 0)
    return cursor[row] + within, source
