"""Labels as rows hold them: one name or, where a task is multi-label, a list of names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pet.errors import DataError, did_you_mean
from pet.task.task import Task

# The label of a text; of a multi-label task all its labels in the task's order, () for none.
Label = str | tuple[str, ...]


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
    if not task.is_multi_label:
        if isinstance(value, list | tuple):
            raise DataError(
                f"{where}: expected one label, found {value!r}.",
                f"Say kind='multi-label' in the task {task.name!r} if a text may have several.",
            )
        return _known(where, value, task)
    if isinstance(value, str):
        value = [part for part in value.split(task.label_separator) if part.strip()]
    if isinstance(value, dict) or not hasattr(value, "__iter__"):
        raise DataError(
            f"{where}: expected a list of labels, found {value!r}.",
            f'Write ["one", "another"], or "one{task.label_separator}another".',
        )
    found = {_known(where, part, task) for part in value}
    return tuple(label for label in task.labels if label in found)


def names(label: Label | None) -> Sequence[str]:
    """Every label of a text, one by one; none where it is unknown."""
    return (label,) if isinstance(label, str) else label or ()


def label_text(label: Label, separator: str) -> str:
    """Return a label as one cell of a table: several are joined as `read_label` splits them."""
    return label if isinstance(label, str) else separator.join(label)


def is_indicator(labels: Any, task: Task) -> bool:
    """Whether these labels of several texts are an array (N, C) of numbers, or lists like one."""
    try:
        table = np.asarray(labels.toarray() if hasattr(labels, "toarray") else labels)
    except ValueError:  # lists of different lengths
        return False
    return table.ndim == 2 and table.dtype.kind in "biuf" and table.shape[1] == len(task.labels)


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
    if not task.is_multi_label:
        return [str(label) for label in labels]
    if not is_indicator(labels, task):
        if getattr(labels, "ndim", 1) == 2:
            raise DataError(
                f"Expected an array of 0 and 1 with {len(task.labels)} columns, one a label; found "
                f"the shape {tuple(labels.shape)}."
            )
        return list(labels)
    table = np.asarray(labels.toarray() if hasattr(labels, "toarray") else labels)
    if not np.isin(table, (0, 1)).all():
        raise DataError("Expected an array of 0 and 1, found other numbers in it.")
    return [[task.labels[column] for column in np.flatnonzero(row).tolist()] for row in table]


def _known(where: str, value: Any, task: Task) -> str:
    label = str(value).strip()
    if label not in task.labels:
        raise DataError(f"{where}: unknown label {label!r}.", did_you_mean(label, task.labels))
    return label


def label_numbers(labels: Sequence[object], known: Sequence[str]) -> NDArray[np.int64]:
    """Positions of labels in the task's list, (N,)."""
    index = {label: number for number, label in enumerate(known)}
    return np.array([index[str(label)] for label in labels], dtype=np.int64)
