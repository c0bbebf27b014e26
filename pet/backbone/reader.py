"""The interface for reading label words from a backbone's states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor

from pet.encoding import Batch
from pet.task.verbalizer import Decoding
from pet.types import WordIds


class WordReader(Protocol):
    """A reader of a PVP's label words from a model's states.

    Inputs are encoded once for each of ``mask_counts``. ``after`` holds the tokens that the model
    reads behind the mask: for models that predict a word token by token, all beginnings of words
    that are shorter than the word.
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
        """Compute log-probabilities of words of several tokens, (B, W).

        ``states`` (B, M, E) and ``batches`` are given by number of masks. Without ``batches`` there
        is no further forward pass.
        """
