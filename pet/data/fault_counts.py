"""Faults of a whole file, counted: the same fault in many rows is told once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pet.config.files import Reading
from pet.data.example import Example
from pet.data.examples import Columns, examples_and_rows
from pet.data.faults import Fault
from pet.errors import DataError
from pet.task import Task
from pet.task.labels import UnknownLabel

_PLACES = 3  # rows that are named of each fault
_MOST = 20  # faults that are told of each file
_KEPT = 10_000  # different faults in memory; whatever comes later is only counted


@dataclass
class _Count:
    """Number of rows with a fault, the first one's error and the places of some."""

    error: DataError
    message: str
    places: list[str]
    rows: int = 0


class FaultCounts:
    """Faults of one source, counted by what is wrong.

    Errors of one `kind` count as one fault, and those without a kind if their messages are the same
    but for the place; every unknown label is a fault of its own.

    Parameters
    ----------
    source : str
        The source's name, for messages.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.read = 0  # rows that became examples
        self.rows = 0  # rows with a fault
        self.unlabelled = 0  # rows that are not labelled yet, where that may be
        self.columns: list[str] = []  # columns of the first row that is not labelled yet
        self.empty = 0  # rows whose empty label is read as none of the labels
        self.end: DataError | None = None  # why nothing more could be read
        self.remarks: list[str] = []  # what else is to be told of the source
        self._is_near = False  # whether a row with a fault has, or resembles, a known label
        self._counts: dict[tuple[str, ...], _Count] = {}

    def __bool__(self) -> bool:
        """Tell whether anything is wrong."""
        return bool(self.rows or self.end)

    @property
    def is_empty(self) -> bool:
        """Whether there is no labelled row, and none with a fault."""
        return not self and self.read == self.unlabelled

    def add(self, fault: Fault) -> None:
        """Count a fault."""
        self.rows += 1
        message = _without_place(fault)
        self._is_near |= isinstance(fault.error, UnknownLabel) and fault.error.is_near
        key = fault.error.kind or (message,)
        count = self._counts.get(key)
        if count is None:
            if len(self._counts) == _KEPT:
                return
            count = self._counts[key] = _Count(fault.error, message, [])
        count.rows += 1
        if len(count.places) < _PLACES:
            count.places.append(fault.where.removeprefix(f"{self.source}, "))

    def add_read(self, example: Example, row: Mapping[str, Any], columns: Columns) -> bool:
        """Count a row that became an example; tell whether it is labelled."""
        self.read += 1
        if columns.labels == "partial" and example.label is None:
            self.columns = self.columns or list(row)
            self.unlabelled += 1
            return False
        if example.label == () and columns.has_empty_cell(row):
            self.empty += 1
        return True

    @property
    def read_as_none(self) -> str:
        """A line about empty labels if they are most of a file, which half-labelled ones have."""
        if 2 * self.empty <= self.read:
            return ""
        return (
            f"{self.source}: {self.empty:,} of {self.read:,} rows have an empty label, which is "
            "read as none of the labels. If they are not labelled yet, give "
            "`--empty-labels unknown`."
        )

    @property
    def left_out(self) -> str:
        """A line about the rows that are not labelled yet; "" if there are none."""
        if not self.unlabelled:
            return ""
        rows = "1 row is" if self.unlabelled == 1 else f"{self.unlabelled:,} rows are"
        return f"{self.source}: {rows} not labelled yet and left out."

    def fits(self) -> bool:
        """Tell whether the source may be meant for the task.

        False if every row has a label that the task does not know, none has one beside it that the
        task knows, and none resembles one.
        """
        if self.read or self.end or self._is_near or not self._counts:
            return True
        return not all(isinstance(each.error, UnknownLabel) for each in self._counts.values())

    def lines(self, task: Task) -> list[str]:
        """Tell what is wrong: a headline, and a line a fault with the number of its rows."""
        if not self.fits():
            return [_one_line(self._misfit(task).message)]
        lines = []
        if self.rows:
            lines = [f"{self.source}: {self.rows} of {self.rows + self.read} rows cannot be used:"]
        lines += self.by_kind()
        if self.end:
            lines.append(_one_line(self.end.message))
        return lines

    def by_kind(self) -> list[str]:
        """Return a line a fault, the most frequent first: its rows, the message, some places."""
        lines = []
        counts = sorted(self._counts.values(), key=lambda count: -count.rows)
        for count in counts[:_MOST]:
            places = ", ".join(count.places)
            more = f" and {count.rows - len(count.places)} more" * (count.rows > len(count.places))
            lines.append(f"  {count.rows:5d}  {_one_line(count.message)} ({places}{more})")
        rest = self.rows - sum(count.rows for count in counts[:_MOST])
        if rest:
            lines.append(f"  {rest:5d}  have other faults")
        return lines

    def error(self, task: Task) -> DataError:
        """Return one error for all that is wrong: the first fault, and how many rows have one."""
        if not self.fits():
            return self._misfit(task)
        if not self._counts:
            assert self.end is not None
            return self.end
        first = next(iter(self._counts.values())).error
        if self.rows == 1:
            return first
        return DataError(
            first.message,
            f"{self.rows - 1} more {'row' if self.rows == 2 else 'rows'} cannot be used; pet check "
            "tells all faults.",
        )

    def _misfit(self, task: Task) -> DataError:
        labels = [
            f"{count.error.label!r} ({count.rows})"
            for count in self._counts.values()
            if isinstance(count.error, UnknownLabel)
        ]
        found = ", ".join(labels[:10]) + ", ..." * (len(labels) > 10)
        known = ", ".join(map(repr, task.labels[:10])) + ", ..." * (len(task.labels) > 10)
        return DataError(
            f"{self.source} does not fit the task {task.name!r}: none of its {self.rows} rows has "
            f"one of the labels {known}; found {found}.",
            "Make a task of your own with these labels, in a .py file such as pet tasks --help "
            "shows; or name the column of the labels with `--column label=COLUMN`, or what they "
            "are in the task with `--label-map A=B,...`.",
        )


def checked_examples(
    source: Any, columns: Columns, reading: Reading | None, counts: FaultCounts
) -> Iterator[Example]:
    """Yield the examples of a source to its end; what is wrong is counted, never raised.

    Rows that say that they are not labelled yet are counted, too, and left out.
    """
    try:
        every = examples_and_rows(source, columns, reading, counts.add, counts.remarks.append)
        for example, row in every:
            if counts.add_read(example, row, columns):
                yield example
    except DataError as error:
        counts.end = error
    if counts.read_as_none:
        counts.remarks.append(counts.read_as_none)


def _without_place(fault: Fault) -> str:
    """Return a fault's message without the row that it names."""
    message, where = fault.error.message, fault.where
    if message.lower().startswith(where.lower()):
        message = message[len(where) :]
    return message.lstrip(":, ")


def _one_line(message: str) -> str:
    return re.sub(r"\s*\n\s*", " ", message)
