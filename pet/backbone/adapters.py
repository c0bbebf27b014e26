"""Low-rank adapters on a model's linear layers, by the optional package peft."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from pet.errors import BackboneError


class Adapters:
    """Adds an adapter to linear layers of a model, in place; everything else is frozen.

    Parameters
    ----------
    model : nn.Module
        What is changed.
    layers : sequence of str
        Names of its linear layers.
    rank : int
        Of each adapter, whose product counts twice (Hu 2021, section 4.1: alpha is 2 r).

    Raises
    ------
    BackboneError
        When peft is missing or cannot do it.
    """

    def __init__(self, model: Any, layers: Sequence[str], rank: int) -> None:
        try:
            from peft import LoraConfig, LoraModel
        except ImportError as error:
            raise BackboneError(
                "LoRA adapters need the 'peft' package.",
                "Install it with: pip install 'pet-fewshot[lora]'",
            ) from error
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=list(layers))
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        try:
            with warnings.catch_warnings():
                # It says of some layers that their matrices are stored transposed; it knows how.
                warnings.filterwarnings("ignore", message="fan_in_fan_out")
                self._tuner: Any = LoraModel(model, {"default": config}, "default")
        except ValueError as error:
            raise BackboneError(f"This model cannot have adapters: {error}") from error
        for parameter in trained:
            parameter.requires_grad_(True)

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """What is trained, by name."""
        named = self._tuner.model.named_parameters()
        return {name: parameter for name, parameter in named if "lora_" in name}

    def factors(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Two factors of what each adapter adds to a parameter, by the parameter's name."""
        found = {}
        for name, module in self._tuner.model.named_modules():
            if "default" not in getattr(module, "lora_A", {}):
                continue
            scale = module.scaling["default"]
            first, second = module.lora_A["default"].weight, module.lora_B["default"].weight
            transposed = module.fan_in_fan_out
            left, right = (first.T, scale * second.T) if transposed else (scale * second, first)
            found[f"{name}.weight"] = (left.detach(), right.detach())
        return found

    def merge(self) -> None:
        """Add the adapters to the weights and take them away."""
        self._tuner.merge_and_unload()

    def remove(self) -> None:
        """Take the adapters away; the weights are as they were."""
        self._tuner.unload()
