"""The fingerprint of a backbone: a hash of what it computes, wherever its files lie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pet.backbone.base import LanguageModel

if TYPE_CHECKING:
    from transformers import PretrainedConfig

_SAMPLE = 1024
# Settings that change nothing a model computes, and differ between its copies.
_IGNORED = {
    "architectures", "dtype", "torch_dtype", "transformers_version", "use_cache",
    "id2label", "label2id", "problem_type",
    "bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id",
}  # fmt: skip


@torch.no_grad()
def fingerprint(backbone: LanguageModel) -> str:
    """Return a short hash of a backbone's original weights, settings and vocabulary.

    About 1,024 evenly spaced numbers of every tensor enter it, so that large models take no time
    either; any training changes it. Names of files and of parameters do not matter.
    """
    backbone.weights.put({})
    vocabulary = sorted(backbone.hf_tokenizer.get_vocab().items())
    tensors = sorted(_sampled(parameter) for parameter in backbone.model.parameters())
    # Settings too: layers of the same shapes may still compute something else.
    content = [_settings(backbone.model.config), vocabulary, tensors]
    text = json.dumps(content, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _settings(config: PretrainedConfig) -> dict[str, Any]:
    """Return the settings of a model's config that change its computation.

    Defaults are left out, so that a setting which a release of transformers adds, and which the
    model does not use, changes nothing.
    """
    defaults = _computing(type(config)().to_dict())
    settings = _computing(config.to_dict())
    changed = {name: value for name, value in settings.items() if value != defaults.get(name)}
    return {"model_type": config.model_type, **changed}


def _computing(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Drop the settings that change nothing, also from settings inside settings."""
    return {
        name: _computing(value) if isinstance(value, Mapping) else value
        for name, value in settings.items()
        if name not in _IGNORED and not str(name).startswith("_")
    }


def _sampled(tensor: Tensor) -> str:
    flat = tensor.detach().reshape(-1)
    sample = flat[:: max(1, flat.numel() // _SAMPLE)].float().cpu()
    shape = repr(tuple(tensor.shape)).encode()
    return hashlib.sha256(shape + sample.numpy().tobytes()).hexdigest()
