"""Which backbone is it? Known by what it computes, not by where it lies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pet.backbone.base import LanguageModel

_SAMPLE = 1024
# Settings that change nothing a model computes, and differ between copies of one.
_OTHERWISE = {
    "architectures", "dtype", "torch_dtype", "transformers_version", "use_cache",
    "id2label", "label2id", "problem_type",
    "bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id",
}  # fmt: skip


@torch.no_grad()
def fingerprint(backbone: LanguageModel) -> str:
    """Return a short hash of a backbone's original weights, settings and vocabulary.

    Of every tensor some 1,024 numbers are looked at, evenly spaced, so that it takes no time for
    large models; any training changes it. Names of files and of parameters do not matter.
    """
    backbone.weights.put({})
    vocabulary = sorted(backbone.hf_tokenizer.get_vocab().items())
    parts = sorted(_sampled(parameter) for parameter in backbone.model.parameters())
    # Layers alike in shape may still compute something else.
    plain = [_settings(backbone.model.config), vocabulary, parts]
    text = json.dumps(plain, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _settings(config: Any) -> dict[str, Any]:
    """What a model's config says of how it computes.

    What is at its default is left out: a setting that a release of transformers adds, and that a
    model does not use, changes nothing.
    """
    defaults = _computing(type(config)().to_dict())
    own = _computing(config.to_dict())
    found = {name: value for name, value in own.items() if value != defaults.get(name)}
    return {"model_type": config.model_type, **found}


def _computing(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings, also those of a part of the model, without what changes nothing."""
    return {
        name: _computing(value) if isinstance(value, Mapping) else value
        for name, value in settings.items()
        if name not in _OTHERWISE and not str(name).startswith("_")
    }


def _sampled(tensor: Tensor) -> str:
    flat = tensor.detach().reshape(-1)
    some = flat[:: max(1, flat.numel() // _SAMPLE)].float().cpu()
    shape = repr(tuple(tensor.shape)).encode()
    return hashlib.sha256(shape + some.numpy().tobytes()).hexdigest()
