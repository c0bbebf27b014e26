"""What every readout is: a module that turns states at the masks into label scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn import functional

from pet.encoding import Batch
from pet.scoring.readouts.label_words import Word
from pet.types import WordIds

States = Mapping[int, Tensor]
Batches = Mapping[int, Batch]


class Readout(nn.Module, ABC):
    """Reads the masks of a pattern: label scores, the loss that trains them, and why.

    Its parameters are learned with the member and saved with its weights.

    Attributes
    ----------
    words : sequence of Word
        The label words whose scores it uses; W of them, or none.
    counts : tuple of int
        Numbers of masks k for which it needs the states (B, k, E).
    after : tuple of tuple of int
        Beginnings of label words that the model is to read behind the mask; see `Batch`.
    rate : float
        Peak learning rate of its own parameters, of AdamW.
    needs_examples : bool
        Whether it is nothing before `start` has seen labelled examples.
    """

    words: Sequence[Word] = ()
    counts: tuple[int, ...] = (1,)
    after: tuple[WordIds, ...] = ()
    rate: float = 0.0
    needs_examples = False

    def word_scores(self, states: States, batches: Batches | None = None) -> Tensor:
        """Scores of the label words, (B, W)."""
        some = next(iter(states.values()))
        return some.new_zeros(len(some), 0)

    @abstractmethod
    def forward(self, states: States, batches: Batches | None = None) -> Tensor:
        """Scores of the labels, (B, C), from decoder inputs (B, k, E) for every k of ``counts``.

        With ``batches`` label words of several tokens are filled in one by one; without, which is
        what training does, all at once.
        """

    def loss(
        self, scores: Tensor, states: States, targets: Tensor, weights: Tensor | None
    ) -> Tensor:
        """What training minimises.

        Parameters
        ----------
        scores : Tensor (B, C)
            What `forward` gave, calibrated.
        states : mapping
            What it gave them for.
        targets : Tensor (B,)
            Label numbers.
        weights : Tensor (C,), optional
            Of the labels.
        """
        return functional.cross_entropy(scores, targets, weights)

    def start(self, states: States, targets: Tensor) -> None:
        """Begin from labelled examples: decoder inputs (N, k, E) and label numbers (N,)."""

    def notes(self) -> list[str]:
        """Lines for people: what it has learned that is worth seeing."""
        return []
