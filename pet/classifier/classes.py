"""Classes: the values of y, and the label of the task that each of them means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pet.classifier.label_column import label_column
from pet.classifier.numbers import places_of
from pet.data.tables import class_names
from pet.errors import DataError, UsageError, did_you_mean
from pet.task import Task
from pet.task.label_names import label_meant
from pet.types import Ints


@dataclass(frozen=True)
class Classes:
    """The classes of a classifier, in the order of scikit-learn.

    Parameters
    ----------
    values : array (K,)
        The different values of y, sorted, in y's type.
    labels : sequence of str
        The task's label of each.
    known : mapping, optional
        Value of y to label, if values are not labels themselves.
    """

    values: NDArray[Any]
    labels: Sequence[str]
    known: Mapping[Any, str] | None = None

    @classmethod
    def of_task(cls, task: Task) -> Classes:
        """Return the task's labels as classes."""
        values = np.unique(np.array(task.labels))
        return cls(values, values.tolist())

    @classmethod
    def of(
        cls,
        y: Any,
        task: Task,
        label_map: Mapping[Any, str] | None = None,
        in_clone: bool = False,
    ) -> Classes:
        """Find the classes of y.

        Parameters
        ----------
        y : array, list, series or table
            One label for each text.
        task : Task
            Task that has the labels.
        label_map : mapping, optional
            Every class of y to its label.
        in_clone : bool
            Whether y was given to a clone: a meta-estimator may have encoded it.

        Raises
        ------
        DataError
            When a label is missing or unknown, or numbers have no sure reading.
        UsageError
            When ``label_map`` does not fit the task.
        """
        if label_map is not None:
            check_label_map(label_map, task)
        elif (names := class_names(y)) is not None:
            label_map = dict(enumerate(names))
        column = label_column(y)
        known = label_map
        if column.dtype.kind in "iu":
            numbers = np.unique(column).tolist()
            may_be_encoded = in_clone and isinstance(y, np.ndarray)
            places = places_of(numbers, task.labels, label_map, may_be_encoded)
            known = label_map if places is None else places
        values, labels, _ = _read(column, task, known)
        for place, label in enumerate(labels):
            if label in labels[:place]:
                same = values[[labels.index(label), place]].tolist()
                raise DataError(
                    f"The values {same[0]!r} and {same[1]!r} of y mean the same label, {label!r}.",
                    "Write a label in one way.",
                )
        return cls(values, labels, known)

    def read(self, y: Any, task: Task) -> list[str]:
        """Return the label of every value of another y, which is read as the first one was.

        Raises
        ------
        DataError
            When a label is missing or unknown.
        """
        _, labels, places = _read(label_column(y), task, self.known)
        return [labels[place] for place in places.tolist()]

    def order(self, task: Task) -> tuple[Ints, Ints]:
        """Return the task's columns of the classes, sorted, and each class's place there: (K,)."""
        columns = np.array([task.labels.index(label) for label in self.labels], dtype=np.int64)
        return np.sort(columns), np.argsort(np.argsort(columns))


def check_label_map(label_map: Any, task: Task) -> None:
    """Refuse a ``label_map`` that does not give different labels of the task to values of one type.

    Raises
    ------
    UsageError
        Says what is wrong.
    """
    if not isinstance(label_map, Mapping) or not label_map:
        raise UsageError(f"label_map must be a mapping of y's values to labels, not {label_map!r}.")
    for label in label_map.values():
        if label not in task.labels:
            known = did_you_mean(str(label), task.labels)
            raise UsageError(f"label_map names the unknown label {label!r}.", known)
    if len(set(label_map.values())) < len(label_map):
        raise UsageError(f"label_map gives two values one label: {dict(label_map)!r}.")
    try:
        sorted(label_map)
    except TypeError as error:
        raise UsageError(f"label_map mixes types of values: {list(label_map)!r}.") from error


def _read(
    column: NDArray[Any], task: Task, known: Mapping[Any, str] | None
) -> tuple[NDArray[Any], list[str], Ints]:
    """Return the different values, the label of each, and every row's place among the values."""
    try:
        values, rows, places = np.unique(column, return_index=True, return_inverse=True)
    except TypeError as error:
        raise DataError(
            f"y has labels of a type that cannot be sorted, such as {column[0]!r}.",
            "Give the labels as texts.",
        ) from error
    found = [
        label_meant(value, task.labels) if known is None else known.get(value)
        for value in values.tolist()
    ]
    labels = [label for label in found if label is not None]
    if len(labels) < len(found):
        row = min(row for row, label in zip(rows.tolist(), found, strict=True) if label is None)
        names = task.labels if known is None else list(known)
        unknown = str(column[row]).strip()
        raise DataError(f"row {row + 1}: unknown label {unknown!r}.", did_you_mean(unknown, names))
    return values, labels, places.reshape(-1)
