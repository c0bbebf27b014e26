"""A pattern as runs of tokens: fixed ones, fields, and the name of a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field

from pet.encoding.seams import AFTER_LETTER, AFTER_MARK, AFTER_SPACE, START, Before, tail
from pet.encoding.tokenizer import TextTokenizer
from pet.task.parts import Field, LabelName, Mask, Part, Separator, Soft, Words


@dataclass(frozen=True)
class TokenRun:
    """A run of tokens in a row: fixed token ids, a field's tokens, or a label's name.

    ``before`` is what stands before the run. ``words`` that stand directly ``behind_field`` have
    other tokens behind other texts; ``ids`` are then those that take most room. ``masks`` is the
    number of masks that the run stands for, ``entries`` are the vectors of the soft template that
    its tokens take, by number.
    """

    ids: tuple[int, ...] = ()
    field: Field | None = None
    before: Before = START
    segment: int = 0
    masks: int = 0
    is_label: bool = False
    entries: tuple[int, ...] = ()
    words: str = ""
    behind_field: bool = False

    @property
    def is_constant(self) -> bool:
        """Whether the run is the same tokens in every row."""
        return self.field is None and not self.is_label and not self.words


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


def _joined(tokenizer: TextTokenizer, words: str, segment: int) -> TokenRun:
    """Return a run of words that stand directly behind a field."""
    ways = [tokenizer.word_ids(words, place) for place in (AFTER_MARK, AFTER_LETTER)]
    longest = max(ways, key=lambda ids: len(ids))
    return TokenRun(tuple(longest), segment=segment, words=words, behind_field=True)


def token_runs(
    tokenizer: TextTokenizer,
    parts: tuple[Part, ...],
    n_masks: int,
    labels: Sequence[str] = (),
    answer: str = "",
) -> tuple[list[TokenRun], list[int | None]]:
    """Return a row's runs, and for every vector of the soft template the token it starts as.

    Words directly behind ``{mask}`` are encoded as behind the label word ``answer``, those behind
    ``{label}`` as behind the first label.
    """
    frame = tokenizer.frame(pair=any(isinstance(part, Separator) for part in parts))
    runs = [TokenRun(frame.before)]
    segment = 0
    before, behind_field = START, False
    soft = _Entries()
    for part, following in zip(parts, [*parts[1:], Separator()], strict=True):
        after = AFTER_MARK
        match part:
            case Words(text) | Soft(text=str() as text):
                text = tokenizer.with_known_blanks(text)
                if isinstance(following, Separator):
                    text = text.rstrip()
                if not text or (text.isspace() and before == START):
                    continue  # white space at the end or the start of a segment
                if text[0].isspace() and before != START:
                    before, behind_field = AFTER_LETTER, False
                # Trainable words are tokenised as plain ones: untrained they are the same input.
                if isinstance(part, Soft):
                    ids = tokenizer.word_ids(text, before)
                    runs.append(soft.run(part, ids, segment))
                elif behind_field:
                    runs.append(_joined(tokenizer, text, segment))
                else:
                    ids = tokenizer.word_ids(text, before)
                    runs.append(TokenRun(tuple(ids), segment=segment))
                glue = tokenizer.glue(text)
                bare = text.removesuffix(glue)
                after = Before(tail(bare) or AFTER_SPACE.anchor, glue)
            case Field():
                # A text is no part of the word at the mask, whose end is not known.
                place = AFTER_MARK if runs[-1].masks or runs[-1].is_label else before
                runs.append(TokenRun((), part, place, segment, behind_field=behind_field))
            case LabelName():
                runs.append(TokenRun(before=before, segment=segment, is_label=True))
                after = Before(tail(labels[0])) if labels else AFTER_MARK
            case Mask():
                # A label word at the start of a segment is taken for one inside a sentence.
                place = AFTER_SPACE if before == START else before
                runs.append(
                    TokenRun(tokenizer.mask_ids(n_masks), None, place, segment, masks=n_masks)
                )
                after = Before(tail(answer)) if answer else AFTER_MARK
            case Separator():
                runs.append(TokenRun(frame.between, segment=segment))
                segment = frame.second_segment
                after = START
            case Soft(length):
                # The mask token holds a vector's place: not the pad token, which some models look
                # for, nor a word, which a masked-LM loss could choose. Models that read from left
                # to right have no mask ids, and do not look for the pad token.
                ids = list(tokenizer.mask_ids(length)) or [tokenizer.pad_id] * length
                runs.append(soft.run(part, ids, segment))
        before, behind_field = after, isinstance(part, Field)
    runs.append(TokenRun(frame.after, segment=segment))
    return runs, soft.starts


def before_mask(tokenizer: TextTokenizer, parts: tuple[Part, ...]) -> Before:
    """Return what stands before the label word, which decides how it is encoded."""
    runs, _ = token_runs(tokenizer, parts, 1)
    return next(run.before for run in runs if run.masks)
