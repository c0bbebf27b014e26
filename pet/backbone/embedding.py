"""Texts as vectors: the mean of an encoder's states."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pet.backbone.injection import model_inputs
from pet.backbone.pooling import mean_state
from pet.device import Compute
from pet.encoding import Batch, Chunk, Encoder, TextTokenizer
from pet.types import Texts

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Embedding(Protocol):
    """A model that can turn texts into vectors: a language model, or a sequence classifier."""

    @property
    def model(self) -> PreTrainedModel:
        """The transformers model."""

    @property
    def tokenizer(self) -> TextTokenizer:
        """The model's tokenizer."""

    @property
    def compute(self) -> Compute:
        """Device, precision and token budget."""


@torch.inference_mode()
def mean_embeddings(source: Embedding, encoder: Encoder, texts: Texts) -> NDArray[np.float32]:
    """Average the last hidden states over each text's tokens, special tokens included: (N, H)."""
    encoded = encoder.encode(Chunk(source.tokenizer, texts))
    body = source.model.base_model
    if source.model.config.is_encoder_decoder:
        body = source.model.get_encoder()
    # Nothing follows these texts: keys and values of the layers need not be kept.
    options = {"use_cache": False} if "use_cache" in signature(body.forward).parameters else {}

    def mean_states(batch: Batch) -> Tensor:
        with source.compute.autocast():
            hidden: Tensor = body(**model_inputs(batch), **options)[0]
        return mean_state(hidden, batch.attention)

    return encoded.each(source.compute, mean_states).cpu().numpy()
