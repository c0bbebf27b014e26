"""Labels of texts: one name or, in multi-label tasks, several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pet.errors import DataError, did_you_mean, quoted
from pet.task.label_names import is_missing, label_meant
from pet.types import Ints

if TYPE_CHECKING:
    from pet.task.task import Task

# Label of a text; in multi-label tasks all its labels in the task's order, () for none.
Label = str | tuple[str, ...]


class UnknownLabel(DataError):
    """A label that the task does not have.

    Parameters
    ----------
    where : str
        Place of the row, for the message.
    label : str
        The label.
    task : Task
        The task that does not have it.
    """

    def __init__(self, where: str, label: str, task: Task) -> None:
        self.label = label
        hint = did_you_mean(label, task.labels)
        super().__init__(f"{where}: unknown label {quoted(label)}.", hint)
        # Whether the task has a label that is written nearly alike, or one of the row's others.
        self.is_near = hint.startswith("Did you mean")


def names(label: Label | None) -> Sequence[str]:
    """Return the labels of a text, one by one; none if they are unknown."""
    return (label,) if isinstance(label, str) else label or ()


def label_text(label: Label, separator: str) -> str:
    """Return a label as one cell of a table, several labels with the separator between them."""
    return label if isinstance(label, str) else separator.join(label)


def known_label(where: str, value: Any, task: Task) -> str:
    """Return the label of the task that a value means; see `pet.task.label_names.label_meant`.

    Raises
    ------
    DataError
        When there is no value, or it means no label; names the place ``where``.
    """
    if is_missing(value):
        raise DataError(f"{where}: the label is empty.", "Fill it in or remove the row.")
    label = label_meant(value, task.labels)
    if label is None:
        raise UnknownLabel(where, str(value).strip(), task)
    return label


def label_numbers(labels: Sequence[object], known: Sequence[str]) -> Ints:
    """Return the positions of labels in the task's list, (N,)."""
    positions = {label: position for position, label in enumerate(known)}
    return np.array([positions[str(label)] for label in labels], dtype=np.int64)
