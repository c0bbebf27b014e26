"""Schedule of an optimisation: steps, learning rates, evaluations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

from pet.config import TrainingConfig


@dataclass(frozen=True)
class Schedule:
    """Steps, learning rates and evaluations of an optimisation.

    ``max_steps`` counts optimiser steps; the rate rises for ``warmup`` (a share of them) and then
    falls to zero, on a line or on half a cosine. ``eval_every`` (steps) and ``patience``
    (evaluations without gain) matter only for a job with ``evaluate``. ``max_seconds`` ends the
    optimisation earlier, and the rate then follows the clock instead of the steps.
    """

    max_steps: int
    learning_rate: float
    accumulation: int = 1
    weight_decay: float = 0.01
    warmup: float = 0.1
    clip_norm: float = 1.0
    eval_every: int = 20
    patience: int = 3
    decay: Literal["linear", "cosine"] = "linear"
    max_seconds: float | None = None

    @classmethod
    def from_config(cls, training: TrainingConfig, steps: int, learning_rate: float) -> Self:
        """Make a schedule from settings, the number of steps and the peak rate."""
        return cls(
            steps,
            learning_rate,
            training.accumulation,
            training.weight_decay,
            training.warmup,
            training.clip_norm,
            training.eval_every,
            training.patience,
        )

    def used(self, step: int, seconds: float) -> float:
        """Return the steps used up; if the clock is ahead of them, its share of all steps."""
        if self.max_seconds is None:
            return step
        return max(step, seconds / self.max_seconds * self.max_steps)

    def rate(self, used: float) -> float:
        """Return the share of the peak learning rate after ``used`` steps."""
        rising = self.warmup * self.max_steps
        if used < rising:
            return (used + 1) / (rising + 1)
        left = max(0.0, (self.max_steps - used) / max(1.0, self.max_steps - rising))
        return left if self.decay == "linear" else (1 - math.cos(math.pi * left)) / 2
