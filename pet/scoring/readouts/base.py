"""The base of readouts: a module that turns states at the masks into label scores."""

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
    """A module that reads the masks of a pattern: label scores, and the loss that trains them.

    Its parameters are learned with the member and saved with the member's weights.

    Attributes
    ----------
    words : sequence of Word
        The label words whose scores are used; W of them, or none.
    mask_counts : tuple of int
        Numbers of masks k for which the states (B, k, E) are needed.
    after : tuple of tuple of int
        Beginnings of label words that the model is to read behind the mask; see `Batch`.
    rate : float
        Peak learning rate of the readout's parameters, for AdamW.
    needs_examples : bool
        Whether `start` must see labelled examples first.
    """

    words: Sequence[Word] = ()
    mask_counts: tuple[int, ...] = (1,)
    after: tuple[WordIds, ...] = ()
    rate: float = 0.0
    needs_examples = False

    def word_scores(self, states: States, batches: Batches | None = None) -> Tensor:
        """Score the label words: (B, W)."""
        any_states = next(iter(states.values()))
        return any_states.new_zeros(len(any_states), 0)

    @abstractmethod
    def forward(self, states: States, batches: Batches | None = None) -> Tensor:
        """Score the labels, (B, C), from decoder inputs (B, k, E) for every k of ``mask_counts``.

        With ``batches`` the tokens of long label words are filled in one by one; without, as in
        training, all at once.
        """

    def loss(
        self, scores: Tensor, states: States, targets: Tensor, weights: Tensor | None
    ) -> Tensor:
        """Compute the loss that training minimises, a scalar.

        Parameters
        ----------
        scores : Tensor (B, C)
            Scores from `forward`, minus offsets.
        states : mapping
            The states that they were computed from.
        targets : Tensor (B,)
            Label numbers.
        weights : Tensor (C,), optional
            Weights of the labels.
        """
        return functional.cross_entropy(scores, targets, weights)

    def start(self, states: States, targets: Tensor) -> None:
        """Start from labelled examples: decoder inputs (N, k, E) and label numbers (N,)."""

    def notes(self) -> list[str]:
        """Describe what was learned, in lines for people."""
        return []
