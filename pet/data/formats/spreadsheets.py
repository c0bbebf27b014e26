"""Excel workbooks, a row at a time (package openpyxl)."""

from __future__ import annotations

import datetime
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

from pet.data.formats.base import Format, Hints, SourceRow
from pet.data.formats.delimited import cell_text, is_blank
from pet.data.formats.extras import imported, told_as_damage
from pet.data.formats.headers import column_called, header_of
from pet.errors import DataError

_LONGEST_CELL = 32_767  # characters, in Excel
_MOST_ROWS = 1_048_576
# Errors of openpyxl, of the zip and of the XML (a SyntaxError) in files that are no workbooks.
_FAULTS = (
    zipfile.BadZipFile, zlib.error, RuntimeError, KeyError, IndexError, ValueError, TypeError,
    AttributeError, SyntaxError, OSError, EOFError,
)  # fmt: skip


def read_workbook(name: str, stream: IO[bytes], hints: Hints) -> Iterator[SourceRow]:
    """Yield the rows of a sheet; its first row names the columns.

    The sheet is the first one that has all columns of texts, or else the first one. Numbers in
    columns of texts become texts, as Excel shows them.
    """
    openpyxl = imported("openpyxl", name)
    with told_as_damage(name, "an Excel workbook", _FAULTS, "Save it as .xlsx or .csv."):
        with _quiet():
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
            records = _sheet(book.worksheets, hints).iter_rows(values_only=True)
        header = header_of(name, [_shown(cell) for cell in next(records, ())])
        looked_for = [*(column for names in hints.texts for column in names), hints.label]
        as_text = {column_called(column, header) for column in looked_for}
        for number, cells in enumerate(records, 1):
            if is_blank([_shown(cell) for cell in cells]):
                continue
            where = f"{name}, row {number}"
            if any(_shown(cell).strip() for cell in cells[len(header) :]):
                error = f"{where}: {len(cells)} cells, but the header names {len(header)}."
                hint = "Name the column in the first row of the sheet."
                yield where, DataError(error, hint, ("too many cells",))
                continue
            padded = [*cells, *[None] * (len(header) - len(cells))]
            row = dict(zip(header, padded, strict=False))
            yield where, {name: _shown(row[name]) if name in as_text else row[name] for name in row}


def _sheet(sheets: Sequence[Any], hints: Hints) -> Any:
    for sheet in sheets:
        sheet.reset_dimensions()  # some programs write wrong ones, and rows would be lost
        header = [_shown(cell) for cell in next(sheet.iter_rows(values_only=True), ())]
        if all(any(column_called(n, header) is not None for n in names) for names in hints.texts):
            return sheet
    return sheets[0]


def _shown(value: Any) -> str:
    """Return a cell as Excel shows it."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return "" if value is None else str(value)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep openpyxl from warning about parts of a workbook that are no cells."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="openpyxl")
        yield


class WorkbookWriter:
    """Writer of one sheet; texts stay texts, also those that look like formulas."""

    def __init__(self, stream: IO[bytes], columns: Sequence[str]) -> None:
        openpyxl = imported("openpyxl", "Excel workbooks")
        self._cell = imported("openpyxl.cell", "Excel workbooks").WriteOnlyCell
        self._unwritable = openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE
        self._stream, self._columns = stream, columns
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet("rows")
        self._written = 0
        self({name: name for name in columns})

    def __call__(self, row: Mapping[str, Any]) -> None:
        """Write a row."""
        self._written += 1
        if self._written > _MOST_ROWS:
            raise DataError(f"An Excel sheet has at most {_MOST_ROWS} rows.", "Write .csv instead.")
        self._sheet.append([self._made(row.get(name), name) for name in self._columns])

    def close(self) -> None:
        """Write the workbook."""
        self._book.save(self._stream)

    def _made(self, value: Any, column: str) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        # XML has no control characters and no half surrogate pairs.
        text = self._unwritable.sub("\ufffd", cell_text(value))
        text = text.encode("utf-8", "replace").decode("utf-8")
        if len(text) > _LONGEST_CELL:
            raise DataError(
                f"Row {self._written - 1}, column {column!r}: an Excel cell holds {_LONGEST_CELL} "
                f"characters, not {len(text)}.",
                "Write .csv instead.",
            )
        cell = self._cell(self._sheet, text)
        cell.data_type = "s"
        return cell


WORKBOOK = Format(read_workbook, WorkbookWriter, keeps_types=True, is_binary=True, takes_hints=True)
