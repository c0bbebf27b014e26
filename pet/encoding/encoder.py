"""Examples in a pattern, assembled from tokens by array operations.

A chunk of texts is tokenised once; every pattern is then assembled around the same tokens,
without a Python step per example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pet.encoding.batches import Encoded, LabelSlot
from pet.encoding.characters import whole_characters
from pet.encoding.chunk import FieldTokens
from pet.encoding.ragged import Ragged
from pet.encoding.seams import AFTER_MARK, Before
from pet.encoding.shares import shares
from pet.encoding.token_runs import TokenRun, token_runs
from pet.encoding.tokenizer import TextTokenizer
from pet.errors import PatternError
from pet.task.parts import Field, Mask, Part, input_parts
from pet.types import Ints


@dataclass(frozen=True)
class _Piece:
    """Tokens that differ from row to row, and how many are kept at the front and the back, (N,)."""

    tokens: Ragged
    front: Ints
    back: Ints

    @property
    def kept(self) -> Ints:
        """Number of tokens that are kept, (N,)."""
        return self.front + self.back

    def copied(self, cursor: Ints) -> tuple[Ints, Ints]:
        """Return flat target and source indices that copy the kept tokens of every row."""
        kept = self.kept
        total = int(kept.sum())
        row = np.repeat(np.arange(len(kept)), kept)
        within = np.arange(total) - np.repeat(np.cumsum(kept) - kept, kept)
        source = self.tokens.starts[:-1][row] + within
        dropped = (self.tokens.lengths - kept)[row]
        source = source + np.where(within >= self.front[row], dropped, 0)
        return cursor[row] + within, source


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
    answer : str
        A label word; words of the pattern directly behind ``{mask}`` are encoded as behind it.

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
        answer: str = "",
    ) -> None:
        self._tokenizer = tokenizer
        self._max_length = max_length
        self._runs, soft_starts = token_runs(tokenizer, parts, n_masks, labels, answer)
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
                self._names = tokenizer.texts(labels, run.before)
        self._constant = sum(len(run.ids) for run in self._runs if run.is_constant)
        longest = 0 if self._names is None else int(self._names.lengths.max())
        fixed = sum(len(run.ids) for run in self._runs) + longest
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

    @property
    def mask_before(self) -> Before:
        """Context before the label word, which decides how the word is encoded."""
        return next(run.before for run in self._runs if run.masks)

    def encode(self, chunk: FieldTokens) -> Encoded:
        """Assemble the chunk's examples; fields that are too long are shortened.

        Raises
        ------
        PatternError
            When fields that are marked ``:keep`` do not fit.
        """
        count = len(chunk)
        pieces = self._pieces(chunk)
        lengths = np.full(count, self._constant, dtype=np.int64)
        for piece in pieces:
            lengths += piece.kept
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
        waiting = iter(pieces)
        for run in self._runs:
            if run.is_label:
                named_at = cursor - starts[:-1]
                if segments is not None:
                    segments[starts[-1] :] = run.segment
                continue
            if run.is_constant:
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
                piece = next(waiting)
                width = piece.kept
                target, source = piece.copied(cursor)
                flat[target] = piece.tokens.flat[source]
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

    def _pieces(self, chunk: FieldTokens) -> list[_Piece]:
        """Return what differs from row to row: texts, and words directly behind them."""
        fields = [run for run in self._runs if run.field is not None]
        tokens = [
            self._behind_text(chunk, run, fields[number - 1])
            if run.behind_field
            else chunk.field(run.field.name, run.before)
            for number, run in enumerate(fields)
            if run.field is not None
        ]
        asked = [run.field for run in fields if run.field is not None]
        room = self.room
        kept = shares(asked, [field.lengths for field in tokens], room, self._max_length)
        texts = [self._cut(*own) for own in zip(tokens, kept, asked, strict=True)]
        pieces: list[_Piece] = []
        number = 0
        for run in self._runs:
            if run.field is not None:
                pieces.append(texts[number])
                number += 1
            elif run.words:
                before = fields[number - 1]
                ends = self._ends(chunk, before, pieces[-1])
                words = self._words_behind(run, ends)
                pieces.append(_Piece(words, words.lengths, words.lengths * 0))
        return pieces

    def _cut(self, tokens: Ragged, kept: Ints, field: Field) -> _Piece:
        """Cut texts to so many tokens, (N,), where the field says."""
        front = {"tail": kept, "head": kept * 0, "middle": kept - kept // 2}[field.cut]
        back = kept - front
        # Without a mask it is a classifier's input, which others cut as the tokenizer does.
        is_short = any(run.masks for run in self._runs) and (kept < tokens.lengths).any()
        if is_short and (begins := self._tokenizer.begins_character) is not None:
            front, back = whole_characters(tokens, front, back, begins)
        return _Piece(tokens, front, back)

    def _ends(self, chunk: FieldTokens, run: TokenRun, piece: _Piece) -> NDArray[np.str_]:
        """Return the last character of what is left of every text, (N,)."""
        assert run.field is not None
        ends = chunk.ends(run.field.name)
        tokens, front = piece.tokens, piece.front
        short = np.flatnonzero((front > 0) & (piece.back == 0) & (front < tokens.lengths))
        if len(short):
            own = self._tokenizer.ends(tokens.flat[tokens.starts[short] + front[short] - 1])
            ends = ends.astype(np.result_type(ends, own))
            ends[short] = own
        return np.where(piece.kept > 0, ends, run.before.end or " ")

    def _words_behind(self, run: TokenRun, ends: NDArray[np.str_]) -> Ragged:
        """Return the tokens of words behind texts that end in these characters, N rows."""
        known, which = np.unique(ends, return_inverse=True)
        ways = [self._tokenizer.word_ids(run.words, Before(str(end))) for end in known]
        usual = self._tokenizer.word_ids(run.words, AFTER_MARK)
        # No way may take more than the room that is reserved.
        return Ragged.pack([w if len(w) <= len(run.ids) else usual for w in ways]).select(which)

    def _behind_text(self, chunk: FieldTokens, run: TokenRun, earlier: TokenRun) -> Ragged:
        """Return the tokens of a field that stands directly behind another one."""
        assert run.field is not None
        assert earlier.field is not None
        known, which = np.unique(chunk.ends(earlier.field.name), return_inverse=True)
        places = [self._tokenizer.alike(Before(str(end)) if end else run.before) for end in known]
        if len(distinct := list(dict.fromkeys(places))) < 2:
            return chunk.field(run.field.name, distinct[0] if distinct else run.before)
        ways = [chunk.field(run.field.name, place) for place in distinct]
        number = np.array([distinct.index(place) for place in places])[which]
        return Ragged.joined(ways).select(number * len(chunk) + np.arange(len(chunk)))
