"""Scorer: the base class of what scores texts on a backbone, with a member's weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from copy import copy
from typing import TYPE_CHECKING, Self

from torch import Tensor, nn

from pet.errors import RunError
from pet.types import Fields, Offsets, Scores

if TYPE_CHECKING:
    from pet.backbone import LanguageModel
    from pet.encoding import Chunk
    from pet.scoring.labelled import Labelled
    from pet.scoring.view import PatternView

# First part of the names of values that are learned beside the backbone.
LEARNED = "learned."


def keeps_backbone(weights: Iterable[str]) -> bool:
    """Tell from the names of a member's weights whether it leaves the backbone unchanged."""
    return all(name.startswith(LEARNED) for name in weights)


class LearnedValues(nn.Module):
    """Values that a member learns beside the backbone."""

    def unfold(self) -> None:
        """Make ready for training."""

    def fold(self) -> None:
        """Drop what only training needs; scores stay the same."""

    def put(self, weights: Mapping[str, Tensor]) -> None:
        """Put the learned ones of a member's weights in their places.

        Raises
        ------
        RuntimeError
            When they are not the weights of this member.
        """
        self.fold()
        self.load_state_dict(
            {
                name.removeprefix(LEARNED): tensor
                for name, tensor in weights.items()
                if name.startswith(LEARNED)
            }
        )

    def take(self) -> dict[str, Tensor]:
        """Return copies on the CPU, under their names among a member's weights."""
        values = self.state_dict()
        return {LEARNED + name: tensor.detach().cpu().clone() for name, tensor in values.items()}


class Scorer(ABC):
    """A member's way from texts to label scores, on a backbone that holds the member's weights.

    It takes no turn on the backbone: whoever shares it among threads puts weights and scores inside
    ``with backbone.turn``.

    Attributes
    ----------
    backbone : LanguageModel
        The model.
    labels : tuple of str
        Labels in the order of the scores' columns, C.
    offsets : Offsets or None
        Calibration, (V, C): subtracted from the scores of every readout.
    learned : LearnedValues
        Everything that is learned beside the backbone.
    title : str
        The member's input, for messages.
    """

    backbone: LanguageModel
    labels: tuple[str, ...]
    offsets: Offsets | None
    learned: LearnedValues
    title: str

    @abstractmethod
    def score(self, chunk: Chunk) -> Scores:
        """Score N texts: (V, N, C), a row a readout."""

    @abstractmethod
    def view(self, texts: Fields) -> PatternView:
        """Score one example and keep every step, for people to look at."""

    def start(self, labelled: Labelled) -> Scores | None:
        """Start what is learned from labelled examples, before any training.

        Returns
        -------
        array (V, N, C) or None
            Scores of the examples, without offsets, as if each had not been seen; None where
            nothing is learned, or nothing can be left out.
        """
        return None

    def fit(self, labelled: Labelled) -> None:  # noqa: B027 (most compute nothing)
        """Fit what is computed from labelled examples, once the backbone is trained."""

    @property
    def needs_examples(self) -> bool:
        """Whether it cannot score before it has seen labelled examples, which it then knows."""
        return False

    def notes(self) -> list[str]:
        """Return lines about what was learned beside the backbone."""
        return []

    def calibrated(self, offsets: Offsets | None) -> Self:
        """Return a copy with ``offsets`` to subtract; everything learned is shared."""
        other = copy(self)
        other.offsets = offsets
        return other

    def put(self, weights: Mapping[str, Tensor]) -> None:
        """Put a member's weights in their places, in the backbone and beside it.

        Raises
        ------
        RunError
            When they are not weights of this backbone and this member.
        """
        backbone = {n: tensor for n, tensor in weights.items() if not n.startswith(LEARNED)}
        try:
            self.learned.put(weights)
            self.backbone.weights.put(backbone)
        except (RuntimeError, KeyError) as error:
            raise RunError(
                f"The weights of a member do not fit its {self.title}.",
                "Its file is damaged, or another version of pet wrote it; train it again.",
            ) from error

    def take(self, names: Iterable[str]) -> dict[str, Tensor]:
        """Copy these weights of the backbone, and everything learned beside it."""
        return {**self.backbone.weights.take(names), **self.learned.take()}
