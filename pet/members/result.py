"""The result of a member's training: weights and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from pet.types import Offsets


@dataclass(frozen=True)
class MemberResult:
    """A member's weights that differ from the backbone's, and the figures of its training.

    ``offsets`` (V, C) are subtracted from scores; None for none. ``spread`` is the standard
    deviation of the scores of labelled examples around their mean over the labels; None without
    such examples. ``trained`` and ``frozen`` count parameters.
    """

    name: str
    weights: Mapping[str, Tensor] = field(repr=False)
    accuracy_before: float | None
    accuracy_after: float | None
    steps: int
    loss: float
    seconds: float
    offsets: Offsets | None = None
    spread: float | None = None
    trained: int = 0
    frozen: int = 0

    def figures(self) -> dict[str, Any]:
        """Return everything but the weights, as JSON values."""
        return {name: value for name, value in vars(self).items() if name != "weights"}

    def __getstate__(self) -> dict[str, Any]:
        """Pickle weights as bytes: torch would only send the name of shared memory."""
        return {**vars(self), "weights": save(dict(self.weights))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({**state, "weights": load(state["weights"])})
