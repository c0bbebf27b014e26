"""Label words of several tokens, read mask by mask (PET, section 3.3 of 2009.07118)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from pet.backbone.base import LanguageModel
from pet.encoding import Batch
from pet.task.verbalizer import Decoding
from pet.types import WordIds


class MaskReader:
    """A reader of words of several tokens, from as many masks.

    Parameters
    ----------
    backbone : LanguageModel
        A masked language model.
    words : iterable of tuple of int
        Token ids of all words.
    """

    after: tuple[WordIds, ...] = ()

    def __init__(self, backbone: LanguageModel, words: Iterable[WordIds]) -> None:
        self._backbone = backbone
        device = backbone.compute.device
        # On the device, because every batch asks for the same words.
        self._ids = {word: torch.tensor(word, device=device) for word in words}
        self.mask_counts = tuple(sorted(set(map(len, self._ids))))
        self._places = torch.arange(max(self.mask_counts, default=0), device=device)

    def __call__(
        self,
        words: Sequence[WordIds],
        decoding: Decoding,
        states: Mapping[int, Tensor],
        batches: Mapping[int, Batch] | None,
    ) -> Tensor:
        """Compute log-probabilities of words, (B, W): the sums over their tokens.

        Parameters
        ----------
        words : sequence of tuple of int
            Token ids of every word, W of them.
        decoding : {"max-first", "left-to-right", "parallel"}
            Order in which the masks of a word are filled.
        states : mapping
            Number of masks k to decoder inputs (B, k, E).
        batches : mapping, optional
            Number of masks to the inputs; without them every word is scored in parallel.
        """
        log_probabilities = {
            count: self._backbone.vocabulary_logits(masks).log_softmax(dim=-1)
            for count, masks in states.items()
            if any(len(word) == count for word in words)
        }
        columns = []
        for word in words:
            table = log_probabilities[len(word)]
            ids, places = self._ids[word], self._places[: len(word)]
            tokens = table[:, places, ids]
            if batches is None or decoding == "parallel" or len(ids) == 1:
                columns.append(tokens.sum(dim=1))
            else:
                batch = batches[len(ids)]
                surest = decoding == "max-first"
                columns.append(_one_by_one(self._backbone, batch, ids, places, tokens, surest))
        return torch.stack(columns, dim=1)


def _one_by_one(
    backbone: LanguageModel,
    batch: Batch,
    word: Tensor,
    places: Tensor,
    tokens: Tensor,
    surest_first: bool,
) -> Tensor:
    """Fill one mask of every row, predict the others again, and so on.

    ``tokens`` (B, k) are the first predictions: log-probabilities of the word's tokens.
    """
    rows = torch.arange(len(tokens), device=tokens.device)
    ids = batch.ids.clone()
    open_masks = torch.ones_like(tokens, dtype=torch.bool)
    total = torch.zeros_like(tokens[:, 0])
    for step in range(len(word)):
        if step:
            logits = backbone.vocabulary_logits(backbone.mask_states(replace(batch, ids=ids)))
            tokens = logits.log_softmax(dim=-1)[:, places, word]
        waiting = tokens.masked_fill(~open_masks, -torch.inf)
        place = waiting.argmax(dim=1) if surest_first else torch.full_like(rows, step)
        total = total + tokens[rows, place]
        open_masks[rows, place] = False
        ids[rows, batch.masks[rows, place]] = word[place]
    return total
