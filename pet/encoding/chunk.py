"""Chunks: examples whose fields are tokenised once for all patterns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pet.encoding.ragged import Ragged
from pet.encoding.seams import Before, tail
from pet.encoding.tokenizer import TextTokenizer


class FieldTokens(Protocol):
    """Examples with tokenised fields."""

    def __len__(self) -> int:
        """Return the number of examples, N."""

    def field(self, name: str, before: Before) -> Ragged:
        """Return the tokens of one field behind what stands before it, N rows."""

    def ends(self, name: str) -> NDArray[np.str_]:
        """Return the last character of one field's texts, (N,); "" for empty texts."""


class Chunk:
    """Examples whose fields are tokenised once for all patterns."""

    def __init__(self, tokenizer: TextTokenizer, texts: Sequence[Mapping[str, str]]) -> None:
        self.texts = texts
        self._tokenizer = tokenizer
        self._tokens: dict[tuple[str, Before], Ragged] = {}
        self._ends: dict[str, NDArray[np.str_]] = {}

    def __len__(self) -> int:
        return len(self.texts)

    def field(self, name: str, before: Before) -> Ragged:
        """Return the tokens of one field behind what stands before it, N rows."""
        key = (name, self._tokenizer.alike(before))
        if key not in self._tokens:
            texts = [texts[name] for texts in self.texts]
            self._tokens[key] = self._tokenizer.texts(texts, before)
        return self._tokens[key]

    def ends(self, name: str) -> NDArray[np.str_]:
        """Return the last character of one field's texts, (N,); "" for empty texts."""
        if name not in self._ends:
            self._ends[name] = np.array([tail(texts[name]) for texts in self.texts], dtype=np.str_)
        return self._ends[name]
