"""Examples, made from Python objects such as lists and data frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pet.data.examples import Columns, Example, Labels, examples_from
from pet.errors import DataError
from pet.task import Task
from pet.task.kinds import label_list


def given_examples(task: Task, rows: Iterable[Any], labels: Labels) -> Iterator[Example]:
    """Yield the examples of Python rows.

    Parameters
    ----------
    task : Task
        Task with the fields of an example.
    rows : iterable or data frame
        Texts (for a task with one field), mappings, or tuples of texts, one a field.
    labels : {"required", "optional", "ignored"}
        Use of the label column of mappings and data frames.

    Raises
    ------
    DataError
        Names the first faulty row.
    """
    if isinstance(rows, str | Mapping):
        raise DataError(f"Expected a list of texts, found one: {rows!r}.", "Write [text].")
    if hasattr(rows, "to_dict") and hasattr(rows, "columns"):
        rows = rows.to_dict("records")
    single = task.fields[0] if len(task.fields) == 1 else None

    def mapping(number: int, row: Any) -> Mapping[str, Any]:
        if isinstance(row, Mapping):
            return row
        if single is not None and isinstance(row, str):
            return {single: row}
        if isinstance(row, tuple | list) and len(row) == len(task.fields):
            return dict(zip(task.fields, row, strict=True))
        raise DataError(
            f"Row {number}: expected {'a text' if single else 'one text a field'} "
            f"({', '.join(task.fields)}), found {row!r}."
        )

    return examples_from(
        (mapping(number, row) for number, row in enumerate(rows, 1)), Columns(task, {}, labels)
    )


def given_labelled(task: Task, X: Iterable[Any], y: Any) -> list[Example]:
    """Return examples as `given_examples` reads them, with labels ``y`` as `label_list` takes them.

    Raises
    ------
    DataError
        Names the first faulty row or label.
    """
    examples = list(given_examples(task, X, "ignored"))
    labels = label_list(y, task)
    if len(examples) != len(labels):
        raise DataError(f"Got {len(examples)} texts but {len(labels)} labels.")
    columns = Columns(task, {}, "required")
    return [
        replace(example, label=columns.label_of(f"row {number}", {columns.label: label}))
        for number, (example, label) in enumerate(zip(examples, labels, strict=True), 1)
    ]
