"""A pattern as runs of tokens: fixed ones, fields, and the name of a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field

from pet.encoding.tokenizer import TextTokenizer
from pet.task.parts import Field, LabelName, Mask, Part, Separator, Soft, Words


@dataclass(frozen=True)
class TokenRun:
    """A run of tokens in a row: fixed token ids, a field's tokens, or a label's name.

    ``masks`` is the number of masks that the run stands for, ``entries`` are the vectors of the
    soft template that its tokens take, by number.
    """

    ids: tuple[int, ...] = ()
    field: Field | None = None
    after_space: bool = False
    segment: int = 0
    masks: int = 0
    is_label: bool = False
    entries: tuple[int, ...] = ()


@dataclass
class _Entries:
    """Vectors of a soft template: the token that each starts as, None for pseudo tokens."""

    starts: list[int | None] = dataclass_field(default_factory=list)
    groups: dict[str | int, TokenRun] = dataclass_field(default_factory=dict)

    def run(self, slot: Soft, ids: Sequence[int], segment: int) -> TokenRun:
        """Return the run of ids of a soft slot.

        A slot of the same group, or the same slot again as in demonstrations, repeats the first.
        """
        key = slot.group or id(slot)
        if key not in self.groups:
            first = len(self.starts)
            self.starts += ids if slot.text is not None else [None] * len(ids)
            entries = tuple(range(first, len(self.starts)))
            self.groups[key] = TokenRun(tuple(ids), entries=entries)
        return replace(self.groups[key], segment=segment)


def token_runs(
    tokenizer: TextTokenizer, parts: tuple[Part, ...], n_masks: int
) -> tuple[list[TokenRun], list[int | None]]:
    """Return a row's runs, and for every vector of the soft template the token it starts as."""
    frame = tokenizer.frame(pair=any(isinstance(part, Separator) for part in parts))
    runs = [TokenRun(frame.before)]
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
                    ids = tokenizer.word_ids(bare, space or text[:1].isspace(), first)
                    runs.append(
                        soft.run(part, ids, segment)
                        if isinstance(part, Soft)
                        else TokenRun(tuple(ids), segment=segment)
                    )
                    space = text[-1:].isspace()
                    first = False
                else:
                    space = True
                continue
            case Field():
                after_space = space and not first
                runs.append(TokenRun(field=part, after_space=after_space, segment=segment))
            case LabelName():
                after_space = space and not first
                runs.append(TokenRun(after_space=after_space, segment=segment, is_label=True))
            case Mask():
                mask_ids = tokenizer.mask_ids(n_masks)
                runs.append(TokenRun(mask_ids, None, space or first, segment, n_masks))
            case Separator():
                runs.append(TokenRun(frame.between, segment=segment))
                segment = frame.second_segment
                space, first = False, True
                continue
            case Soft(length):
                # The mask token holds a vector's place: not the pad token, which some models look
                # for, nor a word, which a masked-LM loss could choose. Models that read from left
                # to right have no mask ids, and do not look for the pad token.
                ids = list(tokenizer.mask_ids(length)) or [tokenizer.pad_id] * length
                runs.append(soft.run(part, ids, segment))
        space = first = False
    runs.append(TokenRun(frame.after, segment=segment))
    return runs, soft.starts
