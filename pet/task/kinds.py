"""What the kind of a task decides: losses, probabilities, and which labels are predicted.

Label scores are (N, C) arrays whatever the kind. What is chosen between differs: the labels of a
text, or yes and no about each of its labels. `decisions` lays scores out as rows of alternatives,
one row a choice. For multi-label tasks these are N C rows with the scores (0, s), for "no" and
"yes": softmax over them is the sigmoid of s, and cross entropy, temperatures, votes and divergences
mean what they should without a formula of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, softmax
from torch import Tensor

from pet.errors import UsageError
from pet.task.labels import Label, label_numbers, names
from pet.task.task import Task
from pet.types import Ints

Array = TypeVar("Array", NDArray[Any], Tensor)


class Kind(Protocol):
    """How scores (N, C) and labels of N texts are understood. D decisions, A alternatives each.

    ``accuracy_title`` heads columns of test accuracies; ``without_metrics`` names the metrics that
    have no meaning for the kind.
    """

    accuracy_title: str
    without_metrics: frozenset[str]

    def targets(self, labels: Sequence[Label | None], known: Sequence[str]) -> Ints:
        """Return labels as numbers: (N,), or (N, C) with 1 for every label that a text has."""

    def truth(self, targets: Ints, n_labels: int) -> NDArray[np.bool_]:
        """Which labels are true, (N, C)."""

    def alternatives(self, n_labels: int) -> int:
        """How many there are in each decision, A."""

    def decisions(self, scores: Array) -> Array:
        """Lay out scores (..., N, C) as (..., D, A)."""

    def scores(self, decisions: Array, n_labels: int) -> Array:
        """Undo `decisions`, up to what does not change probabilities."""

    def decided(self, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which decisions (D,) can be made where only some questions (N, Q) were asked."""

    def outcomes(self, targets: Ints) -> Ints:
        """Return the true alternative of each decision, (D,)."""

    def probabilities(self, scores: NDArray[Any]) -> NDArray[Any]:
        """Turn scores into probabilities, both (N, C)."""

    def shares(self, probabilities: NDArray[Any]) -> NDArray[Any]:
        """Lay out probabilities (N, C) as those of alternatives, (D, A)."""

    def predicted(self, probabilities: NDArray[Any]) -> Ints:
        """Decide: targets as `targets` gives them."""

    def label(self, predicted: Any, known: Sequence[str]) -> Label:
        """Name one text's prediction."""

    def confusion(self, targets: Ints, predicted: Ints, n_labels: int) -> list[list[int]]:
        """Count predictions, true labels in rows; [] where a text has several labels."""


class OneLabel:
    """Every text has one label: a softmax over the labels, of which the likeliest is predicted."""

    accuracy_title = "test accuracy"
    # The F1 over all labels of all texts is the accuracy here; labels without order have no steps.
    without_metrics = frozenset({"micro_f1", "mean_absolute_error"})

    def targets(self, labels: Sequence[Label | None], known: Sequence[str]) -> Ints:
        """Return label numbers, (N,)."""
        return label_numbers(labels, known)

    def truth(self, targets: Ints, n_labels: int) -> NDArray[np.bool_]:
        """Return one-hot rows."""
        return cast(NDArray[np.bool_], targets[:, None] == np.arange(n_labels))

    def alternatives(self, n_labels: int) -> int:
        """All labels."""
        return n_labels

    def decisions(self, scores: Array) -> Array:
        """Return the scores: one decision a text."""
        return scores

    def scores(self, decisions: Array, n_labels: int) -> Array:
        """Return the scores of the decisions, which they are."""
        return decisions

    def decided(self, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Take all: a label that was not asked about is merely no candidate."""
        return np.ones(len(asked), dtype=bool)

    def outcomes(self, targets: Ints) -> Ints:
        """Return the label numbers."""
        return targets

    def probabilities(self, scores: NDArray[Any]) -> NDArray[Any]:
        """Softmax: rows sum to 1."""
        return cast(NDArray[Any], softmax(scores, axis=-1))

    def shares(self, probabilities: NDArray[Any]) -> NDArray[Any]:
        """Return the probabilities."""
        return probabilities

    def predicted(self, probabilities: NDArray[Any]) -> Ints:
        """Return the number of the likeliest label, (N,)."""
        return cast(Ints, probabilities.argmax(axis=-1))

    def label(self, predicted: Any, known: Sequence[str]) -> Label:
        """Return the label's name."""
        return known[int(predicted)]

    def confusion(self, targets: Ints, predicted: Ints, n_labels: int) -> list[list[int]]:
        """Count, (C, C)."""
        from sklearn.metrics import confusion_matrix

        counts: list[list[int]] = confusion_matrix(
            targets, predicted, labels=list(range(n_labels))
        ).tolist()
        return counts


class OrderedLabels(OneLabel):
    """Every text has one label, and labels are in order: being off by one is better than by two."""

    without_metrics = frozenset({"micro_f1"})


class AnyLabels:
    """A text has any number of labels: each is a yes or no of its own, yes from one half on."""

    accuracy_title = "test, all labels right"
    without_metrics = frozenset({"mean_absolute_error"})

    def targets(self, labels: Sequence[Label | None], known: Sequence[str]) -> Ints:
        """Return 1 for every label that a text has, (N, C)."""
        rows = [[label in names(own) for label in known] for own in labels]
        return np.array(rows, dtype=np.int64).reshape(len(labels), len(known))

    def truth(self, targets: Ints, n_labels: int) -> NDArray[np.bool_]:
        """Return the targets."""
        return targets.astype(bool)

    def alternatives(self, n_labels: int) -> int:
        """Yes and no."""
        return 2

    def decisions(self, scores: Array) -> Array:
        """Return (0, s) for every score s."""
        if isinstance(scores, Tensor):
            pairs = torch.stack([torch.zeros_like(scores), scores], dim=-1)
            return pairs.reshape(*scores.shape[:-2], -1, 2)
        both = np.stack([np.zeros_like(scores), scores], axis=-1)
        return both.reshape(*scores.shape[:-2], -1, 2)

    def scores(self, decisions: Array, n_labels: int) -> Array:
        """Return the log-odds of yes."""
        odds = decisions[..., 1] - decisions[..., 0]
        found: Array = odds.reshape(*odds.shape[:-1], -1, n_labels)
        return found

    def decided(self, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Take the labels that were asked about."""
        return asked.reshape(-1)

    def outcomes(self, targets: Ints) -> Ints:
        """Return 0 for no and 1 for yes, label by label."""
        return targets.reshape(-1)

    def probabilities(self, scores: NDArray[Any]) -> NDArray[Any]:
        """Sigmoid: of each label for itself."""
        return cast(NDArray[Any], expit(scores))

    def shares(self, probabilities: NDArray[Any]) -> NDArray[Any]:
        """Return those of no and yes."""
        return np.stack([1 - probabilities, probabilities], axis=-1).reshape(-1, 2)

    def predicted(self, probabilities: NDArray[Any]) -> Ints:
        """Return 1 for every label from one half on, (N, C)."""
        return (probabilities >= 0.5).astype(np.int64)

    def label(self, predicted: Any, known: Sequence[str]) -> Label:
        """Return the names of the labels that it has."""
        return tuple(label for label, has in zip(known, predicted, strict=True) if has)

    def confusion(self, targets: Ints, predicted: Ints, n_labels: int) -> list[list[int]]:
        """Return no table: a text has several labels in either dimension."""
        return []


KINDS: dict[str, Kind] = {
    "single": OneLabel(),
    "ordinal": OrderedLabels(),
    "multi-label": AnyLabels(),
}


def task_kind(task: Task) -> Kind:
    """Return what a task's kind decides."""
    return KINDS[task.kind]


def targets_of(task: Task, labels: Sequence[Label | None]) -> Ints:
    """Return labels as numbers: (N,), or (N, C) with 1 for every label of a multi-label task."""
    return task_kind(task).targets(labels, task.labels)


def accuracy(task: Task, scores: NDArray[Any], targets: Ints) -> float:
    """Share of texts all of whose labels are found, from scores (N, C)."""
    kind = task_kind(task)
    return float(right(kind.predicted(kind.probabilities(scores)), targets).mean())


def right(predicted: Ints, targets: Ints) -> NDArray[np.bool_]:
    """Tell for which texts the prediction is the truth, label for label: (N,)."""
    same = predicted == targets
    return same if same.ndim == 1 else cast(NDArray[np.bool_], same.all(axis=1))


def confidence(kind: Kind, probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """Probability that the prediction is right in all its decisions, taken as independent: (N,)."""
    likeliest = kind.shares(probabilities).max(axis=1).reshape(len(probabilities), -1)
    return cast(NDArray[np.float64], likeliest.prod(axis=1))


def refuse_multi_label(task: Task, what: str, instead: str | None = None) -> None:
    """Raise a UsageError where something takes only tasks of one label a text."""
    if task.is_multi_label:
        raise UsageError(
            f"{what} takes tasks with one label a text; {task.name!r} is multi-label.", instead
        )
