"""Labels as files hold them: names, lists in a cell, choices, or a column for each label."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pet.data.formats.headers import column_called, counted_names
from pet.data.label_columns import label_columns, marked
from pet.errors import DataError, quoted
from pet.task.label_names import whole_number

_LONGEST_LIST = 10_000  # characters of a cell


def label_value(
    row: Mapping[str, Any], column: str, labels: Sequence[str], texts: Iterable[str] = ()
) -> Any:
    """Return what a row says about its label: a text, a number, a list of these, or None.

    Parameters
    ----------
    row : mapping
        Column name to value.
    column : str
        Column of the label. Where a row has none, but a column for every label, the labels that
        are marked there are the value; see `pet.data.label_columns.marked`.
    labels : sequence of str
        Labels of the task.
    texts : iterable of str
        Columns of texts, which are no columns of labels.
    """
    name = column_called(column, row)
    if name is not None:
        return _plain(row[name], labels)
    columns = label_columns(row, labels)
    if columns is None or not set(columns).isdisjoint(texts):
        return None
    return marked(row, columns, labels)


def _plain(value: Any, labels: Sequence[str]) -> Any:
    """Return a label without its wrapping: JSON or Python lists, and choices of Label Studio."""
    if isinstance(value, str):
        text = value.strip()
        if text in labels or len(text) > _LONGEST_LIST:
            return value
        if (text[:1], text[-1:]) not in (("[", "]"), ("{", "}")):
            return value
        made = literal(text)
        return value if made is None else _plain(made, labels)
    if isinstance(value, Mapping) and list(value) == ["choices"]:
        return value["choices"]
    return value


def literal(text: str) -> Any:
    """Return the list or mapping that a text spells in JSON or in Python; None for another text."""
    faults = (ValueError, SyntaxError, TypeError, RecursionError, MemoryError)
    for read in (json.loads, ast.literal_eval):
        try:
            made = read(text)
        except faults:
            continue
        return made if isinstance(made, list | dict) else None
    return None


def mapped(value: Any, label_map: Mapping[str, str]) -> Any:
    """Replace labels by those that a label map gives for them; others stay as they are."""
    if isinstance(value, list | tuple):
        return [mapped(one, label_map) for one in value]
    key = str(value).strip()
    return label_map.get(key if key in label_map else whole_number(key), value)


def refuse_number(where: str, value: Any, labels: Sequence[str]) -> None:
    """Refuse a class number where the task's labels are names.

    Raises
    ------
    DataError
        Says how to name the numbers.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return
    number = whole_number(str(value).strip())
    if number.isdigit() and not any(label.isdigit() for label in labels):
        raise DataError(
            f"{where}: unknown label {quoted(number)}; the task's labels are names: "
            f"{counted_names(labels)}.",
            f"Say what the numbers mean with `--label-map`, such as 0={labels[0]},1={labels[1]}.",
            kind=("label is a number",),
        )
