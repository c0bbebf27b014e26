"""Low-rank adapters on a model's linear layers, by the optional package peft."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from pet.errors import BackboneError

if TYPE_CHECKING:
    from peft import LoraModel


class Adapters:
    """Adapters on linear layers of a model, added in place; everything else is frozen.

    Parameters
    ----------
    model : nn.Module
        The model, which is changed.
    layers : sequence of str
        Names of the linear layers.
    rank : int
        Rank r of each adapter, whose product counts twice (Hu 2021, section 4.1: alpha is 2 r).

    Raises
    ------
    BackboneError
        When peft is missing or does not take these layers.
    """

    def __init__(self, model: nn.Module, layers: Sequence[str], rank: int) -> None:
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
                # The warning says that some matrices are stored transposed; peft handles them.
                warnings.filterwarnings("ignore", message="fan_in_fan_out")
                self._tuner: LoraModel = LoraModel(model, {"default": config}, "default")
        except ValueError as error:
            raise BackboneError(f"This model cannot have adapters: {error}") from error
        for parameter in trained:
            parameter.requires_grad_(True)

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """The trained parameters, by name."""
        named = self._tuner.model.named_parameters()
        return {name: parameter for name, parameter in named if "lora_" in name}

    def factors(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Return the two factors of the product that is added to each parameter, by its name."""
        factors = {}
        for name, module in self._tuner.model.named_modules():
            if "default" not in getattr(module, "lora_A", {}):
                continue
            scale = module.scaling["default"]
            first, second = module.lora_A["default"].weight, module.lora_B["default"].weight
            transposed = module.fan_in_fan_out
            left, right = (first.T, scale * second.T) if transposed else (scale * second, first)
            factors[f"{name}.weight"] = (left.detach(), right.detach())
        return factors

    def merge(self) -> None:
        """Add the adapters to the weights and remove them."""
        self._tuner.merge_and_unload()

    def remove(self) -> None:
        """Remove the adapters; the weights are as before."""
        self._tuner.unload()
