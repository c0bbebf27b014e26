"""Examples, made from rows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pet.config.files import EmptyLabels, Reading
from pet.data.example import Example
from pet.data.exports import Disagreement, Unanswered, is_set_aside, without_label
from pet.data.faults import Fault, OnFault
from pet.data.formats.base import Hints
from pet.data.formats.headers import column_called
from pet.data.label_cells import label_value, mapped, refuse_number
from pet.data.label_columns import NoMark
from pet.data.missing_columns import missing_columns, missing_label
from pet.data.readers import check_characters, rows_of
from pet.errors import DataError, UsageError, did_you_mean, quoted
from pet.task import Task
from pet.task.kinds import read_label, task_kind
from pet.task.label_names import is_missing
from pet.task.labels import Label

Labels = Literal["required", "partial", "optional", "ignored"]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Columns:
    """Columns that the fields and the label of a row are read from.

    Parameters
    ----------
    task : Task
        Task with the fields, the labels and their default columns.
    mapping : mapping
        Field (or "label") to column name; comes before the task's defaults.
    labels : {"required", "partial", "optional", "ignored"}
        Use of the label column. "partial": a row may say that nobody has labelled it yet, and is
        no fault. "optional": a row may also say nothing about its label.
    label_map : mapping
        Label as rows have it to label of the task, where they differ.
    empty_labels : {"none", "unknown"}
        Meaning of an empty label, as in `Reading`.

    Raises
    ------
    UsageError
        When the mapping names an unknown field, or the label map an unknown label.
    """

    task: Task
    mapping: Mapping[str, str]
    labels: Labels = "required"
    label_map: Mapping[str, str] = field(default_factory=dict)
    empty_labels: EmptyLabels = "none"

    def __post_init__(self) -> None:
        for label in self.label_map.values():
            if label not in self.task.labels:
                raise UsageError(
                    f"`--label-map` names the unknown label {quoted(label)}.",
                    did_you_mean(label, self.task.labels),
                )
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
        found = {name: self.column(row, name) for name in self.task.fields}
        if None in found.values():
            lacked = {name: self._names(name)[-1] for name in found if found[name] is None}
            if self.labels == "required" and self.value(row) is None:
                lacked["label"] = self.label
            raise missing_columns(where, row, lacked, self.task)
        texts = {name: _text(where, row, str(column)) for name, column in found.items()}
        return Example(texts, None if self.labels == "ignored" else self.label_of(where, row))

    @property
    def label(self) -> str:
        """Name of the column that labels are read from."""
        return self.mapping.get("label", self.task.label_column)

    def read_as(self, reading: Reading | None) -> Columns:
        """Return these columns with the label map of a reading, if labels are read."""
        if reading is None or self.labels == "ignored":
            return self
        return replace(self, label_map=reading.label_map, empty_labels=reading.empty_labels)

    def hints(self, reading: Reading | None = None) -> Hints:
        """Return what helps to read a file with these columns."""
        texts = tuple(tuple(self._names(name)) for name in self.task.fields)
        needs_labels = self.labels != "ignored"
        return Hints(texts, self.label, needs_labels, reading or Reading(), self.task.labels)

    def _names(self, name: str) -> list[str]:
        """Return the columns that a field may be read from, the best one first."""
        if name in self.mapping:
            return [self.mapping[name]]
        return [name, self.task.columns.get(name, name)]

    def column(self, row: Mapping[str, Any], name: str) -> str | None:
        """Return the column of a field in a row, None if it has none."""
        names = self._names(name)
        exact = (column for column in names if column in row)
        alike = (column_called(column, row) for column in names)
        return next(exact, None) or next(filter(None, alike), None)

    def value(self, row: Mapping[str, Any]) -> Any:
        """Return what a row says about its label; None if nothing."""
        texts = [column for name in self.task.fields for column in self._names(name)]
        value = label_value(row, self.label, self.task.labels, texts)
        if not self.label_map:
            return value
        joined = isinstance(value, str) and not self.is_unlabelled(value) and value.strip()
        if joined and not task_kind(self.task).has_one_label:
            value = value.split(self.task.label_separator)
        return mapped(value, self.label_map)

    def label_of(self, where: str, row: Mapping[str, Any]) -> Label | None:
        """Return the label of a row; None for one that is not labelled yet, if that may be.

        Raises
        ------
        DataError
            When the label is missing or unknown; names the place.
        """
        value, kind = self.value(row), task_kind(self.task)
        if isinstance(value, Disagreement | NoMark):
            raise value.error(where)
        if not self.is_unlabelled(value):
            refuse_number(where, value, self.task.labels)
            is_empty = isinstance(value, str) and not value.strip()
            return kind.empty_label if is_empty else read_label(where, value, self.task)
        column = column_called(self.label, row)
        # Where an empty cell is a label, people say on purpose that there is none; so do tools.
        on_purpose = kind.empty_label is not None or self.empty_labels == "unknown"
        on_purpose |= isinstance(row, Unanswered)
        on_purpose |= column is not None and isinstance(value, list)
        if self.labels == "optional" or (self.labels == "partial" and on_purpose):
            return None
        if column is None:
            raise missing_label(where, row, self.label, self.task)
        hint = "Fill it in or remove the row."
        if self.labels == "partial":
            hint = "Fill it in, or leave out all rows without one: `--empty-labels unknown`."
        raise DataError(f"{where}: the label in column {column!r} is empty.", hint)

    def has_empty_cell(self, row: Mapping[str, Any]) -> bool:
        """Tell whether the label of a row is a cell without text, which a table has by default."""
        value = self.value(row)
        return isinstance(value, str) and not value.strip()

    def is_unlabelled(self, value: Any) -> bool:
        """Tell whether a value of the label column says that nobody has labelled the text yet."""
        kind = task_kind(self.task)
        if isinstance(value, list | tuple):
            return not value and kind.has_one_label
        if not isinstance(value, str):
            return is_missing(value)
        text = value.strip()
        if not text:
            return kind.empty_label is None or self.empty_labels == "unknown"
        return text == kind.unlabelled


def _text(where: str, row: Mapping[str, Any], column: str) -> str:
    value = "" if row[column] is None else row[column]
    if not isinstance(value, str):
        raise DataError(
            f"{where}, column {column!r}: expected text, found {quoted(value)}.",
            kind=("no text", column),
        )
    text = value.strip()
    if not text:
        raise DataError(
            f"{where}, column {column!r}: the text is empty.",
            "Fill it in or remove the row.",
            kind=("empty", column),
        )
    check_characters(where, column, text)
    return text


def examples_from(
    source: Any, columns: Columns, reading: Reading | None = None
) -> Iterator[Example]:
    """Yield the examples of a file, a data set or a list of rows, one at a time.

    Parameters
    ----------
    source : str, Path or iterable
        The path of a file in a format of `pet.data.formats.FORMATS`, also compressed; "-" for
        standard input; "hf:NAME[/CONFIG]:SPLIT" for a Hugging Face data set; or an iterable of
        mappings (such as a `datasets.Dataset`).
    columns : Columns
        Columns of fields and labels.
    reading : Reading, optional
        How a file is read; by default its name and contents tell, and standard input is JSON lines.

    Raises
    ------
    DataError
        Names the first faulty row.
    """
    return (example for example, _ in examples_and_rows(source, columns, reading))


def examples_and_rows(
    source: Any,
    columns: Columns,
    reading: Reading | None = None,
    on_fault: OnFault | None = None,
    on_remark: Callable[[str], object] | None = None,
) -> Iterator[tuple[Example, Mapping[str, Any]]]:
    """Yield examples as `examples_from` does, each with its row of all columns.

    Parameters
    ----------
    source, columns, reading
        As for `examples_from`.
    on_fault : callable, optional
        Called with the `Fault` of every row that cannot become an example, before the example
        after it is yielded; such rows are passed over. Without it the first one is raised.
    on_remark : callable, optional
        Called at the end with a line about labels that people took back. Without it the line is
        logged, once a source.

    Raises
    ------
    DataError
        Names the first faulty row; with ``on_fault`` the place after which nothing can be read.
    """
    columns = columns.read_as(reading)
    hints = columns.hints(reading)
    set_aside = 0
    for where, row in rows_of(source, hints, on_fault):
        try:
            if hints.needs_labels and is_set_aside(row, hints):
                set_aside += 1
                if columns.labels != "optional":
                    continue
                row = without_label(row, hints)
            example = columns.example(where, row)
        except DataError as error:
            if on_fault is None:
                raise
            on_fault(Fault(where, error, row))
        else:
            yield example, row
    if set_aside:
        (on_remark or _log_once)(
            f"{source if isinstance(source, str | Path) else 'rows'}: {set_aside} labels are left "
            "out, which were rejected or ignored when they were given (column 'answer')."
        )


@cache
def _log_once(remark: str) -> None:
    log.warning("%s", remark)


def has_labels(source: Any, columns: Columns, reading: Reading | None = None) -> bool:
    """Tell whether the first row has a label."""
    rows = islice(rows_of(source, columns.hints(reading)), 1)
    return any(_is_label(columns, columns.value(row)) for _, row in rows)


def _is_label(columns: Columns, value: Any) -> bool:
    """Tell whether a value names a label; an empty cell or list does not, even where it is one."""
    if isinstance(value, str) and not value.strip():
        return False
    if isinstance(value, list | tuple) and not value:
        return False
    return not columns.is_unlabelled(value)
