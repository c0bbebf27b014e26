"""Figures of many texts: how long they are in tokens, and what a tokenizer does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from pet.encoding.chunk import Chunk
from pet.encoding.seams import START
from pet.encoding.tokenizer import TextTokenizer


class TextFigures:
    """Lengths and unknown tokens of texts, added up chunk by chunk.

    Parameters
    ----------
    tokenizer : TextTokenizer
        The backbone's tokenizer.
    fields : sequence of str
        Fields that make a text; its length is that of all together.

    Attributes
    ----------
    tokens, unknown : int
        Tokens of all texts, and those that stand for what the tokenizer does not know.
    unread, first_unread : int
        Texts of which more than half the tokens are such ones, and the number of the first, from 1
        on; 0 if there is none.
    """

    def __init__(self, tokenizer: TextTokenizer, fields: Sequence[str]) -> None:
        self._unknown_id = tokenizer.unknown_id
        self._fields = fields
        self._lengths: Counter[int] = Counter()
        self.tokens = 0
        self.unknown = 0
        self.unread = 0
        self.first_unread = 0

    def add(self, chunk: Chunk) -> None:
        """Add a chunk of texts."""
        before = len(self)
        lengths = np.zeros(len(chunk), dtype=np.int64)
        unknown = np.zeros(len(chunk), dtype=np.int64)
        for name in self._fields:
            tokens = chunk.field(name, START)
            lengths += tokens.lengths
            if self._unknown_id is not None:
                rows = np.repeat(np.arange(len(chunk)), tokens.lengths)
                unknown += np.bincount(rows[tokens.flat == self._unknown_id], minlength=len(chunk))
        self.unknown += int(unknown.sum())
        unread = np.flatnonzero(2 * unknown > lengths)
        self.unread += len(unread)
        if len(unread) and not self.first_unread:
            self.first_unread = before + int(unread[0]) + 1
        values, counts = np.unique(lengths, return_counts=True)
        self._lengths.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        self.tokens += int(lengths.sum())

    def __len__(self) -> int:
        """Return the number of texts."""
        return self._lengths.total()

    @property
    def unknown_share(self) -> float:
        """Share of the tokens that the tokenizer does not know, 0 to 1."""
        return self.unknown / self.tokens if self.tokens else 0.0

    @property
    def median(self) -> int:
        """Tokens of the median text, the shorter one of two; 0 without texts."""
        middle, seen = (len(self) + 1) // 2, 0
        for length in sorted(self._lengths):
            seen += self._lengths[length]
            if seen >= middle:
                return length
        return 0

    @property
    def longest(self) -> int:
        """Tokens of the longest text; 0 without texts."""
        return max(self._lengths, default=0)

    def longer_than(self, length: int) -> int:
        """Count the texts with more tokens."""
        return sum(count for tokens, count in self._lengths.items() if tokens > length)
