"""Words that a model predicts token by token: the probability of a word is a product."""

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
        self._lookups: dict[tuple[WordIds, ...], tuple[Tensor, ...]] = {}

    def __call__(
        self,
        words: Sequence[WordIds],
        decoding: Decoding,
        states: Mapping[int, Tensor],
        batches: Mapping[int, Batch] | None,
    ) -> Tensor:
        """Log-probabilities of words, (B, W)."""
        used, where, which, owner = self._lookup(tuple(words), states[1].device)
        logs = self._backbone.vocabulary_logits(states[1][:, used]).log_softmax(dim=-1)
        sums = logs.new_zeros(len(logs), len(words))
        return sums.index_add(1, owner, logs[:, where, which])

    @torch.inference_mode(False)
    def _lookup(self, words: tuple[WordIds, ...], device: torch.device) -> tuple[Tensor, ...]:
        """Where the words' probabilities are; made once, as every batch asks for the same words.

        Numbers of the U states that are used; for every token of every word which of these states
        predicts it, its id, and the number of its word.
        """
        if words not in self._lookups:
            ends = sorted({word[:end] for word in words for end in range(len(word))})
            columns = {beginning: number for number, beginning in enumerate(ends)}
            tokens = [
                (columns[word[:i]], word[i], number)
                for number, word in enumerate(words)
                for i in range(len(word))
            ]
            used = torch.tensor([self._places[beginning] for beginning in ends], device=device)
            self._lookups[words] = (used, *torch.tensor(tokens, device=device).T)
        return self._lookups[words]


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
    @torch.inference_mode(False)  # what is kept may be trained with later
    def of(cls, after: tuple[WordIds, ...], device: torch.device) -> Tree:
        """Build it on a device, from all true beginnings of some words."""
        return cls(
            torch.tensor([beginning[-1] for beginning in after], device=device),
            torch.tensor([len(beginning) - 1 for beginning in after], device=device),
            torch.tensor(
                [[own[: len(seen)] == seen for seen in after] for own in after], device=device
            ),
        )
