"""A column for every label, with a mark in it where a text has the label."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pet.data.formats.headers import column_called, counted_names
from pet.errors import DataError, quoted
from pet.task.label_names import is_missing, whole_number

_YES = ("1", "true", "yes", "x")
_NO = ("0", "false", "no", "")
_NOT_LABELLED = ("", "?")


@dataclass(frozen=True)
class NoMark:
    """A cell in the column of a label that says neither yes nor no."""

    column: str
    cell: Any

    def error(self, where: str) -> DataError:
        """Return the error that names the cell, in the row at the place ``where``."""
        return DataError(
            f"{where}, column {self.column!r}: expected a mark, found {quoted(self.cell)}.",
            "Mark labels with 1, true, yes or x, and the others with 0, false, no or nothing.",
            kind=("no mark", self.column),
        )


def no_mark(where: str, columns: Sequence[str]) -> DataError:
    """Return the error for a row at the place ``where`` that marks no label."""
    return DataError(
        f"{where}: no label is marked in the columns {counted_names(columns)}.",
        "Mark it with 1, true, yes or x.",
        kind=("nothing marked",),
    )


def label_columns(columns: Collection[str], labels: Sequence[str]) -> list[str] | None:
    """Return the column of every label; None unless each of them has one."""
    if len(columns) < len(labels):
        return None
    found = []
    for label in labels:
        column = column_called(label, columns)
        if column is None:
            return None
        found.append(column)
    return found or None


def marked(row: Mapping[str, Any], columns: Sequence[str], labels: Sequence[str]) -> Any:
    """Return the labels that a row marks in their columns.

    A list of labels; None if all cells are blank or "?", so that nobody has marked anything yet;
    or the first cell that is no mark, as `NoMark`.
    """
    cells = [_plain(row[column]) for column in columns]
    if all(cell in _NOT_LABELLED for cell in cells):
        return None
    for column, cell in zip(columns, cells, strict=True):
        if cell not in _YES and cell not in _NO:
            return NoMark(column, row[column])
    return [label for label, cell in zip(labels, cells, strict=True) if cell in _YES]


def _plain(cell: Any) -> str:
    return "" if is_missing(cell) else whole_number(str(cell).strip().lower())
