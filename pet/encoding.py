"""Encoding: batched tokenisation, shortening, and batches that waste little on padding.

A chunk of texts is tokenised once; every pattern is then assembled around the same tokens with
array operations, without a Python step per example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pet.errors import BackboneError, PatternError
from pet.pattern import Field, LabelName, Mask, Part, Separator, Soft, Words
from pet.prompt import Prompt, Slots

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths, end to end: ``flat`` (T,) and ``starts`` (N + 1,)."""

    flat: Ints
    starts: Ints

    @classmethod
    def of(cls, rows: Sequence[Sequence[int] | Ints]) -> Ragged:
        """Pack the rows."""
        starts = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=starts[1:])
        flat = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows] or [starts[:0]])
        return cls(flat, starts)

    @property
    def lengths(self) -> Ints:
        """Length of every row, (N,)."""
        return np.diff(self.starts)

    def take(self, rows: Ints) -> Ragged:
        """Copy some rows, in the order and as often as they are named."""
        lengths = self.lengths[rows]
        starts = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(lengths, out=starts[1:])
        source = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], lengths)
        return Ragged(self.flat[source], starts)


@dataclass(frozen=True)
class Batch:
    """Padded rows on a device: ``ids``, ``attention`` and ``segments`` (B, L), ``masks`` (B, M).

    ``attention`` is None where nothing is padded, ``segments`` where the model takes none.
    ``after`` holds token sequences that a model reads behind the mask of every row, each on its
    own: the beginnings of label words, for models that predict a word token by token. ``slots`` is
    None where the pattern has no learned tokens. ``prompt`` gives what is put into the slots when
    the model runs; without one it sees the ids that stand there, such as the words they start as.
    """

    ids: torch.Tensor
    attention: torch.Tensor | None
    segments: torch.Tensor | None
    masks: torch.Tensor
    after: tuple[tuple[int, ...], ...] = ()
    slots: Slots | None = None
    prompt: Callable[[], Prompt] | None = None

    def words(self, slot_id: int) -> Ints:
        """The ids (B, L) with ``slot_id`` at learned tokens, which are no words to be predicted."""
        ids: Ints = self.ids.cpu().numpy().copy()
        if self.slots is not None:
            ids[self.slots.rows.cpu(), self.slots.columns.cpu()] = slot_id
        return ids

    def take(self, rows: torch.Tensor) -> Batch:
        """Return some of the rows, as long as before."""
        ids, masks = self.ids[rows], self.masks[rows]
        attention, segments = (
            None if part is None else part[rows] for part in (self.attention, self.segments)
        )
        slots = None if self.slots is None else self.slots.take(rows)
        return replace(
            self, ids=ids, attention=attention, segments=segments, masks=masks, slots=slots
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
        lengths = self.lengths
        order = np.argsort(-lengths, kind="stable")
        start = 0
        while start < len(order):
            size = max(1, token_budget // int(lengths[order[start]]))
            yield order[start : start + size]
            start += size

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
            segments = torch.from_numpy(np.where(real, self.segments[source], 0)).to(device)
        attention = None if real.all() else torch.from_numpy(real).to(device, torch.long)
        slots = None
        if self.slots is not None and self.entries is not None:
            slots = Slots.of(places[:, masks.shape[1] :], self.entries, device)
        return Batch(
            torch.from_numpy(ids).to(device),
            attention,
            segments,
            torch.from_numpy(places[:, : masks.shape[1]]).to(device),
            slots=slots,
        )


class TextTokenizer:
    """A fast tokenizer that takes text as text: no special tokens are found inside it.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
        With a `tokenizers` backend.
    mask_token : str, optional
        Stands for the mask where it is not the tokenizer's own mask token.
    open_ended : bool
        For models that read from left to right: nothing stands for the mask and nothing follows
        it, the last token predicts the label word.
    """

    def __init__(
        self, tokenizer: Any, mask_token: str | None = None, open_ended: bool = False
    ) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise BackboneError(
                f"{type(tokenizer).__name__} has no fast tokenizer; pet needs a tokenizer.json."
            )
        # A copy, because transformers switches these settings of its own at every call.
        self._backend = Tokenizer.from_str(backend.to_str())
        self._backend.encode_special_tokens = True
        self._backend.no_truncation()
        self._backend.no_padding()
        self.open_ended = open_ended
        # How a mask is spelled out, if only for inputs without content.
        self.mask_text: str = mask_token or tokenizer.mask_token or "[MASK]"
        self.mask_id: int | None = tokenizer.mask_token_id
        if mask_token is not None:
            self.mask_id = tokenizer.convert_tokens_to_ids(mask_token)
        self.pad_id: int = tokenizer.pad_token_id or 0
        self.unknown_id: int | None = tokenizer.unk_token_id
        self.special_ids: tuple[int, ...] = tuple(sorted(set(tokenizer.all_special_ids)))
        # Some models hold their special tokens as ordinary pieces and so find them in text.
        self._never_text = [number for number in self.special_ids if number != self.unknown_id]
        self.vocabulary_size = len(tokenizer)
        self.has_segments = not open_ended and "token_type_ids" in tokenizer.model_input_names
        if open_ended:
            self._single = self._pair = _Frame.open(tokenizer)
            if tokenizer.pad_token_id is None:  # a token that no text has
                self.pad_id = self._single.before[-1]
        else:
            self._single = _Frame.probe(tokenizer, pair=False)
            self._pair = _Frame.probe(tokenizer, pair=True)
        # Some tokenizers take the start of every text for the start of a word, with or without
        # a space.
        self.space_counts = self._ids("a x")[len(self._ids("a")) :] != self._ids("x")

    def frame(self, pair: bool) -> _Frame:
        """The special tokens around one segment or two."""
        return self._pair if pair else self._single

    def mask_ids(self, n_masks: int) -> tuple[int, ...]:
        """Tokens that stand for the mask of a word of so many tokens."""
        if self.open_ended:
            return ()
        if self.mask_id is None:
            raise BackboneError("This backbone's tokenizer has no mask token.")
        return (self.mask_id,) * n_masks

    def _ids(self, text: str) -> list[int]:
        return list(self._backend.encode(text, add_special_tokens=False).ids)

    def piece(self, text: str, after_space: bool, first: bool, anchor: str = "x") -> list[int]:
        """Token ids of words in the middle of a sentence.

        Some tokenizers mark the start of every text they see as the start of a word; a piece that
        is glued to what stands before it is therefore cut out of a text with an anchor: one
        character of the kind that stands there.
        """
        if after_space:
            return self._ids(" " + text if self.space_counts else text)
        if first:
            return self._ids(text)
        anchored = self._backend.encode(anchor + text, add_special_tokens=False)
        if any(start < 1 < end for start, end in anchored.offsets):
            return self._ids(text)
        spans = zip(anchored.ids, anchored.offsets, strict=True)
        return [number for number, (start, _) in spans if start >= 1]

    def pieces(self, word: str) -> list[str]:
        """Return a word's tokens as text, for people to look at."""
        return [str(self._backend.id_to_token(number)) for number in self.piece(word, True, False)]

    def token_texts(self) -> list[str]:
        """Every token of the vocabulary alone, as text."""
        rows = [[number] for number in range(self.vocabulary_size)]
        return list(self._backend.decode_batch(rows))

    def texts(self, texts: Sequence[str], after_space: bool) -> Ragged:
        """Tokenise many texts at once."""
        if after_space and self.space_counts:
            texts = [" " + text for text in texts]
        rows: list[Ints] = []
        # The tokenizer's own objects are a hundred times larger than the ids: few at a time.
        for start in range(0, len(texts), 512):
            part = list(texts[start : start + 512])
            encodings = self._backend.encode_batch_fast(part, add_special_tokens=False)
            rows += [np.asarray(encoding.ids, dtype=np.int64) for encoding in encodings]
        return self._as_text(Ragged.of(rows))

    def words(self, texts: Sequence[str]) -> tuple[Ragged, NDArray[np.bool_]]:
        """Tokenise many texts; also tell which of the flat tokens (T,) start a word."""
        encodings = self._backend.encode_batch(list(texts), add_special_tokens=False)
        words = Ragged.of([[word or 0 for word in encoding.word_ids] for encoding in encodings])
        starts = np.diff(words.flat, prepend=-1) != 0
        starts[words.starts[:-1][words.lengths > 0]] = True
        return self._as_text(Ragged.of([encoding.ids for encoding in encodings])), starts

    def _as_text(self, tokens: Ragged) -> Ragged:
        if self.unknown_id is not None:
            tokens.flat[np.isin(tokens.flat, self._never_text)] = self.unknown_id
        return tokens


@dataclass(frozen=True)
class _Frame:
    """Special tokens before, between and after the segments, and the second segment's number."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    second_segment: int

    @classmethod
    def probe(cls, tokenizer: Any, pair: bool) -> _Frame:
        # What surrounds the segments is read off an encoded probe: the rule is the tokenizer's own.
        first = tokenizer("a", add_special_tokens=False)["input_ids"]
        output = tokenizer("a", "a") if pair else tokenizer("a")
        ids = list(output["input_ids"])
        at = next(i for i in range(len(ids)) if ids[i : i + len(first)] == first)
        rest = ids[at + len(first) :]
        between: list[int] = []
        segment = 0
        if pair:
            second = next(i for i in range(len(rest)) if rest[i : i + len(first)] == first)
            between, rest = rest[:second], rest[second + len(first) :]
            kinds = output.get("token_type_ids", [0] * len(ids))
            segment = int(kinds[at + len(first) + len(between)])
        return cls(tuple(ids[:at]), tuple(between), tuple(rest), segment)

    @classmethod
    def open(cls, tokenizer: Any) -> _Frame:
        """The frame of a text that goes on: a start, a line break between segments, no end."""
        first = tokenizer("a", add_special_tokens=False)["input_ids"]
        ids = list(tokenizer("a")["input_ids"])
        before = ids[: next(i for i in range(len(ids)) if ids[i : i + len(first)] == first)]
        if not before:
            # Without one, an empty text would be no input at all. Where documents were packed in
            # training, the token that ends one is what stands before the next.
            starts = (tokenizer.bos_token_id, tokenizer.eos_token_id)
            before = [number for number in starts if number is not None][:1]
        if not before:
            raise BackboneError(
                f"{type(tokenizer).__name__} has no token that starts or ends a text."
            )
        line_break = tokenizer("a\na", add_special_tokens=False)["input_ids"][1:-1]
        if tokenizer.unk_token_id in line_break:
            line_break = []
        return cls(tuple(before), tuple(line_break), (), 0)


class FieldTokens(Protocol):
    """Some examples whose fields are tokens."""

    def __len__(self) -> int:
        """N."""

    def field(self, name: str, after_space: bool) -> Ragged:
        """Tokens of one field."""


class Chunk:
    """Some examples, each field of which is tokenised once for all patterns."""

    def __init__(self, tokenizer: TextTokenizer, texts: Sequence[Mapping[str, str]]) -> None:
        self.texts = texts
        self._tokenizer = tokenizer
        self._tokens: dict[tuple[str, bool], Ragged] = {}

    def __len__(self) -> int:
        return len(self.texts)

    def field(self, name: str, after_space: bool) -> Ragged:
        """Tokens of one field."""
        key = (name, after_space and self._tokenizer.space_counts)
        if key not in self._tokens:
            texts = [texts[name] for texts in self.texts]
            self._tokens[key] = self._tokenizer.texts(texts, after_space)
        return self._tokens[key]


@dataclass(frozen=True)
class _Piece:
    """One run of a row: fixed token ids, a field's tokens, or a label's name."""

    ids: tuple[int, ...] = ()
    field: Field | None = None
    after_space: bool = False
    segment: int = 0
    masks: int = 0
    is_label: bool = False
    entries: tuple[int, ...] = ()


@dataclass
class _Entries:
    """The vectors of a soft template as they are met: the tokens they start as, by number."""

    starts: list[int | None] = dataclass_field(default_factory=list)
    groups: dict[str | int, _Piece] = dataclass_field(default_factory=dict)

    def piece(self, part: Soft, ids: Sequence[int], segment: int) -> _Piece:
        """Return the run of ids that a soft part becomes.

        A part of the same group, or the same part again as in demonstrations, repeats the first.
        """
        key = part.group or id(part)
        if key not in self.groups:
            first = len(self.starts)
            self.starts += ids if part.text is not None else [None] * len(ids)
            entries = tuple(range(first, len(self.starts)))
            self.groups[key] = _Piece(tuple(ids), entries=entries)
        return replace(self.groups[key], segment=segment)


class Encoder:
    """Puts examples through one sequence of parts.

    Parameters
    ----------
    tokenizer : TextTokenizer
        Of the backbone.
    parts : tuple of Part
        A pattern's parts, or `pet.pattern.input_parts`.
    max_length : int
        Most tokens of a row, special tokens included.
    n_masks : int
        How many mask tokens ``{mask}`` becomes; M.
    labels : sequence of str
        The names that ``{label}`` stands for. Room is kept for the longest, so that a text is
        shortened alike whichever label is asked about.

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
        self._pieces, soft_starts = _pieces(tokenizer, parts, n_masks)
        # For every vector of the soft template the token it starts as; None for pseudo tokens.
        self.soft_starts = tuple(soft_starts)
        if tokenizer.open_ended and Mask() in parts and parts[-1] != Mask():
            raise PatternError(
                "This backbone reads from left to right and predicts what comes last, but "
                f"{{mask}} is part {parts.index(Mask()) + 1} of {len(parts)} of the pattern.",
                "End the pattern with {mask}, as in '{text} It was {mask}', or choose a masked LM.",
            )
        self._names: Ragged | None = None
        for piece in self._pieces:
            if piece.is_label:
                self._names = tokenizer.texts(labels, piece.after_space)
        self._fixed = sum(len(piece.ids) for piece in self._pieces)
        longest = 0 if self._names is None else int(self._names.lengths.max())
        fixed = self._fixed + longest
        self._room = max_length - fixed
        if self._room < 1:
            raise PatternError(
                f"The pattern's own tokens take {fixed} of {max_length} tokens; no room is left "
                "for text.",
                "Shorten the pattern or raise --max-length.",
            )

    @cached_property
    def mask_after_space(self) -> bool:
        """Whether the label word stands after a space, which some tokenizers need to know."""
        return any(piece.masks and piece.after_space for piece in self._pieces)

    @property
    def mask_anchor(self) -> str:
        """The character that a label word without a space before it is glued to."""
        match self._parts[self._parts.index(Mask()) - 1]:
            case Words(text) | Soft(text=str() as text):
                return text[-1]
        return "x"

    def encode(self, chunk: FieldTokens) -> Encoded:
        """Assemble token ids, segment numbers and mask positions of the chunk's examples."""
        count = len(chunk)
        fields = [piece for piece in self._pieces if piece.field is not None]
        tokens = [chunk.field(p.field.name, p.after_space) for p in fields if p.field is not None]
        kept = self._shares(fields, [field.lengths for field in tokens], count)
        lengths = np.full(count, self._fixed, dtype=np.int64)
        for share in kept:
            lengths += share
        starts = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(lengths, out=starts[1:])
        names = Ragged.of([]) if self._names is None else self._names
        flat = np.empty(starts[-1] + len(names.flat), dtype=np.int64)
        flat[starts[-1] :] = names.flat
        segments = np.zeros(len(flat), dtype=np.int64) if self._tokenizer.has_segments else None
        named_at: Ints | None = None
        behind: list[bool] = []
        masks = np.zeros((count, 0), dtype=np.int64)
        slots = []
        cursor = starts[:-1].copy()
        number = 0
        for piece in self._pieces:
            if piece.is_label:
                named_at = cursor - starts[:-1]
                if segments is not None:
                    segments[starts[-1] :] = piece.segment
                continue
            if piece.field is None:
                target = cursor[:, None] + np.arange(len(piece.ids))
                flat[target] = piece.ids
                width: Ints | int = len(piece.ids)
                if piece.masks:
                    last = target if piece.ids else cursor[:, None] - 1
                    masks = last - starts[:-1, None]
                    behind = [named_at is not None] * masks.shape[1] + behind
                if piece.entries:
                    slots.append(target - starts[:-1, None])
                    behind += [named_at is not None] * len(piece.entries)
            else:
                target, source = _runs(cursor, kept[number], tokens[number], piece.field.cut)
                flat[target] = tokens[number].flat[source]
                width = kept[number]
                number += 1
            if segments is not None and piece.segment:
                segments[target] = piece.segment
            cursor = cursor + width
        slot = None
        if named_at is not None:
            slot = LabelSlot(names.starts + starts[-1], named_at, np.array(behind))
        rows, pad_id = Ragged(flat, starts), self._tokenizer.pad_id
        if not slots:
            return Encoded(rows, segments, masks, pad_id, slot)
        entries = np.array([n for piece in self._pieces for n in piece.entries], dtype=np.int64)
        places = np.concatenate(slots, axis=1)
        return Encoded(rows, segments, masks, pad_id, slot, places, entries)

    def _shares(self, fields: list[_Piece], lengths: list[Ints], count: int) -> list[Ints]:
        """Tokens each field keeps: the longest gives way first, a kept field never."""
        room = np.full(count, self._room, dtype=np.int64)
        soft = []
        for piece, length in zip(fields, lengths, strict=True):
            if piece.field is not None and piece.field.keep:
                room = room - length
            else:
                soft.append(length)
        if (room < 0).any():
            row = int(np.argmin(room))
            raise PatternError(
                f"Example {row + 1} of this batch: the fields marked :keep are {-room[row]} tokens "
                f"longer than {self._max_length} tokens allow.",
                "Drop :keep or raise --max-length.",
            )
        caps = _caps(np.stack(soft), room) if soft else room
        return [
            length if piece.field is not None and piece.field.keep else np.minimum(length, caps)
            for piece, length in zip(fields, lengths, strict=True)
        ]


def _caps(lengths: Ints, room: Ints) -> Ints:
    """Largest cap c per row with ``sum(min(length, c)) <= room``; lengths are (F, N)."""
    ordered = np.sort(lengths, axis=0)
    caps = np.full(room.shape, np.iinfo(np.int64).max)
    spent = np.zeros_like(room)
    undecided = ordered.sum(axis=0) > room
    for number in range(len(ordered)):
        level = (room - spent) // (len(ordered) - number)
        decided = undecided & (ordered[number] > level)
        caps[decided] = level[decided]
        undecided &= ~decided
        spent += ordered[number]
    return caps


def _runs(cursor: Ints, kept: Ints, tokens: Ragged, cut: str) -> tuple[Ints, Ints]:
    """Flat target and source indices that copy the kept tokens of every row."""
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


def _pieces(
    tokenizer: TextTokenizer, parts: tuple[Part, ...], n_masks: int
) -> tuple[list[_Piece], list[int | None]]:
    frame = tokenizer.frame(pair=any(isinstance(part, Separator) for part in parts))
    pieces = [_Piece(frame.before)]
    segment = 0
    space = False
    first = True
    soft = _Entries()
    for part in parts:
        match part:
            case Words(text) | Soft(text=str() as text):
                # Trainable words are tokenised as plain ones: untrained they are the same input.
                bare = text.strip()
                if bare:
                    ids = tokenizer.piece(bare, space or text[:1].isspace(), first)
                    pieces.append(
                        soft.piece(part, ids, segment)
                        if isinstance(part, Soft)
                        else _Piece(tuple(ids), segment=segment)
                    )
                    space = text[-1:].isspace()
                    first = False
                else:
                    space = True
                continue
            case Field():
                pieces.append(_Piece(field=part, after_space=space and not first, segment=segment))
            case LabelName():
                after_space = space and not first
                pieces.append(_Piece(after_space=after_space, segment=segment, is_label=True))
            case Mask():
                places = tokenizer.mask_ids(n_masks)
                pieces.append(_Piece(places, None, space or first, segment, n_masks))
            case Separator():
                pieces.append(_Piece(frame.between, segment=segment))
                segment = frame.second_segment
                space, first = False, True
                continue
            case Soft(length):
                # The mask token stands where a vector will be: never the pad token, which some
                # models look for, nor a word that a masked-LM loss could choose. (Models without
                # a mask token take no vectors.)
                pieces.append(
                    soft.piece(
                        part, tokenizer.mask_ids(length) or [tokenizer.pad_id] * length, segment
                    )
                )
        space = first = False
    pieces.append(_Piece(frame.after, segment=segment))
    return pieces, soft.starts
