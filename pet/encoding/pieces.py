"""A pattern as runs of tokens: fixed ones, fields, and the name of a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field

from pet.encoding.tokenizer import TextTokenizer
from pet.task.pattern import Field, LabelName, Mask, Part, Separator, Soft, Words


@dataclass(frozen=True)
class Piece:
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
    groups: dict[str | int, Piece] = dataclass_field(default_factory=dict)

    def piece(self, part: Soft, ids: Sequence[int], segment: int) -> Piece:
        """Return the run of ids that a soft part becomes.

        A part of the same group, or the same part again as in demonstrations, repeats the first.
        """
        key = part.group or id(part)
        if key not in self.groups:
            first = len(self.starts)
            self.starts += ids if part.text is not None else [None] * len(ids)
            entries = tuple(range(first, len(self.starts)))
            self.groups[key] = Piece(tuple(ids), entries=entries)
        return replace(self.groups[key], segment=segment)


def pieces_of(
    tokenizer: TextTokenizer, parts: tuple[Part, ...], n_masks: int
) -> tuple[list[Piece], list[int | None]]:
    """Return a row's runs, and for every vector of the soft template the token it starts as."""
    frame = tokenizer.frame(pair=any(isinstance(part, Separator) for part in parts))
    pieces = [Piece(frame.before)]
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
                        else Piece(tuple(ids), segment=segment)
                    )
                    space = text[-1:].isspace()
                    first = False
                else:
                    space = True
                continue
            case Field():
                pieces.append(Piece(field=part, after_space=space and not first, segment=segment))
            case LabelName():
                after_space = space and not first
                pieces.append(Piece(after_space=after_space, segment=segment, is_label=True))
            case Mask():
                places = tokenizer.mask_ids(n_masks)
                pieces.append(Piece(places, None, space or first, segment, n_masks))
            case Separator():
                pieces.append(Piece(frame.between, segment=segment))
                segment = frame.second_segment
                space, first = False, True
                continue
            case Soft(length):
                # The mask token stands where a vector will be: never the pad token, which some
                # models look for, nor a word that a masked-LM loss could choose. Models that read
                # from left to right have no ids for a mask, and look at none.
                pieces.append(
                    soft.piece(
                        part, tokenizer.mask_ids(length) or [tokenizer.pad_id] * length, segment
                    )
                )
        space = first = False
    pieces.append(Piece(frame.after, segment=segment))
    return pieces, soft.starts
