"""Tables whose first line names the columns, with a delimiter between the cells."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

from pet.data.formats.base import Format, Hints, RowError, RowWriter, SourceRow
from pet.data.formats.decoding import lines_or_faults
from pet.data.formats.delimiters import Lines, delimiter_of
from pet.data.formats.headers import header_of
from pet.data.formats.json_rows import json_text
from pet.data.formats.quoting import plain_records, quoted_records, tab_records
from pet.errors import DataError
from pet.task.label_names import is_missing


def table_of(delimiter: str) -> Format:
    """Return the format of tables that have this delimiter, unless another is found in them."""

    def read(name: str, stream: IO[bytes], hints: Hints) -> Iterator[SourceRow]:
        return table_rows(name, Lines(lines_or_faults(name, stream)), delimiter, hints)

    def writer(stream: IO[str], columns: Sequence[str]) -> RowWriter:
        write = _record_writer(stream, delimiter)
        write(columns)
        return lambda row: write([cell_text(row.get(name)) for name in columns])

    return Format(read, writer, takes_hints=True)


class _UnixLines:
    """Stream for the csv module, which quotes a carriage return only if its lines end in one."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        """Write a line that ends as on Windows."""
        self._stream.write(line.removesuffix("\r\n") + "\n")


def _record_writer(stream: IO[str], delimiter: str) -> Callable[[Sequence[str]], object]:
    lines = _UnixLines(stream)
    few = csv.writer(lines, delimiter=delimiter, lineterminator="\r\n")
    # Between tabs, quotes around every cell say that its line breaks end no row.
    every = csv.writer(lines, delimiter=delimiter, lineterminator="\r\n", quoting=csv.QUOTE_ALL)

    def write(cells: Sequence[str]) -> None:
        is_long = delimiter == "\t" and any("\n" in cell for cell in cells)
        (every if is_long else few).writerow(cells)

    return write


def table_rows(name: str, lines: Lines, own: str, hints: Hints) -> Iterator[SourceRow]:
    """Yield the rows of a table; ``own`` is the delimiter of the file's ending."""
    delimiter = delimiter_of(own, lines, hints)
    quoting = hints.reading.quoting
    records: Iterator[list[str] | DataError]
    if quoting == "none":
        records = plain_records(lines, delimiter)
    elif quoting == "excel" or delimiter != "\t":
        records = quoted_records(name, lines, delimiter)
    else:
        records = tab_records(name, lines)
    return rows_of_records(name, (lines.fault() or cells for cells in records))


def rows_of_records(name: str, records: Iterator[list[str] | DataError]) -> Iterator[SourceRow]:
    """Yield the rows of a table whose first record names the columns.

    Rows without any content are no rows.

    Raises
    ------
    DataError
        When the header is faulty, or two columns have one name. A row that is faulty, or has more
        cells than columns, is yielded as one.
    """
    first = next(records, [])
    if isinstance(first, DataError):
        raise first
    header = header_of(name, first)
    for number, cells in enumerate(records, 1):
        where = f"{name}, row {number}"
        if isinstance(cells, DataError):
            yield where, cells
            continue
        if is_blank(cells):
            continue
        beyond = [cell for cell in cells[len(header) :] if cell.strip()]
        if beyond:
            error = RowError(
                f"{where}: {len(cells)} cells, but the header names {len(header)}.",
                "Put a text that holds the separator in double quotes, or name the separator with "
                "`--delimiter`.",
                kind=("too many cells",),
                row=dict(zip(header, cells, strict=False)),
            )
            yield where, error
            continue
        missing: list[Any] = [None] * (len(header) - len(cells))
        yield where, dict(zip(header, [*cells, *missing], strict=False))


def is_blank(cells: Sequence[str]) -> bool:
    """Tell whether a record has no content, and so is no row."""
    # An empty text in quotes is the one cell of its row, and stays a row.
    return cells != [""] and not any(cell.strip() for cell in cells)


def cell_text(value: Any) -> str:
    """Return a value as a cell of a table: lists as JSON, what is missing or no number as ""."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | Mapping | bool):
        return json_text(value)
    return "" if is_missing(value) else str(value)


TSV = table_of("\t")
CSV = table_of(",")
