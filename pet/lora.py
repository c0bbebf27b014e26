"""Low-rank adapters on a backbone's encoder, by the optional package peft."""

from __future__ import annotations

from typing import Any

from torch import nn

from pet.backbone import LanguageModel
from pet.errors import BackboneError


class Adapters:
    """Adds an adapter to every linear layer of an encoder, in place.

    Parameters
    ----------
    backbone : LanguageModel
        What is changed.
    rank : int
        Of each adapter (Hu 2021, section 4.1); the scale is twice the rank.

    Raises
    ------
    BackboneError
        When peft is missing or cannot do it.
    """

    def __init__(self, backbone: LanguageModel, rank: int) -> None:
        try:
            from peft import LoraConfig, LoraModel
        except ImportError as error:
            raise BackboneError(
                "LoRA adapters need the 'peft' package.",
                "Install it with: pip install 'pet-fewshot[lora]'",
            ) from error
        encoder = {id(module) for module in backbone.model.base_model.modules()}
        linear = [
            name
            for name, module in backbone.model.named_modules()
            if isinstance(module, nn.Linear) and id(module) in encoder
        ]
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=linear)
        try:
            self._tuner: Any = LoraModel(backbone.model, {"default": config}, "default")
        except ValueError as error:
            raise BackboneError(f"{backbone.name!r} cannot have adapters: {error}") from error

    def merge(self) -> None:
        """Add the adapters to the weights and take them away."""
        self._tuner.merge_and_unload()
