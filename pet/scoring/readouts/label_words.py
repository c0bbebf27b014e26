"""Label words as tokens of one backbone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pet.encoding import Before, TextTokenizer
from pet.errors import VerbalizerError
from pet.task import Verbalizer


@dataclass(frozen=True)
class Word:
    """A label word as token ids, with the number of its label and its weight."""

    text: str
    label: int
    weight: float
    ids: tuple[int, ...]


class WithTokenizer(Protocol):
    """A backbone as far as label words need it: its name and its tokenizer."""

    @property
    def name(self) -> str:
        """Name of the backbone, for messages."""

    @property
    def tokenizer(self) -> TextTokenizer:
        """Tokenizer that splits the words."""


def label_words(
    verbalizer: Verbalizer,
    labels: Sequence[str],
    backbone: WithTokenizer,
    before: Before,
) -> list[Word]:
    """Split a verbalizer's words into tokens, for a place behind ``before``.

    Raises
    ------
    VerbalizerError
        When the tokenizer cannot represent a word, or takes two labels' words for one.
    """
    tokenizer = backbone.tokenizer
    words = []
    owner: dict[tuple[int, ...], Word] = {}
    for index, label in enumerate(labels):
        for text, weight in verbalizer.words[label].items():
            ids = tuple(tokenizer.word_ids(text, before))
            if not ids or tokenizer.unknown_id in ids:
                raise VerbalizerError(
                    f"Label word {text!r} of {label!r} cannot be represented by the tokenizer of "
                    f"{backbone.name!r}.",
                    "Choose a word of the backbone's language and script.",
                )
            word = Word(text, index, weight, ids)
            other = owner.setdefault(ids, word)
            if other.label != index:
                raise VerbalizerError(
                    f"Label words {other.text!r} of {labels[other.label]!r} and {text!r} of "
                    f"{label!r} are the same tokens for {backbone.name!r}.",
                    "Remove one of them.",
                )
            words.append(word)
    return words


def ids_by_rank(words: Sequence[Word]) -> list[int]:
    """Return the token ids of all labels' first words, then of their second ones, and so on."""
    ranked = sorted(
        (sum(other.label == word.label for other in words[:index]), word.label, index)
        for index, word in enumerate(words)
    )
    return [token for *_, index in ranked for token in words[index].ids]
