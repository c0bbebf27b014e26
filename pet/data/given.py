"""Examples, made from Python objects such as lists and data frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pet.data.example import Example
from pet.data.examples import Columns, Labels, examples_from
from pet.data.tables import column_names, plain_rows
from pet.errors import DataError, quoted
from pet.task import Task
from pet.task.kinds import label_list
from pet.task.label_names import is_missing


def given_examples(task: Task, rows: Iterable[Any], labels: Labels) -> Iterator[Example]:
    """Yield the examples of Python rows.

    Parameters
    ----------
    task : Task
        Task with the fields of an example.
    rows : iterable or table
        Texts (for a task with one field), mappings, or tuples of texts, one a field; or a table of
        pandas, polars, pyarrow or Hugging Face. A table's only column is that of a task's only
        field, whatever it is called.
    labels : {"required", "optional", "ignored"}
        Use of the label column of mappings and tables.

    Raises
    ------
    DataError
        Names the first faulty row.
    """
    columns = Columns(task, {}, labels)
    plain = plain_rows(rows)
    names = column_names(rows)
    single = task.fields[0] if len(task.fields) == 1 else None
    only = names is not None and len(names) == 1

    def mapping(number: int, row: Any) -> Mapping[str, Any]:
        if isinstance(row, Mapping):
            if single is not None and only:
                return _filled(number, {single: next(iter(row.values()))})
            found = {name: columns.column(row, name) for name in task.fields}
            _filled(number, {name: row[own] for name, own in found.items() if own is not None})
            return row
        if hasattr(row, "tolist") and not isinstance(row, str):  # a row of an array
            row = row.tolist()
        if single is not None and isinstance(row, str):
            return {single: row}
        if isinstance(row, tuple | list) and len(row) == len(task.fields):
            return _filled(number, dict(zip(task.fields, row, strict=True)))
        raise DataError(
            f"Row {number}: expected {'a text' if single else 'one text a field'} "
            f"({', '.join(task.fields)}), found {quoted(row)}.",
            _WITHOUT if is_missing(row) else None,
        )

    return examples_from((mapping(number, row) for number, row in enumerate(plain, 1)), columns)


_WITHOUT = "Leave such rows out, for example with dropna() of pandas, also in y."


def _filled(number: int, row: Mapping[str, Any]) -> Mapping[str, Any]:
    for name, value in row.items():
        if is_missing(value):
            raise DataError(
                f"Row {number}: expected a text ({name}), found {quoted(value)}.", _WITHOUT
            )
    return row


def labelled(task: Task, examples: Sequence[Example], y: Any) -> list[Example]:
    """Return examples with labels ``y`` as `label_list` takes them.

    Raises
    ------
    DataError
        Names the first faulty label.
    """
    labels = label_list(y, task)
    if len(examples) != len(labels):
        raise DataError(f"Got {len(examples)} texts but {len(labels)} labels.")
    columns = Columns(task, {}, "required")
    return [
        replace(example, label=columns.label_of(f"row {number}", {columns.label: label}))
        for number, (example, label) in enumerate(zip(examples, labels, strict=True), 1)
    ]
