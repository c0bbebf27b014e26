"""Documents: raw text for the training of a language model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pet.config.files import Reading, refuse_address
from pet.data.faults import read_errors
from pet.data.formats.base import Hints
from pet.data.formats.compression import decompressed
from pet.data.formats.decoding import decoded_lines, utf8_stream
from pet.data.formats.headers import column_called, counted_names
from pet.data.formats.known import format_name
from pet.data.readers import check_characters, rows_of
from pet.errors import DataError, quoted

# In characters, so that a file without blank lines is not one paragraph in memory.
_LONGEST_PARAGRAPH = 50_000


def documents_from(
    source: str | Path,
    column: str = "text",
    paragraphs: bool = False,
    reading: Reading | None = None,
) -> Iterator[str]:
    """Yield the documents of a file, as raw text; rows without text are skipped.

    Parameters
    ----------
    source : str or Path
        A .txt file with one document a line, a folder of such files, or a file of rows as
        `pet.data.examples_from` takes it; also compressed.
    column : str
        Column with the text.
    paragraphs : bool
        Whether blank lines, not ends of lines, separate the documents of a .txt file.
    reading : Reading, optional
        How the file is read; by default its name and contents tell.

    Raises
    ------
    DataError
        Names the first faulty row.
    """
    reading = reading or Reading()
    if format_name(str(source), reading.format) == "txt":
        lines = _lines(Path(source), reading)
        yield from filter(None, _paragraphs(lines) if paragraphs else lines)
        return
    for where, row in rows_of(source, Hints(((column,),), reading=reading)):
        name = column_called(column, row)
        if name is None:
            raise DataError(
                f"{where}: no column {column!r}; found {counted_names(row)}.",
                "Name the right column with `--column COLUMN`.",
            )
        text = "" if row[name] is None else row[name]
        if not isinstance(text, str):
            raise DataError(f"{where}, column {name!r}: expected text, found {quoted(text)}.")
        check_characters(where, name, text)
        if text := text.strip():
            yield text


def _lines(path: Path, reading: Reading) -> Iterator[str]:
    refuse_address(str(path))
    with (
        read_errors(path),
        path.open("rb") as stream,
        decompressed(path.name, stream) as (_, plain),
    ):
        text = utf8_stream(str(path), plain, reading.encoding)
        yield from map(str.strip, decoded_lines(str(path), text))


def _paragraphs(lines: Iterator[str]) -> Iterator[str]:
    """Join lines up to a blank one."""
    joined: list[str] = []
    length = 0
    for line in lines:
        joined += [line] if line else []
        length += len(line) + 1
        if not line or length >= _LONGEST_PARAGRAPH:
            yield " ".join(joined)
            joined, length = [], 0
    yield " ".join(joined)
