"""Readouts: how label scores are read off the masks. One kind a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pet.backbone import LanguageModel
from pet.registry import Registry
from pet.scoring.readouts.base import Readout
from pet.scoring.readouts.class_vectors import ClassVectors
from pet.scoring.readouts.label_words import Word
from pet.scoring.readouts.prototypes import Prototypes
from pet.scoring.readouts.words import WeightedWords, WordReadout
from pet.task import Verbalizer

__all__ = ["READOUTS", "Member", "Readout", "readouts_of"]


@dataclass(frozen=True)
class Member:
    """What readouts are made for: a member's verbalizers, their words as tokens, C labels."""

    verbalizers: Sequence[Verbalizer]
    words: Sequence[Sequence[Word]]
    n_labels: int
    backbone: LanguageModel


def _of_words(readout: type[WordReadout]) -> Callable[[Member], list[Readout]]:
    def make(own: Member) -> list[Readout]:
        reader = own.backbone.reader(word.ids for words in own.words for word in words)
        return [
            readout(words, own.n_labels, verbalizer, own.backbone, reader)
            for words, verbalizer in zip(own.words, own.verbalizers, strict=True)
        ]

    return make


# One readout for every verbalizer, but only one of prototypes.
READOUTS: Registry[Callable[[Member], list[Readout]]] = Registry(
    "readouts",
    "readout",
    {
        "words": _of_words(WordReadout),
        "word-weights": _of_words(WeightedWords),
        "class-vectors": lambda own: [
            ClassVectors(words, own.n_labels, own.backbone) for words in own.words
        ],
        "prototypes": lambda own: [Prototypes(own.n_labels, own.backbone)],
    },
    arguments=("member",),
)


def readouts_of(kind: str, member: Member) -> list[Readout]:
    """Make a member's readouts; ``kind`` is a name in `READOUTS`."""
    return READOUTS[kind](member)
