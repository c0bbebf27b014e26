"""Which backbone is it? Known by what it computes, not by where it lies."""

from __future__ import annotations

import hashlib
import json

import torch
from torch import Tensor

from pet.backbone.base import LanguageModel

_SAMPLE = 1024
_COMPUTES = (
    "num_attention_heads", "num_hidden_layers", "hidden_act", "layer_norm_eps", "pad_token_id",
    "rope_theta", "relative_attention", "position_embedding_type",
)  # fmt: skip


@torch.no_grad()
def fingerprint(backbone: LanguageModel) -> str:
    """Return a short hash of a backbone's original weights, architecture and vocabulary.

    Of every tensor some 1,024 numbers are looked at, evenly spaced, so that it takes no time for
    large models; any training changes it. Names of files and of parameters do not matter.
    """
    backbone.weights.put({})
    vocabulary = sorted(backbone.hf_tokenizer.get_vocab().items())
    parts = sorted(_sampled(parameter) for parameter in backbone.model.parameters())
    config = backbone.model.config
    # Layers alike in shape may still compute something else.
    how = {name: repr(getattr(config, name, None)) for name in _COMPUTES}
    plain = [config.model_type, how, vocabulary, parts]
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]


def _sampled(tensor: Tensor) -> str:
    flat = tensor.detach().reshape(-1)
    some = flat[:: max(1, flat.numel() // _SAMPLE)].float().cpu()
    shape = repr(tuple(tensor.shape)).encode()
    return hashlib.sha256(shape + some.numpy().tobytes()).hexdigest()
