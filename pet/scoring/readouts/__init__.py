"""Readouts: modules that turn states at the masks into label scores. One a file."""

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

__all__ = ["READOUTS", "Readout", "ReadoutSite", "make_readouts"]


@dataclass(frozen=True)
class ReadoutSite:
    """The place of readouts: verbalizers, their words as tokens, C labels, the backbone."""

    verbalizers: Sequence[Verbalizer]
    words: Sequence[Sequence[Word]]
    n_labels: int
    backbone: LanguageModel


def _of_words(readout: type[WordReadout]) -> Callable[[ReadoutSite], list[Readout]]:
    def make(site: ReadoutSite) -> list[Readout]:
        reader = site.backbone.reader(word.ids for words in site.words for word in words)
        return [
            readout(words, site.n_labels, verbalizer, site.backbone, reader)
            for words, verbalizer in zip(site.words, site.verbalizers, strict=True)
        ]

    return make


# One readout for every verbalizer, but prototypes once for all.
READOUTS: Registry[Callable[[ReadoutSite], list[Readout]]] = Registry(
    "readouts",
    "readout",
    {
        "words": _of_words(WordReadout),
        "word-weights": _of_words(WeightedWords),
        "class-vectors": lambda site: [
            ClassVectors(words, site.n_labels, site.backbone) for words in site.words
        ],
        "prototypes": lambda site: [Prototypes(site.n_labels, site.backbone)],
    },
    arguments=("site",),
)


def make_readouts(name: str, site: ReadoutSite) -> list[Readout]:
    """Make a member's readouts; ``name`` is one in `READOUTS`.

    Raises
    ------
    UsageError
        When there is no such readout.
    """
    return READOUTS[name](site)
