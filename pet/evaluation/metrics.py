"""How good predictions are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
from sklearn.metrics import precision_recall_fscore_support as per_class_scores

from pet.errors import DataError
from pet.model.reliability import calibration_error, reliability
from pet.task import Task
from pet.task.kinds import KINDS, Kind, confidence, right, task_kind


@dataclass(frozen=True)
class Evaluation:
    """Figures of one set of predictions.

    Of multi-label tasks ``accuracy`` counts the texts all of whose labels are found (subset
    accuracy), ``micro_f1`` is over all labels of all texts (None for tasks of one label a text,
    where it is the accuracy), calibration is that of the yes or no about every label, and
    ``confusion`` is empty.

    ``ece`` is the expected calibration error (Guo 2017) with 10 bins of equal width;
    ``mean_absolute_error`` counts label steps and is None where labels have no order;
    ``confusion`` has true labels in rows and predicted ones in columns; ``reliability`` is that of
    `reliability`.
    """

    n: int
    accuracy: float
    macro_f1: float
    micro_f1: float | None
    ece: float
    mean_absolute_error: float | None
    per_class: dict[str, dict[str, float]]
    confusion: list[list[int]]
    reliability: list[dict[str, float]]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def metric(self, name: str) -> float:
        """Return the value of a task's metric; see `pet.task.task.Task`."""
        if name.startswith("f1:") and name[3:] in self.per_class:
            return self.per_class[name[3:]]["f1"]
        if name in ("accuracy", "macro_f1", "ece"):
            return float(getattr(self, name))
        if name == "micro_f1" and self.micro_f1 is not None:
            return self.micro_f1
        raise DataError(
            f"Unknown metric {name!r}; use accuracy, macro_f1, f1:<label> or, of multi-label "
            "tasks, micro_f1."
        )


def evaluate(probabilities: NDArray[Any], targets: NDArray[np.int64], task: Task) -> Evaluation:
    """Compare probabilities with the truth.

    Parameters
    ----------
    probabilities : array (N, C)
        Columns in the order of the task's labels.
    targets : array (N,) or (N, C)
        True labels, as `pet.task.kinds.targets_of` gives them.
    task : Task
        Its labels and its kind.
    """
    if not len(targets):
        raise DataError("There are no labelled examples to evaluate on.")
    kind = task_kind(task)
    predicted = kind.predicted(probabilities)
    shares, outcomes = kind.shares(probabilities), kind.outcomes(targets)
    numbers = list(range(len(task.labels)))
    figures = per_class_scores(targets, predicted, labels=numbers, zero_division=0)
    names = ("precision", "recall", "f1", "support")
    either = kind.truth(targets, len(numbers)) | kind.truth(predicted, len(numbers))
    present = np.flatnonzero(either.any(axis=0)).tolist() or numbers
    return Evaluation(
        n=len(targets),
        accuracy=float(accuracy_score(targets, predicted)),
        macro_f1=float(
            f1_score(targets, predicted, labels=present, average="macro", zero_division=0)
        ),
        micro_f1=f1_score(targets, predicted, average="micro", zero_division=0)
        if task.is_multi_label
        else None,
        ece=calibration_error(shares, outcomes),
        mean_absolute_error=float(np.abs(targets - predicted).mean())
        if task.kind == "ordinal"
        else None,
        per_class={
            label: {
                name: float(values[number]) for name, values in zip(names, figures, strict=True)
            }
            for number, label in enumerate(task.labels)
        },
        confusion=[]
        if task.is_multi_label
        else confusion_matrix(targets, predicted, labels=numbers).tolist(),
        reliability=reliability(shares, outcomes),
    )


def selective(
    probabilities: NDArray[Any],
    targets: NDArray[np.int64],
    threshold: float,
    kind: Kind = KINDS["single"],
) -> dict[str, float | None]:
    """Figures of predictions that abstain below a threshold.

    Returns
    -------
    dict
        The ``threshold``; ``coverage``, the share of examples whose prediction has at least that
        probability; and ``covered_accuracy``, the accuracy on these, None without any.
    """
    covered = confidence(kind, probabilities) >= threshold
    found = right(kind.predicted(probabilities), targets)[covered]
    return {
        "threshold": threshold,
        "coverage": float(covered.mean()),
        "covered_accuracy": float(found.mean()) if len(found) else None,
    }
