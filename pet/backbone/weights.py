"""Weights that are changed in place and given back: one backbone holds one member at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from pet.backbone.adapters import Adapters

# A low-rank change of a parameter is named after it: this ending asks for one, and these two end
# the names of its factors.
LORA = ".lora"
_LEFT, _RIGHT = ".lora_left", ".lora_right"


class Weights:
    """Some parameters of a model, changed in place; the original values can be put back.

    Only changed parameters are remembered, so a member that trains the biases costs the memory of
    the biases. A parameter's name with ``.lora`` behind it stands for a low-rank change: an adapter
    while it is trained, and a product that is added to the parameter afterwards, so that scoring
    costs nothing more. Only its two factors are taken and put.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._parameters = dict(model.named_parameters())
        self._original: dict[str, Tensor] = {}
        # Counted up by every change: whoever put weights can see whether they are still there.
        self.changes = 0
        self._adapters: Adapters | None = None
        self._factors: dict[str, tuple[Tensor, Tensor]] = {}

    def trainable(self, names: Iterable[str], rank: int = 8) -> dict[str, nn.Parameter]:
        """Make exactly these parameters trainable, and return them.

        ``rank`` is the rank of low-rank changes. They start at zero, and are added to their
        parameters by the next call of `trainable`, `put` or `take`.

        Raises
        ------
        BackboneError
            When low-rank changes cannot be trained.
        """
        chosen = set(names)
        self.changes += 1
        self._add_up()
        for name, parameter in self._parameters.items():
            parameter.requires_grad_(name in chosen)
            parameter.grad = None
        layers = [
            name.removesuffix(LORA).rpartition(".")[0] for name in chosen if name.endswith(LORA)
        ]
        whole = {name: p for name, p in self._parameters.items() if name in chosen}
        for name, parameter in whole.items():
            self._original.setdefault(name, parameter.detach().clone())
        if not layers:
            return whole
        self._adapters = Adapters(self._model, sorted(layers), rank)
        return {**whole, **self._adapters.parameters}

    @torch.no_grad()
    def put(self, weights: Mapping[str, Tensor]) -> None:
        """Restore the original weights, then put these in their places."""
        self.changes += 1
        self._add_up()
        self._factors = {}
        for name, original in self._original.items():
            if name not in weights:
                self._parameters[name].copy_(original)
        for name, tensor in weights.items():
            if name.endswith(_LEFT):
                self._add(name.removesuffix(_LEFT), tensor, weights)
            elif not name.endswith(_RIGHT):
                parameter = self._parameters[name]
                self._original.setdefault(name, parameter.detach().clone())
                parameter.copy_(tensor)

    def take(self, names: Iterable[str]) -> dict[str, Tensor]:
        """Return copies of the current values on the CPU; two factors for a low-rank change."""
        self._add_up()
        values = {}
        for name in names:
            if name.endswith(LORA):
                changed = name.removesuffix(LORA)
                values[changed + _LEFT], values[changed + _RIGHT] = self._factors[changed]
            else:
                values[name] = self._parameters[name]
        # A factor may be a transposed view, which no file takes.
        return {
            name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
            for name, value in values.items()
        }

    @torch.no_grad()
    def _add_up(self) -> None:
        """Add the products of trained adapters to their parameters, and remove the adapters."""
        if self._adapters is None:
            return
        factors = self._adapters.factors()
        self._adapters.remove()
        self._adapters = None
        for name, (left, right) in factors.items():
            self._add(name, left, {name + _RIGHT: right})

    def _add(self, name: str, left: Tensor, weights: Mapping[str, Tensor]) -> None:
        parameter = self._parameters[name]
        self._original.setdefault(name, parameter.detach().clone())
        left, right = left.to(parameter.device), weights[name + _RIGHT].to(parameter.device)
        parameter.add_(left @ right)
        self._factors[name] = (left, right)


class Turn:
    """A lock that threads enter one after the other; its copies and pickles are new locks."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type[Turn], tuple[()]]:
        return Turn, ()
