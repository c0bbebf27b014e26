"""The interface between a backbone and how label words are read from its states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor

from pet.encoding import Batch
from pet.task.verbalizer import Decoding
from pet.types import WordIds


class WordReader(Protocol):
    """Reads the label words of a PVP from a model's states.

    ``mask_counts`` says with how many masks the inputs are encoded, and ``after`` which tokens the
    model reads behind the mask: every true beginning of a word, for models that predict a word
    token by token.
    """

    @property
    def mask_counts(self) -> tuple[int, ...]:
        """Numbers of masks, smallest first."""

    @property
    def after(self) -> tuple[WordIds, ...]:
        """Beginnings of words; see `Batch`."""

    def __call__(
        self,
        words: Sequence[WordIds],
        decoding: Decoding,
        states: Mapping[int, Tensor],
        batches: Mapping[int, Batch] | None,
    ) -> Tensor:
        """Log-probabilities of words of several tokens, (B, W).

        ``states`` (B, M, E) and ``batches`` belong to the numbers of masks. Without ``batches``
        nothing may need another forward pass.
        """
