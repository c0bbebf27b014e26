"""Columns that a file lacks: what to say, and what may be the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pet.data.formats.headers import column_called, counted_names
from pet.data.formats.known import format_named
from pet.data.label_columns import label_columns, no_mark
from pet.errors import DataError, did_you_mean
from pet.task import Task

# A header rarely has so much in the name of a column; a text often has.
_LONGEST_NAME = 60
_MOST_WORDS = 4


def missing_columns(
    where: str, row: Mapping[str, Any], lacked: Mapping[str, str], task: Task
) -> DataError:
    """Return the error that names all columns which a row lacks.

    Parameters
    ----------
    where : str
        Place of the row.
    row : mapping
        Its columns.
    lacked : mapping
        Field (or "label") to the column that was expected.
    task : Task
        Task whose fields they are.
    """
    (name, column), *others = lacked.items()
    told = f"column {column!r} for the field {name!r}"
    if others:
        told = "columns " + " and ".join(map(repr, lacked.values()))
    if _may_lack_header(where) and _looks_like_data(row, task.labels):
        header = ",".join([*task.fields, task.label_column])
        hint = f"The first line looks like data: add a header, such as {header}."
    else:
        options = " and ".join(f"`--column {name}=COLUMN`" for name in lacked)
        hint = f"Rename the right column to {column!r}, or name it with {options}."
        if others:
            hint = f"Rename the right columns, or name them with {options}."
    return DataError(
        f"{where}: no {told}; found {counted_names(row)}.", hint, ("lacks", *lacked.values())
    )


def _may_lack_header(where: str) -> bool:
    """Tell whether a row is of a file whose first line names the columns, a table or a sheet."""
    file = where.rpartition(", row ")[0]
    known = format_named(file)
    return bool(file) and (known is None or known.takes_hints)


def missing_label(where: str, row: Mapping[str, Any], label: str, task: Task) -> DataError:
    """Return the error for a row without a label, neither in its column nor in those of marks."""
    if marks := label_columns(row, task.labels):
        return no_mark(where, marks)
    return DataError(
        f"{where}: no label in column {label!r}; found {counted_names(row)}.",
        "Name the right column with `--column label=COLUMN`.",
        kind=("no label", label),
    )


def no_labels(columns: Sequence[str], label: str, task: Task) -> tuple[str, str]:
    """Return what is found in a file where no row has a label, and what to do about it.

    Parameters
    ----------
    columns : sequence of str
        Its columns.
    label : str
        Column that labels are read from.
    task : Task
        Task whose labels they are.
    """
    found = "no row with a label"
    if column_called(label, columns) is not None:
        return found, "Or name the column of the labels with `--column label=COLUMN`."
    if marks := label_columns(columns, task.labels):
        told = f"{found}: the cells in the columns of the labels, {counted_names(marks)}, are empty"
        return told, "Or mark the labels of each text with 1."
    near = did_you_mean(label, [name for name in columns if name not in task.fields])
    hint = "Or name the column of the labels with `--column label=COLUMN`."
    if near.startswith("Did you mean"):
        hint = f"{near} Name it with `--column label=COLUMN`."
    return f"{found}: no column {label!r} among {counted_names(columns)}", hint


def _looks_like_data(header: Iterable[str], labels: Sequence[str]) -> bool:
    """Tell whether the names of columns are rather a row: a label, or a text of several words."""
    names = [str(name).strip() for name in header]
    if sum(name in labels for name in names) > 1:  # a column for every label
        return False
    return any(
        name in labels or len(name) > _LONGEST_NAME or len(name.split()) > _MOST_WORDS
        for name in names
    )
