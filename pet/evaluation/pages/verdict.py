"""Verdict: what a run's test figures mean, in sentences with an interval and a baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pet.evaluation.pages.rendering import percent, points

MAYBE_CHANCE = 0.05  # a p above it may be chance


def interval(share: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of ``n`` examples. Source: Wilson 1927."""
    from scipy.stats import binomtest

    found = binomtest(round(share * n), n).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def majority(test: Mapping[str, Any], one_label: bool) -> float | None:
    """Return the accuracy of always saying the most frequent label of the test examples.

    None for tasks in which texts have several labels.
    """
    supports = [own["support"] for own in test["per_class"].values()]
    return max(supports) / test["n"] if one_label and supports else None


def sentences(
    final: str,
    test: Mapping[str, Any],
    baseline: float | None,
    student: Mapping[str, float] | None,
    ensemble: float | None,
    untrained: Sequence[float],
) -> list[str]:
    """Say how good a run's model is on its test examples.

    Parameters
    ----------
    final : {"classifier", "ensemble"}
        The model that the run ends with.
    test : mapping
        Its `pet.evaluation.metrics.Evaluation`, as JSON values.
    baseline : float, optional
        See `majority`.
    student : mapping, optional
        Classifier against ensemble: mean, low, high and p, of runs that recorded it.
    ensemble : float, optional
        Accuracy of the ensemble beside a classifier.
    untrained : sequence of float
        Accuracies on the labelled examples of members before they were trained.
    """
    n, accuracy = test["n"], test["accuracy"]
    low, high = interval(accuracy, n)
    first = (
        f"The {final} has {_share(accuracy)} of {n:,} test examples right; of other texts like "
        f"these it would have {_share(low)} to {_share(high)} right (95\u00a0% interval)."
    )
    said = [first]
    if baseline is not None:
        told = (
            "is better than that"
            if low > baseline
            else "is worse than that"
            if high < baseline
            else "may be no better than that"
        )
        said.append(
            f"Whoever always says the most frequent label has {_share(baseline)} right: "
            f"the {final} {told}."
        )
    if untrained:
        mean = sum(untrained) / len(untrained)
        said.append(
            f"Before training its patterns had {_share(mean)} of the labelled examples right, on "
            "average."
        )
    if student is not None:
        chance = (
            "which may be chance" if student["p"] > MAYBE_CHANCE else "more than chance explains"
        )
        said.append(
            f"From the ensemble, which taught it, it differs by {points(student['mean'])} points "
            f"({points(student['low'])} to {points(student['high'])}), {chance} "
            f"(p\u00a0{p_value(student['p'])})."
        )
    elif ensemble is not None and final == "classifier":
        said.append(
            f"The ensemble, which taught it, has {_share(ensemble)} right; whether that differs by "
            "more than chance was not recorded."
        )
    return said


def _share(share: float) -> str:
    return percent(share).replace(" ", "\u00a0")  # no line ends before the sign


def p_value(p: float) -> str:
    """Format a p-value with its sign."""
    return "<\u00a00.001" if p < 0.001 else f"=\u00a0{p:.3f}"
