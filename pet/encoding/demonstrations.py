"""Demonstrations: labelled examples shown beside every input, one of each label (LM-BFF).

A demonstration is the member's own pattern, filled with a labelled example and a word of its label.
Its texts are fields that give way first: at least half of the room is the input's own.

Source: Gao et al., ACL 2021, section 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pet.data import Example
from pet.encoding.encoder import Chunk, FieldTokens
from pet.encoding.ragged import Ragged
from pet.encoding.tokenizer import TextTokenizer
from pet.task import Pattern
from pet.task.labels import names
from pet.task.pattern import Field, Mask, Part, Separator, Words
from pet.types import Fields, Ints

# Label to the texts of examples that show it.
Shown = Mapping[str, Sequence[Fields]]


def by_label(examples: Sequence[Example], labels: Sequence[str]) -> Shown:
    """Fields of labelled examples under their labels; labels without examples are left out."""
    found = {label: [e.texts for e in examples if label in names(e.label)] for label in labels}
    return {label: texts for label, texts in found.items() if texts}


def draw_each(
    examples: Sequence[Example], labels: Sequence[str], draws: int, generator: np.random.Generator
) -> Shown:
    """Choose at most so many examples of each label, without replacement."""
    shown = by_label(examples, labels)
    return {
        label: [texts[row] for row in generator.permutation(len(texts))[:draws]]
        for label, texts in shown.items()
    }


def with_demonstrations(
    pattern: Pattern, words: Mapping[str, str], before: bool
) -> tuple[Part, ...]:
    """Return the parts of a pattern and, for each label, of the pattern filled with its word.

    The demonstrations stand behind the pattern or, where nothing may, ``before`` it. Their fields
    are named ``label:field``, which no field of a pattern is.
    """
    shown = [_filled(pattern, label, word) for label, word in words.items()]
    blocks = [*shown, pattern.parts] if before else [pattern.parts, *shown]
    parts: list[Part] = []
    for block in blocks:
        parts += [Separator(), *block] if parts else block
    return tuple(parts)


def _filled(pattern: Pattern, label: str, word: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    for part in pattern.parts:
        match part:
            case Mask():
                part = Words(word)
            case Field(name):
                part = replace(part, name=f"{label}:{name}", keep=False, beside=True)
        # Words that meet are tokenised together, as they would be in a text.
        if isinstance(part, Words) and parts and isinstance(parts[-1], Words):
            parts[-1] = Words(parts[-1].text + part.text)
        else:
            parts.append(part)
    return tuple(parts)


class Demonstrations:
    """Labelled examples to show beside others, tokenised once.

    An example is never shown beside itself: where a label has no other, its demonstration has
    empty fields.

    Parameters
    ----------
    tokenizer : TextTokenizer
        Of the backbone.
    shown : mapping
        Label to the texts of its examples, at least one.
    """

    def __init__(self, tokenizer: TextTokenizer, shown: Shown) -> None:
        texts = [own for examples in shown.values() for own in examples]
        self._number = {_key(own): number for number, own in enumerate(texts)}
        # Examples with the same texts are the same example.
        self._same = np.array([self._number[_key(own)] for own in texts], dtype=np.int64)
        self._empty = len(texts)
        self._tokens = Chunk(tokenizer, [*texts, dict.fromkeys(texts[0], "")])
        sizes = [len(examples) for examples in shown.values()]
        starts = np.cumsum([0, *sizes])
        self._rows = {
            label: np.arange(start, start + size)
            for label, start, size in zip(shown, starts, sizes, strict=False)
        }
        self.draws = max(sizes)

    def draw(self, chunk: Chunk, number: int) -> FieldTokens:
        """Put draw 0, 1, ... beside every row: the label's example of this number, or the next."""
        own = self._numbers(chunk.texts)[:, None]
        picks = {}
        for label, rows in self._rows.items():
            turned = np.roll(rows, -number)
            others = self._same[turned] != own
            picks[label] = np.where(others.any(axis=1), turned[others.argmax(axis=1)], self._empty)
        return _Beside(chunk, np.arange(len(chunk)), self._tokens, picks)

    def sample(self, chunk: Chunk, rows: Ints, generator: np.random.Generator) -> FieldTokens:
        """Take some rows, and put an example of every label beside each, drawn for that row."""
        own = self._numbers([chunk.texts[row] for row in rows])[:, None]
        picks = {}
        for label, known in self._rows.items():
            luck = generator.random((len(rows), len(known)))
            luck[self._same[known] == own] = 2.0
            picks[label] = np.where(luck.min(axis=1) < 2, known[luck.argmin(axis=1)], self._empty)
        return _Beside(chunk, rows, self._tokens, picks)

    def _numbers(self, texts: Sequence[Fields]) -> Ints:
        """Which of the examples each text is, (N,); -1 for none of them."""
        return np.array([self._number.get(_key(own), -1) for own in texts], dtype=np.int64)


class _Beside:
    """Rows of a chunk that have the fields of their demonstrations too."""

    def __init__(self, chunk: Chunk, rows: Ints, tokens: Chunk, picks: Mapping[str, Ints]) -> None:
        self._chunk = chunk
        self._rows = rows
        self._tokens = tokens
        self._picks = picks

    def __len__(self) -> int:
        return len(self._rows)

    def field(self, name: str, after_space: bool) -> Ragged:
        """Tokens of one field."""
        label, colon, own = name.rpartition(":")
        if not colon:
            return self._chunk.field(name, after_space).take(self._rows)
        return self._tokens.field(own, after_space).take(self._picks[label])


def _key(texts: Fields) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(texts.items()))
