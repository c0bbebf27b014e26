"""Few-shot studies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from pet.config.base import Checked, setting
from pet.config.settings import Method
from pet.errors import UsageError, did_you_mean

Baseline = Literal["tfidf", "embedding", "setfit"]


@dataclass(frozen=True)
class StudyConfig(Checked):
    """What a few-shot study runs: every method on every draw."""

    methods: tuple[str, ...] = setting(
        ("zero-shot", "tfidf", "embedding", "fine-tune", "single", "pet"),
        f"What is compared, of: {', '.join((*get_args(Method), *get_args(Baseline)))}.",
    )
    shots: tuple[int, ...] = setting((16,), "Training examples of each label; 16,64 is a curve.")
    seeds: tuple[int, ...] = setting((13, 21, 42, 87, 100), "One draw from the pool each.")
    unlabeled: int | None = setting(
        None, "Most unlabelled texts, drawn from the rest of the pool; by default all.", low=0
    )
    draw_dev: bool = setting(
        False, "Also draw as many development examples: turns on early stopping."
    )
    jobs: int = setting(1, "Cells that run at once, each in a process of its own.", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, low in (("shots", 1), ("seeds", 0)):
            for value in getattr(self, name):
                if isinstance(value, bool) or not isinstance(value, int) or value < low:
                    raise UsageError(f"{name} must be whole numbers from {low}, not {value!r}.")
        known = (*get_args(Method), *get_args(Baseline))
        for method in self.methods:
            if method not in known:
                raise UsageError(f"Unknown method {method!r}.", did_you_mean(method, known))
