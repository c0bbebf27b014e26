"""Drafts from files: the columns of texts and label, and the labels, are found in their rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import PurePath
from typing import Any

from pet.config.files import Reading
from pet.data.faults import Fault
from pet.data.formats.base import Hints
from pet.data.formats.compression import uncompressed_name
from pet.data.formats.headers import counted_names
from pet.data.found_columns import FoundColumns, find_columns
from pet.data.kept_input import is_kept
from pet.data.label_cells import label_value, mapped
from pet.data.readers import rows_of
from pet.drafting.draft import Draft, draft_task
from pet.errors import DataError
from pet.task.label_names import is_missing, number_of, whole_number

_LOOKED_AT = 10_000  # rows that tell which columns there are
_MOST_LABELS = 500
_FEW = 20  # so many labels may have one example each


def draft_from_files(
    labelled: Sequence[str],
    unlabelled: str | None,
    columns: Mapping[str, str],
    reading: Reading,
    labels: Sequence[str] = (),
) -> Draft:
    """Draft a task from files of labelled rows, or from label names and unlabelled rows.

    Parameters
    ----------
    labelled : sequence of str
        Files of labelled rows; standard input must have been copied.
    unlabelled : str, optional
        File of unlabelled rows; looked at where there is no labelled one.
    columns : mapping
        Field (or "label") to the column that a person names for it.
    reading : Reading
        How files are read.
    labels : sequence of str
        Labels; by default those of the labelled rows, in order.

    Raises
    ------
    DataError
        When columns or labels cannot be told.
    TaskError
        When labels cannot be told apart.
    """
    source = labelled[0] if labelled else unlabelled
    if source is None:
        texts = {field: name for field, name in columns.items() if field != "label"}
        return draft_task(labels, texts)
    faults: list[Fault] = []
    every = rows_of(source, Hints(reading=reading), faults.append)
    rows = [row for _, row in islice(every, _LOOKED_AT)]
    shown = "standard input" if is_kept(source) else source
    if not rows and faults:
        raise faults[0].error
    if not rows:
        raise DataError(f"{shown}: expected rows, found none.", "Give a file that is not empty.")
    found = find_columns(shown, rows, columns, needs_label=bool(labelled))
    seen = _Labels.of(labelled, found, reading) if labelled else _Labels()
    names = list(labels) or seen.ordered(shown, found)
    label = found.label or "label"
    made = draft_task(names, found.texts, label, _name_of(source), seen.are_several)
    return replace(made, decisions=(_columns_told(rows, found), *made.decisions))


def _rows(source: str, reading: Reading) -> Iterator[tuple[str, Mapping[str, Any]]]:
    # Faulty rows are told when examples are read.
    return rows_of(source, Hints(reading=reading), lambda fault: None)


def _name_of(source: str) -> str:
    if source.startswith("hf:"):
        return source.removeprefix("hf:")
    if is_kept(source):  # standard input has no name
        return "drafted"
    return PurePath(uncompressed_name(source)).stem


def _columns_told(rows: Sequence[Mapping[str, Any]], found: FoundColumns) -> str:
    texts = [
        f"{field} in column {name!r}" if field != name else f"column {name!r}"
        for field, name in found.texts.items()
    ]
    told = f"Texts: {', '.join(texts)}"
    if found.label is not None:
        told += f"; labels: column {found.label!r}"
    used = {*found.texts.values(), found.label}
    rest = [
        name for name in dict.fromkeys(name for row in rows for name in row) if name not in used
    ]
    return f"{told}." + (f" Not read: {counted_names(rest)}." if rest else "")


@dataclass
class _Labels:
    """Labels of labelled rows, and whether some rows have several, or none on purpose."""

    names: dict[str, None] = field(default_factory=dict)
    are_several: bool = False
    rows: int = 0

    @classmethod
    def of(cls, files: Iterable[str], found: FoundColumns, reading: Reading) -> _Labels:
        """Collect the labels of all rows of some files."""
        labels = cls()
        for file in files:
            for _, row in _rows(file, reading):
                value = label_value(row, found.label or "label", ())
                labels.add(mapped(value, reading.label_map) if reading.label_map else value)
        return labels

    def add(self, value: Any) -> None:
        """Add what a row says about its label."""
        self.rows += 1
        values = value if isinstance(value, list | tuple) else [value]
        self.are_several |= isinstance(value, list | tuple) and len(values) > 1
        for one in values:
            if not is_missing(one) and (name := whole_number(str(one).strip())):
                self.names.setdefault(name)

    def ordered(self, source: str, found: FoundColumns) -> list[str]:
        """Return the labels, numbers by their size and others by the alphabet.

        Raises
        ------
        DataError
            When there are fewer than two, or so many that they are hardly labels.
        """
        count = len(self.names)
        column = f"{source}, column {found.label!r}"
        if count < 2:
            raise DataError(
                f"{column}: expected two or more labels, found {counted_names(self.names)}.",
                "Name another column with `--column label=COLUMN`, or all labels with "
                "`--labels A,B,...`.",
            )
        if count > min(_MOST_LABELS, max(_FEW, self.rows // 2)):
            raise DataError(
                f"{column}: {count} different labels in {self.rows} rows are too many to learn.",
                "If the label is in another column, name it with `--column label=COLUMN`.",
            )
        return sorted(self.names, key=_place)


def _place(label: str) -> tuple[bool, float, str]:
    number = number_of(label)
    return number is None, number or 0.0, label.casefold()
