"""Words that a model predicts token by token: the probability of a word is a product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from pet.backbone.base import LanguageModel, WordIds
from pet.encoding import Batch
from pet.verbalizer import Decoding


class ProductReader:
    """Reads words by the chain rule: ``log p(w) = sum_i log p(w_i | text, w_1 ... w_(i-1))``.

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
        self.after: tuple[WordIds, ...] = tuple(sorted(cut))  # a beginning before what it begins
        self._places = {beginning: 1 + n for n, beginning in enumerate(self.after)} | {(): 0}

    def __call__(
        self,
        words: Sequence[WordIds],
        decoding: Decoding,
        states: Mapping[int, Tensor],
        batches: Mapping[int, Batch] | None,
    ) -> Tensor:
        """Log-probabilities of words, (B, W)."""
        ends = sorted({word[:end] for word in words for end in range(len(word))})
        columns = {beginning: number for number, beginning in enumerate(ends)}
        used = states[1][:, [self._places[beginning] for beginning in ends]]  # (B, U, E)
        logs = self._backbone.vocabulary_logits(used).log_softmax(dim=-1)
        tokens = [(columns[word[:i]], word[i]) for word in words for i in range(len(word))]
        where, which = torch.tensor(tokens, device=logs.device).T
        owner = [number for number, word in enumerate(words) for _ in word]
        sums = logs.new_zeros(len(logs), len(words))
        return sums.index_add(1, torch.tensor(owner, device=logs.device), logs[:, where, which])


@dataclass(frozen=True)
class Tree:
    """Beginnings of words as T tokens that are read at once, each seeing its own beginning only.

    ``tokens`` and ``depths`` are (T,), the first token of a word having depth 0; ``sees`` (T, T)
    says whether the token of a row sees that of a column.
    """

    tokens: Tensor
    depths: Tensor
    sees: Tensor

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, after: tuple[WordIds, ...]) -> Tree:
        """Build it from all true beginnings of some words."""
        return cls(
            torch.tensor([beginning[-1] for beginning in after]),
            torch.tensor([len(beginning) - 1 for beginning in after]),
            torch.tensor([[own[: len(seen)] == seen for seen in after] for own in after]),
        )
