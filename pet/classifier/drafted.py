"""Drafts for the classifier: the task of texts and labels that are given without one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from pet.classifier.label_column import label_column
from pet.data.found_columns import FoundColumns, find_columns
from pet.data.tables import class_names, column_names, plain_rows, unformatted
from pet.drafting import Draft, draft_task
from pet.errors import DataError, UsageError

_LOOKED_AT = 1000  # rows of a table that tell which columns there are


def drafted(
    X: Iterable[Any],
    y: Any,
    labels: Sequence[str] | None,
    label_map: Mapping[Any, str] | None,
) -> tuple[Draft, Any]:
    """Draft the task of some texts and labels.

    Parameters
    ----------
    X : iterable or table
        Texts, pairs of texts, mappings, or a table.
    y : array, list, series or table, optional
        Labels; by default the column of a table that looks like one.
    labels : sequence of str, optional
        The classes; by default those of y.
    label_map : mapping, optional
        Every class of y to its label.

    Returns
    -------
    tuple
        The draft, and y.

    Raises
    ------
    UsageError
        When nothing says what the labels are.
    DataError
        When texts or labels cannot be told.
    """
    if labels is not None and not _are_texts(labels):
        raise UsageError(f"labels must be a list of names, found {labels!r}.", "Write [name, ...].")
    if label_map is not None and not (isinstance(label_map, Mapping) and label_map):
        raise UsageError(f"label_map must be a mapping of y's values to labels, not {label_map!r}.")
    found = _columns(X, needs_label=y is None and labels is None)
    if y is None and found.label is not None:
        is_table = column_names(X) is not None
        y = unformatted(X)[found.label] if is_table else [row.get(found.label) for row in X]
    names = labels if labels is not None else _names(y, label_map)
    return (
        draft_task(list(names), found.texts, found.label or "label", several=_are_several(y)),
        y,
    )


def _are_texts(labels: Any) -> bool:
    is_list = isinstance(labels, Iterable) and not isinstance(labels, str | bytes | Mapping)
    return is_list and all(isinstance(label, str) for label in labels)


def _columns(X: Any, needs_label: bool) -> FoundColumns:
    """Return the columns of a table or of mappings, and names for the texts of others."""
    if isinstance(X, Sequence) and not X:
        return FoundColumns({"text": "text"}, None)
    # An iterator could be read only once, and its rows are needed later.
    rows = list(islice(plain_rows(X), _LOOKED_AT)) if hasattr(X, "__len__") else []
    first = rows[0] if rows else ""
    if isinstance(first, Mapping):
        names = column_names(X)
        if names is not None and len(names) == 1:
            return FoundColumns({"text": str(names[0])}, None)
        try:
            return find_columns("X", rows, {}, needs_label)
        except DataError as error:  # there is no option that names columns here
            problem = error.message.partition("\n")[0]
            raise DataError(problem, "Rename the columns to text and label, or give y.") from error
    if hasattr(first, "tolist") and not isinstance(first, str):
        first = first.tolist()
    if isinstance(first, tuple | list) and len(first) > 1:
        if len(first) > 2:
            raise DataError(
                f"Expected one text or a pair of texts a row, found {len(first)}.",
                "Give a task, which names the fields.",
            )
        return FoundColumns({"text_a": "text_a", "text_b": "text_b"}, None)
    return FoundColumns({"text": "text"}, None)


def _are_several(y: Any) -> bool:
    """Tell whether y holds lists of labels."""
    if y is None or isinstance(y, str) or column_names(y) is not None:
        return False
    if getattr(y, "ndim", 1) == 2 and y.shape[1] > 1:  # a column of 0 and 1 for each label
        return True
    first = next(iter(y), None) if isinstance(y, Iterable) else None
    return isinstance(first, list | tuple | set | frozenset)


def _names(y: Any, label_map: Mapping[Any, str] | None) -> list[str]:
    if y is None:
        raise UsageError(
            "Nothing says what the labels are: there is no task, no labels=[...] and no y.",
            "Give one of them.",
        )
    if label_map:
        return list(label_map.values())
    if (known := class_names(y)) is not None:
        return list(known)
    if _are_several(y):
        return sorted({str(label).strip() for row in y for label in row})
    values = sorted(set(label_column(y).tolist()))
    return list(dict.fromkeys(str(value).strip() for value in values))
