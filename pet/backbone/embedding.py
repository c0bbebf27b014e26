"""Texts as vectors: the mean of an encoder's states."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pet.device import Compute
from pet.encoding import Batch, Chunk, Encoder, TextTokenizer
from pet.types import Texts


class Embedding(Protocol):
    """What can turn texts into vectors: a masked LM, or a sequence classifier."""

    @property
    def tokenizer(self) -> TextTokenizer:
        """Its tokenizer."""

    @property
    def compute(self) -> Compute:
        """Device, precision and token budget."""

    def mean_states(self, batch: Batch) -> Tensor:
        """Encoder output averaged over the tokens that are no padding: (B, H), in fp32."""


@torch.inference_mode()
def mean_embeddings(model: Embedding, encoder: Encoder, texts: Texts) -> NDArray[np.float32]:
    """Mean of the last hidden states over each text's tokens, special tokens included: (N, H)."""
    encoded = encoder.encode(Chunk(model.tokenizer, texts))
    return encoded.each(model.compute, model.mean_states).cpu().numpy()
