"""Metrics: predictions -> one figure, a function and a line in `METRICS` each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score
from sklearn.metrics import mean_absolute_error as mean_absolute_difference
from sklearn.metrics import precision_recall_fscore_support as per_class_scores

from pet.errors import DataError, did_you_mean
from pet.evaluation.tables import percent
from pet.model.reliability import calibration_error, reliability
from pet.registry import Registry
from pet.task import Task
from pet.task.kinds import KINDS, Kind, confidence, right, task_kind
from pet.types import Ints


@dataclass(frozen=True)
class Predictions:
    """Predictions of N texts beside the truth.

    ``probabilities`` (N, C) have columns in the order of the task's labels; ``targets`` and
    ``predicted`` are label indices (N,) or, for multi-label tasks, 0 and 1 (N, C).
    """

    probabilities: NDArray[Any]
    targets: Ints
    predicted: Ints
    task: Task

    @property
    def kind(self) -> Kind:
        """Kind of the task."""
        return task_kind(self.task)


@dataclass(frozen=True)
class Metric:
    """A figure of predictions: the function, its title in tables, and whether it is a share."""

    compute: Callable[[Predictions], float]
    title: str
    is_share: bool = True

    def shown(self, value: float | None) -> str:
        """Format a value for a table: shares in per cent, a dash for none."""
        if self.is_share or value is None:
            return percent(value)
        return f"{value:.3f}"


def accuracy(seen: Predictions) -> float:
    """Return the share of texts all of whose labels are right (subset accuracy)."""
    return float(accuracy_score(seen.targets, seen.predicted))


def micro_f1(seen: Predictions) -> float:
    """Return F1 over all labels of all texts."""
    return float(f1_score(seen.targets, seen.predicted, average="micro", zero_division=0))


def macro_f1(seen: Predictions) -> float:
    """Return the mean F1 of the labels that are true or predicted for at least one text."""
    n_labels = len(seen.task.labels)
    either = seen.kind.truth(seen.targets, n_labels) | seen.kind.truth(seen.predicted, n_labels)
    present = np.flatnonzero(either.any(axis=0)).tolist() or list(range(n_labels))
    return float(
        f1_score(seen.targets, seen.predicted, labels=present, average="macro", zero_division=0)
    )


def expected_calibration_error(seen: Predictions) -> float:
    """Return the mean distance of confidence and accuracy in 10 bins (Guo et al. 2017).

    The bins have equal width. For multi-label tasks every yes or no about a label counts.
    """
    outcomes = seen.kind.outcomes(seen.targets)
    return calibration_error(seen.kind.shares(seen.probabilities), outcomes)


def mean_absolute_error(seen: Predictions) -> float:
    """Return the mean distance of prediction and truth, in label steps."""
    return float(mean_absolute_difference(seen.targets, seen.predicted))


METRICS: Registry[Metric] = Registry(
    "metrics",
    "metric",
    {
        "accuracy": Metric(accuracy, "accuracy"),
        "micro_f1": Metric(micro_f1, "micro-F1"),
        "macro_f1": Metric(macro_f1, "macro-F1"),
        "ece": Metric(expected_calibration_error, "calibration error", is_share=False),
        "mean_absolute_error": Metric(mean_absolute_error, "mean abs. error", is_share=False),
    },
    holds=Metric,
)


def formatted(name: str, value: float | None) -> str:
    """Format the value of a task's metric, which may be ``f1:<label>``."""
    return METRICS[name].shown(value) if name in METRICS else percent(value)


@dataclass(frozen=True)
class Evaluation:
    """Figures of one set of predictions.

    ``metrics`` has a value for every name in `METRICS`, None if the metric has no meaning for the
    kind of task; each is an attribute too, such as ``evaluation.macro_f1``. ``confusion`` has true
    labels in rows and predicted ones in columns, and is empty for multi-label tasks.
    ``reliability`` holds the bins of `pet.model.reliability.reliability`.
    """

    n: int
    metrics: Mapping[str, float | None]
    per_class: dict[str, dict[str, float]]
    confusion: list[list[int]]
    reliability: list[dict[str, float]]

    def __getattr__(self, name: str) -> Any:
        metrics = self.__dict__.get("metrics", {})  # missing while a pickle is read
        if name not in metrics:
            raise AttributeError(f"An Evaluation has no {name!r}; its metrics: {[*metrics]}.")
        return metrics[name]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; the metrics stand beside the rest."""
        return {
            "n": self.n,
            **self.metrics,
            "per_class": self.per_class,
            "confusion": self.confusion,
            "reliability": self.reliability,
        }

    def metric(self, name: str) -> float | None:
        """Return the value of a task's metric; see `pet.task.task.Task`."""
        if name.startswith("f1:") and name[3:] in self.per_class:
            return self.per_class[name[3:]]["f1"]
        if name in self.metrics:
            return self.metrics[name]
        raise DataError(
            f"Unknown metric {name!r}.", did_you_mean(name, [*self.metrics, "f1:<label>"])
        )


def evaluate(probabilities: NDArray[Any], targets: Ints, task: Task) -> Evaluation:
    """Compare probabilities with the true labels.

    Parameters
    ----------
    probabilities : array (N, C)
        Columns in the order of the task's labels.
    targets : array (N,) or (N, C)
        True labels, as `pet.task.kinds.targets_of` gives them.
    task : Task
        The task: its labels and its kind are used.

    Raises
    ------
    DataError
        When there are no examples.
    """
    if not len(targets):
        raise DataError("There are no labelled examples to evaluate on.")
    kind = task_kind(task)
    seen = Predictions(probabilities, targets, kind.predicted(probabilities), task)
    indices = list(range(len(task.labels)))
    figures = per_class_scores(targets, seen.predicted, labels=indices, zero_division=0)
    return Evaluation(
        n=len(targets),
        metrics={
            name: None if name in kind.without_metrics else float(metric.compute(seen))
            for name, metric in METRICS.items()
        },
        per_class={
            label: {
                name: float(values[index])
                for name, values in zip(
                    ("precision", "recall", "f1", "support"), figures, strict=True
                )
            }
            for index, label in enumerate(task.labels)
        },
        confusion=kind.confusion(targets, seen.predicted, len(indices)),
        reliability=reliability(kind.shares(probabilities), kind.outcomes(targets)),
    )


def selective(
    probabilities: NDArray[Any],
    targets: Ints,
    threshold: float,
    kind: Kind = KINDS["single"],
) -> dict[str, float | None]:
    """Return figures of predictions that abstain below a threshold.

    Returns
    -------
    dict
        The ``threshold``; ``coverage``, the share of examples whose prediction has at least that
        probability; and ``covered_accuracy``, the accuracy on these, None without any.
    """
    covered = confidence(kind, probabilities) >= threshold
    is_right = right(kind.predicted(probabilities), targets)[covered]
    return {
        "threshold": threshold,
        "coverage": float(covered.mean()),
        "covered_accuracy": float(is_right.mean()) if len(is_right) else None,
    }
