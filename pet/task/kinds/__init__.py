"""Kinds of tasks: single labels, ordered labels, several labels; all that depends on the kind.

Label scores are (N, C) arrays for every kind. The alternatives of a decision differ: the labels of
a text, or yes and no for each label. `Kind.decisions` lays scores out with one row for each
decision. In multi-label tasks these are N C rows with the scores (0, s), for "no" and "yes":
softmax over them is the sigmoid of s, and cross entropy, temperatures, votes and divergences need
no other formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from pet.errors import UsageError
from pet.registry import Registry
from pet.task.kinds.any_labels import AnyLabels
from pet.task.kinds.base import Kind
from pet.task.kinds.one_label import OneLabel, OrderedLabels
from pet.task.labels import Label
from pet.types import Floats, Ints

if TYPE_CHECKING:
    from pet.task.task import Task

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
    """Return the kind of a task."""
    return KINDS[task.kind]


def read_label(where: str, value: Any, task: Task) -> Label:
    """Read the label of one text from a row or a list.

    Parameters
    ----------
    where : str
        Place of the row, for messages.
    value : object
        A label; for a multi-label task a list of labels, or one text with the task's
        ``label_separator`` between them.
    task : Task
        Task that must have the labels.

    Raises
    ------
    DataError
        When a label is unknown, or there are several where one is expected.
    """
    return task_kind(task).read(where, value, task)


def label_list(labels: Any, task: Task) -> list[Any]:
    """Return the labels of several texts as a list, each as `read_label` takes it.

    Parameters
    ----------
    labels : iterable
        One label for each text; for a multi-label task a list of labels for each, or an array
        (N, C) of 0 and 1, which may be sparse or a data frame.
    task : Task
        Task that has the labels.

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
    """Return labels as numbers: (N,), or (N, C) of 0 and 1 in multi-label tasks."""
    return task_kind(task).targets(labels, task.labels)


def accuracy(task: Task, scores: Floats, targets: Ints) -> float:
    """Return the share of texts whose labels are all predicted, from scores (N, C)."""
    kind = task_kind(task)
    return float(right(kind.predicted(kind.probabilities(scores)), targets).mean())


def right(predicted: Ints, targets: Ints) -> NDArray[np.bool_]:
    """Tell which texts are predicted right, in all labels: (N,)."""
    same = predicted == targets
    return same if same.ndim == 1 else cast(NDArray[np.bool_], same.all(axis=1))


def confidence(kind: Kind, probabilities: Floats) -> NDArray[np.float64]:
    """Return the probability that all decisions are right, as if they were independent: (N,)."""
    likeliest = kind.shares(probabilities).max(axis=1).reshape(len(probabilities), -1)
    return cast(NDArray[np.float64], likeliest.prod(axis=1))


def refuse_multi_label(task: Task, subject: str, hint: str | None = None) -> None:
    """Refuse a task whose texts may have several labels.

    Parameters
    ----------
    task : Task
        Task that is checked.
    subject : str
        Start of the message: the method or command that needs one label a text.
    hint : str, optional
        Alternative, for the message.

    Raises
    ------
    UsageError
        When the task is refused.
    """
    if not task_kind(task).has_one_label:
        raise UsageError(
            f"{subject} takes tasks with one label a text; {task.name!r} is {task.kind}.", hint
        )
