"""File formats of rows: a reader and a writer for each, one line in `FORMATS`."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from pet.errors import DataError
from pet.registry import Registry

# A row's place, for messages, and its columns; or what is wrong with it, if the rows after it can
# still be read.
SourceRow = tuple[str, Mapping[str, Any] | DataError]
Reader = Callable[[str, IO[bytes]], Iterator[SourceRow]]
RowWriter = Callable[[Mapping[str, Any]], object]
Writer = Callable[[IO[str], Sequence[str]], RowWriter]


@dataclass(frozen=True)
class Format:
    """A file format; files have the ending of its name in `FORMATS`.

    Parameters
    ----------
    read : callable
        Takes a file's name, for messages, and its byte stream; yields every row with its place. In
        the place of a row that cannot be read it yields a `DataError`, and goes on; it raises one
        when nothing after it can be read.
    writer : callable, optional
        Takes a text stream and the names of the columns; returns a function that writes a row.
        Without one, files of the format can only be read.
    is_nested : bool
        Whether a written cell may be a list, a mapping or None; otherwise all are texts.
    """

    read: Reader
    writer: Writer | None = None
    is_nested: bool = False


def decoded_lines(name: str, stream: IO[bytes]) -> Iterator[str]:
    """Yield the lines of a UTF-8 file.

    Raises
    ------
    DataError
        Names the first line that is not UTF-8.
    """
    for number, line in enumerate(stream, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}, line {number}: byte {error.start + 1} is not UTF-8.",
                "Convert the file, for example with: iconv -f latin1 -t utf-8.",
            ) from error


def read_json_lines(name: str, stream: IO[bytes]) -> Iterator[SourceRow]:
    """Yield the JSON object of every line; empty lines are skipped."""
    for number, line in enumerate(decoded_lines(name, stream), 1):
        if line.strip():
            where = f"{name}, row {number}"
            yield where, _json_object(where, line)


def _json_object(where: str, line: str) -> Mapping[str, Any] | DataError:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        return DataError(
            f"{where}: not JSON: {error.msg} at character {error.pos + 1}.",
            'Every line holds one JSON object, such as {"text": "..."}.',
        )
    if isinstance(row, dict):
        return row
    return DataError(f"{where}: expected a JSON object, found {row!r}.")


def json_lines_writer(stream: IO[str], columns: Sequence[str]) -> RowWriter:
    """Return a function that writes a row as a line of JSON."""
    return lambda row: stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def table_of(delimiter: str) -> Format:
    """Return the format of tables whose first line names the columns."""

    def read(name: str, stream: IO[bytes]) -> Iterator[SourceRow]:
        csv.field_size_limit(2**31 - 1)
        reader = csv.DictReader(decoded_lines(name, stream), delimiter=delimiter, strict=True)
        try:
            for number, row in enumerate(reader, 1):
                # DictReader collects cells beyond the header under None.
                beyond = row.pop(None, [])
                where = f"{name}, row {number}"
                if any(beyond):
                    yield (
                        where,
                        DataError(
                            f"{where}: {len(row) + len(beyond)} cells, but the header names "
                            f"{len(row)}.",
                            "Put a text that holds the separator in double quotes.",
                        ),
                    )
                    continue
                yield where, row
        except csv.Error as error:
            raise DataError(f"{name}, near line {reader.reader.line_num}: {error}.") from error

    def writer(stream: IO[str], columns: Sequence[str]) -> RowWriter:
        table = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        table.writerow(columns)
        return lambda row: table.writerow([_cell(row.get(name)) for name in columns])

    return Format(read, writer)


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


FORMATS: Registry[Format] = Registry(
    "formats",
    "file format",
    {
        "jsonl": Format(read_json_lines, json_lines_writer, is_nested=True),
        "csv": table_of(","),
        "tsv": table_of("\t"),
    },
    holds=Format,
)


def format_of(ending: str) -> Format | None:
    """Return the format of an ending such as ".csv"; None for an unknown ending."""
    return FORMATS.get(ending.lower().removeprefix("."))


def written_endings() -> list[str]:
    """Return the endings of formats that can be written."""
    return [f".{name}" for name, known in FORMATS.items() if known.writer is not None]
