"""Weights that are changed in place and given back: one backbone holds one member at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn


class Weights:
    """Changes some of a model's parameters and takes the change back.

    Only parameters that were ever changed are remembered, so a member that trains the biases costs
    the memory of the biases.
    """

    def __init__(self, model: nn.Module) -> None:
        self._parameters = dict(model.named_parameters())
        self._original: dict[str, Tensor] = {}

    def trainable(self, names: Iterable[str]) -> dict[str, nn.Parameter]:
        """Let exactly these parameters have gradients, and return them."""
        chosen = set(names)
        for name, parameter in self._parameters.items():
            parameter.requires_grad_(name in chosen)
            parameter.grad = None
        for name in chosen:
            self._original.setdefault(name, self._parameters[name].detach().clone())
        return {name: self._parameters[name] for name in self._parameters if name in chosen}

    @torch.no_grad()
    def put(self, weights: Mapping[str, Tensor]) -> None:
        """Start from the original weights and put these in their places."""
        for name, original in self._original.items():
            if name not in weights:
                self._parameters[name].copy_(original)
        for name, tensor in weights.items():
            parameter = self._parameters[name]
            self._original.setdefault(name, parameter.detach().clone())
            parameter.copy_(tensor)

    def take(self, names: Iterable[str]) -> dict[str, Tensor]:
        """Return copies of the current values on the CPU."""
        return {name: self._parameters[name].detach().cpu().clone() for name in names}
