"""What the kind of a task decides: losses, probabilities, and which labels are predicted.

Label scores are (N, C) arrays whatever the kind. What is chosen between differs: the labels of a
text, or yes and no about each of its labels. `decisions` lays scores out as rows of alternatives,
one row a choice. For multi-label tasks these are N C rows with the scores (0, s), for "no" and
"yes": softmax over them is the sigmoid of s, and cross entropy, temperatures, votes and divergences
mean what they should without a formula of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pet.errors import UsageError
from pet.registry import Registry
from pet.task.kinds.any_labels import AnyLabels
from pet.task.kinds.base import Kind
from pet.task.kinds.one_label import OneLabel, OrderedLabels
from pet.task.labels import Label
from pet.task.task import Task
from pet.types import Ints

__all__ = [
    "KINDS", "Kind", "accuracy", "confidence", "is_indicator", "label_list", "read_label",
    "refuse_multi_label", "right", "targets_of", "task_kind",
]  # fmt: skip

KINDS: Registry[Kind] = Registry(
    "task_kinds",
    "kind of task",
    {"single": OneLabel(), "ordinal": OrderedLabels(), "multi-label": AnyLabels()},
    holds=Kind,
)


def task_kind(task: Task) -> Kind:
    """Return what a task's kind decides."""
    return KINDS[task.kind]


def read_label(where: str, value: Any, task: Task) -> Label:
    """Read what a row, or a list of labels, has for one text.

    Parameters
    ----------
    where : str
        The row's place, for messages.
    value : object
        A label; for a multi-label task a list of labels, or one text in which they are separated
        by the task's ``label_separator``.
    task : Task
        Whose labels they must be.

    Raises
    ------
    DataError
        When a label is unknown, or there are several where one is expected.
    """
    return task_kind(task).read(where, value, task)


def label_list(labels: Any, task: Task) -> list[Any]:
    """Return the labels of several texts as `read_label` takes them, one after the other.

    Parameters
    ----------
    labels : iterable
        A label a text; for a multi-label task a list of labels a text, or an array (N, C) of 0 and
        1, also sparse or a data frame.
    task : Task
        Whose labels they are.

    Raises
    ------
    DataError
        When an array has other numbers, or another number of columns.
    """
    return task_kind(task).label_list(labels, task)


def is_indicator(labels: Any, task: Task) -> bool:
    """Tell whether labels of several texts are given as 0 and 1, (N, C)."""
    return task_kind(task).is_indicator(labels, task)


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
    if not isinstance(task_kind(task), OneLabel):
        raise UsageError(
            f"{what} takes tasks with one label a text; {task.name!r} is {task.kind}.", instead
        )
