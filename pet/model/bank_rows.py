"""Rows of several tasks: every row of a file names the task that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pet.config.files import Reading
from pet.data import Columns, Example, Fault, OnFault
from pet.data.formats.base import Hints
from pet.data.formats.headers import column_called, counted_names
from pet.data.readers import rows_of
from pet.errors import DataError, UsageError, did_you_mean
from pet.task import Task


def bank_rows(
    tasks: Mapping[str, Task],
    source: Any,
    task_column: str,
    mapping: Mapping[str, str],
    reading: Reading | None = None,
    on_fault: OnFault | None = None,
) -> Iterator[tuple[tuple[str, Example], Mapping[str, Any]]]:
    """Yield the name of each row's task and its example, and the row with all its columns.

    Parameters
    ----------
    tasks : mapping
        The tasks, by name.
    source, reading
        As for `pet.data.examples_from`.
    task_column : str
        Column with the name of the row's task.
    mapping : mapping
        Field to column, for all tasks with the field.
    on_fault : callable, optional
        As for `pet.data.examples_and_rows`.

    Raises
    ------
    DataError
        When a row has no task, an unknown task, or no text; names the first one.
    UsageError
        When the mapping has a field of no task.
    """
    known = dict.fromkeys(name for task in tasks.values() for name in task.fields)
    for field in mapping:
        if field not in known:
            raise UsageError(
                f"Column mapping: no task of the bank has a field {field!r}.",
                did_you_mean(field, known),
            )
    columns = {
        name: Columns(task, {k: v for k, v in mapping.items() if k in task.fields}, "ignored")
        for name, task in tasks.items()
    }
    hints = bank_hints(tasks, task_column, mapping, reading)
    for place, row in rows_of(source, hints, on_fault):
        try:
            name = _task_of(place, row, task_column, columns)
            example = columns[name].example(place, row)
        except DataError as error:
            if on_fault is None:
                raise
            on_fault(Fault(place, error, row))
        else:
            yield (name, example), row


def bank_hints(
    tasks: Mapping[str, Task],
    task_column: str,
    mapping: Mapping[str, str],
    reading: Reading | None = None,
) -> Hints:
    """Return what helps to read a file with rows of several tasks."""
    known = dict.fromkeys(name for task in tasks.values() for name in task.fields)
    texts = tuple((mapping.get(field, field),) for field in known)
    return Hints(texts, task_column, reading=reading or Reading())


def _task_of(
    place: str, row: Mapping[str, Any], task_column: str, known: Mapping[str, object]
) -> str:
    column = column_called(task_column, row)
    if column is None:
        raise DataError(
            f"{place}: no column {task_column!r} that names the row's task; found "
            f"{counted_names(row)}.",
            "Name the right column with `--task-column COLUMN`.",
        )
    name = "" if row[column] is None else str(row[column]).strip()
    if not name:
        raise DataError(
            f"{place}: column {column!r} names no task.",
            f"Expected one of {', '.join(known)}.",
        )
    if name not in known:
        raise DataError(f"{place}: the bank has no task {name!r}.", did_you_mean(name, known))
    return name
