"""Settings of few-shot studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pet.config.base import Checked, names_of, setting
from pet.config.methods import MethodName
from pet.config.soft import SOFT_KINDS, SOFT_RECIPES
from pet.errors import UsageError, did_you_mean
from pet.registry import Names

BASELINES = Names(("tfidf", "embedding", "setfit"), "baselines")
Compared = Annotated[MethodName, SOFT_KINDS, SOFT_RECIPES, BASELINES]


@dataclass(frozen=True)
class StudyConfig(Checked):
    """Methods and draws of a few-shot study: every method runs on every draw."""

    methods: tuple[Compared, ...] = setting(
        ("zero-shot", "tfidf", "embedding", "fine-tune", "single", "pet"),
        f"Methods to compare, of: {', '.join(names_of(Compared))}. A soft kind is pet with the "
        "patterns' slots, or slots before them, of that kind.",
    )
    shots: tuple[int, ...] = setting(
        (16,), "Training examples of each label; 16,64 is a curve.", low=1
    )
    seeds: tuple[int, ...] = setting((13, 21, 42, 87, 100), "One draw from the pool each.", low=0)
    unlabeled: int | None = setting(
        None,
        "Most unlabelled texts, drawn from the rest of the pool; by default all. Methods that "
        "distil a classifier take longer with more; 0 evaluates the ensemble.",
        low=0,
    )
    draw_dev: bool = setting(
        False, "Also draw as many development examples: turns on early stopping."
    )
    jobs: int = setting(1, "Cells that run at once, each in a process of its own.", low=1)


def check_baseline(methods: Sequence[str], baseline: str | None) -> None:
    """Refuse a baseline that is not among the methods.

    Raises
    ------
    UsageError
        Names the nearest method.
    """
    if baseline is not None and baseline not in methods:
        raise UsageError(
            f"The baseline {baseline!r} is not among the methods.", did_you_mean(baseline, methods)
        )
