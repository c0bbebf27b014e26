"""The column of labels that scikit-learn calls y, as one array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import column_or_1d

from pet.data.formats.headers import column_called
from pet.data.tables import column_names, plain_column, unformatted
from pet.errors import DataError
from pet.task import Task
from pet.task.label_names import is_missing


def label_column(y: Any) -> NDArray[Any]:
    """Return y as an array (N,) of its own type; of (N, 1) with scikit-learn's warning.

    Raises
    ------
    DataError
        When y is no column, a label is missing, or texts and numbers are mixed.
    """
    is_table = column_names(y) is not None
    y = plain_column(y)
    if isinstance(y, str | bytes | Mapping) or hasattr(y, "toarray"):
        raise DataError(f"Expected a list of labels, found {y!r}.", "Write [label].")
    given = np.asarray(y) if hasattr(y, "__array__") else None
    objects = _objects(y) if given is None else given.astype(object)
    if objects.ndim != 1 and objects.shape[1:] != (1,):
        raise DataError(f"Expected one label a text, found labels of the shape {objects.shape}.")
    objects = column_or_1d(objects[:, None] if is_table else objects, warn=True)
    _check(objects.tolist())
    is_text = len(objects) > 0 and isinstance(objects[0], str)
    if given is not None and (given.dtype != object or is_text):
        return given.reshape(-1)
    return np.array(objects.tolist())


def own_labels(X: Any, task: Task, method: str) -> Any:
    """Return the label column of a table of texts.

    Raises
    ------
    DataError
        When there is no table, or it has no label column; for a method that needs labels.
    """
    column = column_called(task.label_column, column_names(X) or [])
    if column is not None and hasattr(X, "__getitem__"):
        return unformatted(X)[column]
    raise DataError(
        f"Method {method!r} needs labelled examples: it requires y to be passed, but the target y "
        "is None."
    )


def _objects(y: Any) -> NDArray[Any]:
    try:
        return np.array(list(y), dtype=object)
    except (TypeError, ValueError) as error:  # nothing to iterate over, or lists of many lengths
        raise DataError(f"Expected a list of labels, found {y!r}.") from error


def _check(labels: list[Any]) -> None:
    for number, label in enumerate(labels, 1):
        if is_missing(label) or (isinstance(label, str) and not label.strip()):
            raise DataError(f"row {number}: the label is empty.", "Fill it in or remove the row.")
        if isinstance(label, str) is not isinstance(labels[0], str):
            raise DataError(
                f"row {number}: texts and other values are mixed in y: {labels[0]!r}, {label!r}.",
                "Give all labels as texts.",
            )
