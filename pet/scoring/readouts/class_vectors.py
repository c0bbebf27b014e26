"""Class vectors: a learned vector for every label, which starts from its label words (WARP)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pet.backbone import LanguageModel
from pet.scoring.readouts.base import Batches, Readout, States
from pet.scoring.readouts.label_words import Word


class ClassVectors(Readout):
    """Class vectors v_c and biases b_c: scores ``v_c . h + b_c``, h the decoder input at one mask.

    v_c and b_c start as weighted means of the decoder's vectors and biases of the label's words, so
    at first the scores are those of the plain verbalizer with combine="mean". A word of several
    tokens enters with the mean of its tokens; there is one mask, whatever the words.

    Source: WARP, section 3.
    """

    rate = 1e-3

    @torch.no_grad()
    def __init__(self, words: Sequence[Word], n_labels: int, backbone: LanguageModel) -> None:
        super().__init__()
        device = backbone.compute.device
        tokens = [(token, word) for word in words for token in word.ids]
        shares = torch.zeros(len(tokens), n_labels, device=device)
        for row, (_, word) in enumerate(tokens):
            shares[row, word.label] = word.weight / len(word.ids)
        shares /= shares.sum(0)
        ids = torch.tensor([token for token, _ in tokens], device=device)
        vectors, biases = backbone.word_vectors(ids)
        self.vectors = nn.Parameter(shares.T @ vectors)
        self.biases = nn.Parameter(shares.T @ biases)

    def forward(self, states: States, batches: Batches | None = None) -> Tensor:
        """Score the labels: (B, C)."""
        return states[1][:, 0] @ self.vectors.T + self.biases
