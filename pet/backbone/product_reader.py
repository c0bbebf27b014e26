"""Label words that a model predicts token by token: a word's probability is a product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from pet.backbone.base import LanguageModel
from pet.encoding import Batch
from pet.task.verbalizer import Decoding
from pet.types import WordIds


class ProductReader:
    """A reader of words by the chain rule: ``log p(w) = sum_i log p(w_i | text, w_1 ... w_(i-1))``.

    A model gives one state at the mask and one behind each beginning of a word; words that begin
    alike share them. The order in which masks would be filled does not matter here.

    Parameters
    ----------
    backbone : LanguageModel
        The model.
    words : iterable of tuple of int
        Token ids of all words.
    """

    mask_counts = (1,)

    def __init__(self, backbone: LanguageModel, words: Iterable[WordIds]) -> None:
        self._backbone = backbone
        cut = {word[:end] for word in words for end in range(1, len(word))}
        self.after: tuple[WordIds, ...] = tuple(sorted(cut))  # a beginning before its continuations
        self._places = {beginning: place for place, beginning in enumerate(((), *self.after))}
        self._lookups: dict[tuple[WordIds, ...], tuple[Tensor, ...]] = {}

    def __call__(
        self,
        words: Sequence[WordIds],
        decoding: Decoding,
        states: Mapping[int, Tensor],
        batches: Mapping[int, Batch] | None,
    ) -> Tensor:
        """Compute log-probabilities of words, (B, W)."""
        used, columns, tokens, owners = self._lookup(tuple(words), states[1].device)
        logs = self._backbone.vocabulary_logits(states[1][:, used]).log_softmax(dim=-1)
        sums = logs.new_zeros(len(logs), len(words))
        return sums.index_add(1, owners, logs[:, columns, tokens])

    @torch.inference_mode(False)
    def _lookup(self, words: tuple[WordIds, ...], device: torch.device) -> tuple[Tensor, ...]:
        """Look up the words' states and tokens; made once, as every batch asks for the same words.

        Returns the indices of the U states that are used; and for every token of every word the
        index of the state among these that predicts it, its id, and the index of its word.
        """
        if words not in self._lookups:
            ends = sorted({word[:end] for word in words for end in range(len(word))})
            columns = {beginning: column for column, beginning in enumerate(ends)}
            tokens = [
                (columns[word[:i]], word[i], owner)
                for owner, word in enumerate(words)
                for i in range(len(word))
            ]
            used = torch.tensor([self._places[beginning] for beginning in ends], device=device)
            self._lookups[words] = (used, *torch.tensor(tokens, device=device).T)
        return self._lookups[words]


@dataclass(frozen=True)
class Tree:
    """Beginnings of words as T tokens that are read at once, each seeing its beginning only.

    ``tokens`` and ``depths`` are (T,); the first token of a word has depth 0. ``sees`` (T, T) tells
    whether a row's token sees a column's.
    """

    tokens: Tensor
    depths: Tensor
    sees: Tensor

    @classmethod
    @lru_cache(maxsize=64)
    @torch.inference_mode(False)  # the cached tensors may be trained with later
    def from_beginnings(cls, after: tuple[WordIds, ...], device: torch.device) -> Tree:
        """Build the tree of all beginnings of some words on a device."""
        return cls(
            torch.tensor([beginning[-1] for beginning in after], device=device),
            torch.tensor([len(beginning) - 1 for beginning in after], device=device),
            torch.tensor(
                [[word[: len(seen)] == seen for seen in after] for word in after], device=device
            ),
        )
