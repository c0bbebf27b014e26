"""Rows, read from files, standard input and Hugging Face data sets, each with its place."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from pet.config.files import Reading, refuse_address
from pet.data.exports import plain_row
from pet.data.faults import OnFault, Row, read_errors, rows_read
from pet.data.folders import folder_rows
from pet.data.formats.base import Format, Hints, SourceRow
from pet.data.formats.class_names import class_names, named_row
from pet.data.formats.compression import COMPRESSED, decompressed
from pet.data.formats.decoding import utf8_stream
from pet.data.formats.headers import column_called
from pet.data.formats.known import FORMATS, format_name
from pet.data.hub import hub_dataset
from pet.data.kept_input import STANDARD_INPUT, is_kept
from pet.data.label_studio_tables import LabelStudioTable
from pet.data.tables import unformatted
from pet.errors import DataError, quoted


def rows_of(
    source: Any, hints: Hints | None = None, on_fault: OnFault | None = None
) -> Iterator[Row]:
    """Yield the rows of a file, standard input ("-"), a data set or a list, with their places.

    Parameters
    ----------
    source : str, Path or iterable
        Source as in `pet.data.examples_from`.
    hints : Hints, optional
        Columns that are looked for, and how a file is read. Class numbers of a data set in the
        label column are replaced by their names.
    on_fault : callable, optional
        Called with every `Fault`: a row that cannot be read, though those after it can.

    Raises
    ------
    DataError
        Names the first faulty row; with ``on_fault`` the place after which nothing can be read.
    """
    return rows_read(_source_rows(source, hints or Hints()), on_fault)


def _source_rows(source: Any, hints: Hints) -> Iterator[SourceRow]:
    if isinstance(source, str) and source.startswith("hf:"):
        source = hub_dataset(source)
    if not isinstance(source, str | Path):
        return _object_rows(source, hints.label)
    if str(source) == "-":
        return _stream_rows("standard input", STANDARD_INPUT, standard_input(), hints)
    return _file_rows(source, hints)


def standard_input() -> IO[bytes]:
    """Return standard input as bytes.

    Raises
    ------
    DataError
        When it is closed, as by ``<&-`` or in some containers.
    """
    if sys.stdin is None:
        raise DataError("Standard input is closed.", "Open it, or name a file.")
    return sys.stdin.buffer


def _file_rows(source: str | Path, hints: Hints) -> Iterator[SourceRow]:
    path = Path(source)
    refuse_address(str(source))
    with read_errors(path):
        if is_kept(str(source)):
            with path.open("rb") as stream:
                yield from _stream_rows("standard input", STANDARD_INPUT, stream, hints)
            return
        if path.is_dir():
            yield from folder_rows(path, hints)
            return
        with path.open("rb") as stream:
            yield from _stream_rows(str(path), path.name, stream, hints)


def _stream_rows(name: str, file: str, stream: IO[bytes], hints: Hints) -> Iterator[SourceRow]:
    """Yield the rows of a stream; ``file`` is the name that tells its format."""
    with decompressed(file, stream) as (inner, plain):
        known = _format_of(name, inner, hints.reading)
        with ExitStack() as stack:
            if known.is_binary:
                readable = stack.enter_context(_seekable(plain, is_plain=plain is stream))
            else:
                readable = utf8_stream(name, plain, hints.reading.encoding)
            table = LabelStudioTable(hints)
            for where, row in known.rows(name, readable, hints):
                if isinstance(row, DataError):
                    yield where, row
                else:
                    yield where, table.row(where, plain_row(row, hints))


def _format_of(name: str, file: str, reading: Reading) -> Format:
    is_stdin = file.endswith(STANDARD_INPUT)
    known = FORMATS.get(format_name(file, reading.format or ("jsonl" if is_stdin else None)))
    if known is None:
        endings = ", ".join(f".{ending}" for ending in FORMATS)
        raise DataError(
            f"{name}: expected a file that ends in {endings} (also with {', '.join(COMPRESSED)}).",
            "Convert it, or say what is in it with `--format`.",
        )
    return known


@contextmanager
def _seekable(stream: IO[bytes], is_plain: bool) -> Iterator[IO[bytes]]:
    """Yield a stream in which places can be sought: itself, or a copy in a temporary file."""
    if is_plain and stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy)
        copy.seek(0)
        yield copy


def _object_rows(source: Any, label: str) -> Iterator[SourceRow]:
    if not isinstance(source, Iterable):
        raise DataError(f"Expected a file name or rows, found {quoted(source)}.")
    source = unformatted(source)
    features = getattr(source, "features", None) or {}
    column = column_called(label, features) if hasattr(features, "get") else None
    names = None if column is None else class_names(features[column])
    for number, row in enumerate(source, 1):
        if not isinstance(row, Mapping):
            error = f"Row {number}: expected a mapping of columns, found {quoted(row)}."
            yield f"row {number}", DataError(error, kind=("no mapping",))
            continue
        if names and column is not None:
            row = named_row(f"row {number}", row, {column: names})
        yield f"row {number}", row


def check_characters(where: str, column: str, text: str) -> None:
    """Refuse text that cannot be written as UTF-8.

    Raises
    ------
    DataError
        Names the place, the column and the character.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{where}, column {column!r}: character {error.start + 1} is half of a surrogate pair.",
            "Text was cut inside a character, such as an emoji; repair it or remove the row.",
            kind=("half a character", column),
        ) from error
