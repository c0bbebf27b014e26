"""Demonstrations: labelled examples shown beside every input, one of each label (LM-BFF).

A demonstration is the member's pattern, filled with a labelled example and a word of its label.
Its texts are the first to be shortened: the input keeps at least half of the room.

Source: Gao et al., ACL 2021, section 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pet.data import Example
from pet.encoding.chunk import Chunk, FieldTokens
from pet.encoding.ragged import Ragged
from pet.encoding.seams import Before
from pet.encoding.tokenizer import TextTokenizer
from pet.task import Pattern
from pet.task.labels import names
from pet.task.parts import Field, Mask, Part, Separator, Words
from pet.types import Fields, Ints

# Label to the texts of its examples.
Shown = Mapping[str, Sequence[Fields]]


def by_label(examples: Sequence[Example], labels: Sequence[str]) -> Shown:
    """Group the fields of labelled examples by label; labels without examples are left out."""
    groups = {label: [e.texts for e in examples if label in names(e.label)] for label in labels}
    return {label: texts for label, texts in groups.items() if texts}


def draw_each(
    examples: Sequence[Example], labels: Sequence[str], draws: int, generator: np.random.Generator
) -> Shown:
    """Draw at most ``draws`` examples of each label, without replacement."""
    shown = by_label(examples, labels)
    return {
        label: [texts[row] for row in generator.permutation(len(texts))[:draws]]
        for label, texts in shown.items()
    }


def with_demonstrations(
    pattern: Pattern, words: Mapping[str, str], before: bool
) -> tuple[Part, ...]:
    """Return a pattern followed by one demonstration for each label.

    With ``before`` the demonstrations stand in front of the pattern, for models that read nothing
    after the mask. Their fields are named ``label:field``; no field of a pattern has a colon.
    """
    shown = [_filled(pattern, label, word) for label, word in words.items()]
    blocks = [*shown, pattern.parts] if before else [pattern.parts, *shown]
    parts: list[Part] = []
    for block in blocks:
        parts += [Separator(), *block] if parts else block
    return tuple(parts)


def _filled(pattern: Pattern, label: str, word: str) -> tuple[Part, ...]:
    """Return a demonstration of a label: the pattern with a word instead of the mask."""
    filled: list[Part] = []
    for part in pattern.parts:
        match part:
            case Mask():
                part = Words(word)
            case Field(name):
                part = replace(part, name=f"{label}:{name}", keep=False, beside=True)
        # Words that meet are tokenised together, as they would be in a text.
        if isinstance(part, Words) and filled and isinstance(filled[-1], Words):
            filled[-1] = Words(filled[-1].text + part.text)
        else:
            filled.append(part)
    return tuple(filled)


class Demonstrations:
    """Labelled examples to show beside others, tokenised once.

    An example is never shown beside itself. If a label has no other example, its demonstration
    has empty fields.

    Parameters
    ----------
    tokenizer : TextTokenizer
        The backbone's tokenizer.
    shown : mapping
        Label to the texts of its examples, at least one a label.
    """

    def __init__(self, tokenizer: TextTokenizer, shown: Shown) -> None:
        texts = [fields for examples in shown.values() for fields in examples]
        self._index = {_key(fields): index for index, fields in enumerate(texts)}
        # Examples with the same texts are the same example.
        self._same = np.array([self._index[_key(fields)] for fields in texts], dtype=np.int64)
        self._empty = len(texts)
        self._tokens = Chunk(tokenizer, [*texts, dict.fromkeys(texts[0], "")])
        sizes = [len(examples) for examples in shown.values()]
        starts = np.cumsum([0, *sizes])
        self._rows = {
            label: np.arange(start, start + size)
            for label, start, size in zip(shown, starts, sizes, strict=False)
        }
        self.draws = max(sizes)

    def draw(self, chunk: Chunk, draw: int) -> FieldTokens:
        """Show example ``draw`` (0, 1, ...) of each label beside every row of a chunk.

        Rows that are this example get the label's next one.
        """
        same = self._indices(chunk.texts)[:, None]
        picks = {}
        for label, rows in self._rows.items():
            turned = np.roll(rows, -draw)
            others = self._same[turned] != same
            picks[label] = np.where(others.any(axis=1), turned[others.argmax(axis=1)], self._empty)
        return _Beside(chunk, np.arange(len(chunk)), self._tokens, picks)

    def sample(self, chunk: Chunk, rows: Ints, generator: np.random.Generator) -> FieldTokens:
        """Select rows (R,) of a chunk, and draw an example of each label for every one of them."""
        same = self._indices([chunk.texts[row] for row in rows])[:, None]
        picks = {}
        for label, known in self._rows.items():
            luck = generator.random((len(rows), len(known)))
            luck[self._same[known] == same] = 2.0
            picks[label] = np.where(luck.min(axis=1) < 2, known[luck.argmin(axis=1)], self._empty)
        return _Beside(chunk, rows, self._tokens, picks)

    def _indices(self, texts: Sequence[Fields]) -> Ints:
        """Look texts up among the examples, (N,); -1 for those that are none of them."""
        return np.array([self._index.get(_key(fields), -1) for fields in texts], dtype=np.int64)


class _Beside:
    """Rows of a chunk, with the fields of their demonstrations."""

    def __init__(self, chunk: Chunk, rows: Ints, tokens: Chunk, picks: Mapping[str, Ints]) -> None:
        self._chunk = chunk
        self._rows = rows
        self._tokens = tokens
        self._picks = picks

    def __len__(self) -> int:
        return len(self._rows)

    def field(self, name: str, before: Before) -> Ragged:
        """Return the tokens of one field."""
        label, colon, field = name.rpartition(":")
        if not colon:
            return self._chunk.field(name, before).select(self._rows)
        return self._tokens.field(field, before).select(self._picks[label])

    def ends(self, name: str) -> NDArray[np.str_]:
        """Return the last character of one field's texts."""
        label, colon, field = name.rpartition(":")
        if not colon:
            return self._chunk.ends(name)[self._rows]
        return self._tokens.ends(field)[self._picks[label]]


def _key(texts: Fields) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(texts.items()))
