"""Examples, made from rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from pet.data.faults import Fault, OnFault
from pet.data.readers import check_characters, rows_of
from pet.errors import DataError, UsageError, did_you_mean
from pet.task import Task
from pet.task.kinds import read_label, task_kind
from pet.task.labels import Label

Labels = Literal["required", "optional", "ignored"]


@dataclass(frozen=True, slots=True)
class Example:
    """Named text fields and their label, if known; in multi-label tasks a tuple of labels.

    Examples
    --------
    >>> from pet import Example
    >>> example = Example({"text": "The soup was cold."}, "negative")
    >>> example.label, example.key
    ('negative', ('The soup was cold.',))
    """

    texts: Mapping[str, str]
    label: Label | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """Texts without their fields' names; examples with equal keys are the same."""
        return tuple(self.texts.values())


@dataclass(frozen=True)
class Columns:
    """Columns that the fields and the label of a row are read from.

    Parameters
    ----------
    task : Task
        Task with the fields, the labels and their default columns.
    mapping : mapping
        Field (or "label") to column name; comes before the task's defaults.
    labels : {"required", "optional", "ignored"}
        Use of the label column.

    Raises
    ------
    UsageError
        When the mapping names an unknown field.
    """

    task: Task
    mapping: Mapping[str, str]
    labels: Labels = "required"

    def __post_init__(self) -> None:
        for name in self.mapping:
            if name != "label" and name not in self.task.fields:
                raise UsageError(
                    f"Column mapping: task {self.task.name!r} has no field {name!r}.",
                    did_you_mean(name, [*self.task.fields, "label"]),
                )

    def example(self, where: str, row: Mapping[str, Any]) -> Example:
        """Return a row as an example.

        Parameters
        ----------
        where : str
            Place of the row, for messages.
        row : mapping
            Column name to value.

        Raises
        ------
        DataError
            Names the place, the column and the fault.
        """
        texts = {name: self._text(where, row, name) for name in self.task.fields}
        return Example(texts, None if self.labels == "ignored" else self.label_of(where, row))

    @property
    def label(self) -> str:
        """Name of the column that labels are read from."""
        return self.mapping.get("label", self.task.label_column)

    def _text(self, where: str, row: Mapping[str, Any], name: str) -> str:
        column = self.mapping.get(name, name)
        if column not in row and name not in self.mapping:
            column = self.task.columns.get(name, name)
        if column not in row:
            raise DataError(
                f"{where}: no column {column!r} for the field {name!r}; "
                f"found {', '.join(map(repr, row)) or 'nothing'}.",
                f"Name the right column with `--column {name}=COLUMN`.",
            )
        value = "" if row[column] is None else row[column]
        if not isinstance(value, str):
            raise DataError(f"{where}, column {column!r}: expected text, found {value!r}.")
        text = value.strip()
        if not text:
            raise DataError(
                f"{where}, column {column!r}: the text is empty.", "Fill it in or remove the row."
            )
        check_characters(where, column, text)
        return text

    def label_of(self, where: str, row: Mapping[str, Any]) -> Label | None:
        """Return the label of a row; None for an empty one where labels are optional.

        Raises
        ------
        DataError
            When the label is missing or unknown; names the place.
        """
        column = self.label
        value = row.get(column)
        if value is None or (isinstance(value, str) and not value.strip()):
            if self.labels == "optional":
                return None
            empty = task_kind(self.task).empty_label
            if column in row and empty is not None and value is not None:
                return empty
            if column in row:
                raise DataError(
                    f"{where}: the label in column {column!r} is empty.",
                    "Fill it in or remove the row.",
                )
            raise DataError(
                f"{where}: no label in column {column!r}; found {', '.join(map(repr, row))}.",
                "Name the right column with `--column label=COLUMN`.",
            )
        return read_label(where, value, self.task)


def examples_from(
    source: Any, columns: Columns, file_format: str | None = None
) -> Iterator[Example]:
    """Yield the examples of a file, a data set or a list of rows, one at a time.

    Parameters
    ----------
    source : str, Path or iterable
        A .jsonl, .csv or .tsv path (also with .gz), "-" for standard input,
        "hf:NAME[/CONFIG]:SPLIT" for a Hugging Face data set, or an iterable of mappings (such as a
        `datasets.Dataset`).
    columns : Columns
        Columns of fields and labels.
    file_format : str, optional
        Ending of a format in `pet.data.formats.FORMATS`, such as ".csv", for standard input and
        unusual file names; by default ".jsonl".

    Raises
    ------
    DataError
        Names the first faulty row.
    """
    return (example for example, _ in examples_and_rows(source, columns, file_format))


def examples_and_rows(
    source: Any,
    columns: Columns,
    file_format: str | None = None,
    on_fault: OnFault | None = None,
) -> Iterator[tuple[Example, Mapping[str, Any]]]:
    """Yield examples as `examples_from` does, each with its row of all columns.

    Parameters
    ----------
    source, columns, file_format
        As for `examples_from`.
    on_fault : callable, optional
        Called with the `Fault` of every row that cannot become an example, before the example
        after it is yielded; such rows are passed over. Without it the first one is raised.

    Raises
    ------
    DataError
        Names the first faulty row; with ``on_fault`` the place after which nothing can be read.
    """
    for where, row in rows_of(source, columns.label, file_format, on_fault):
        try:
            example = columns.example(where, row)
        except DataError as error:
            if on_fault is None:
                raise
            on_fault(Fault(where, error, row))
        else:
            yield example, row


def has_labels(source: Any, columns: Columns, file_format: str | None = None) -> bool:
    """Tell whether the first row has a label."""
    return any(
        row.get(columns.label) not in (None, "")
        for _, row in islice(rows_of(source, columns.label, file_format), 1)
    )
