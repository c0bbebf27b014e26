"""Files of rows that are written: opened by name, row by row, closed at the end.

`written_format` says early whether a name can be written; `rows_writer` then writes.

>>> import io
>>> stream = io.StringIO()
>>> with rows_writer(stream, "labelled.csv", ["text", "label"]) as write:
...     _ = write({"text": "Good, really", "label": "positive"})
>>> print(stream.getvalue(), end="")
text,label
"Good, really",positive
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from pet.data.formats.base import Format, RowWriter
from pet.data.formats.compression import compressing, uncompressed_name
from pet.data.formats.known import FORMATS, format_named
from pet.errors import UsageError


def written_endings() -> list[str]:
    """Return the endings of formats that can be written."""
    return [f".{name}" for name, known in FORMATS.items() if known.writer is not None]


def written_format(output: str, option: str = "-o") -> Format:
    """Return the format in which a file of this name is written; "-" is JSON lines.

    Raises
    ------
    UsageError
        When such files cannot be written; ``option`` is what named it.
    """
    known = format_named("rows.jsonl" if output == "-" else output)
    if known is None or known.writer is None:
        raise UsageError(
            f"{option} {output}: expected a name that ends in {', '.join(written_endings())} "
            "(also with .gz, .bz2, .xz, .zst or .zip), or - ."
        )
    return known


@contextmanager
def rows_writer(stream: IO[str], output: str, columns: Sequence[str]) -> Iterator[RowWriter]:
    """Yield a function that writes a row, a mapping of columns to values.

    What the file needs at its end is written at the end of the block, also where the block ends in
    an error, so that the rows before it can be read. The stream itself is not closed.

    Parameters
    ----------
    stream : text stream
        The file, opened to be written as UTF-8. What is binary or compressed goes to its
        ``buffer``.
    output : str
        The file's name, which tells its format and compression; "-" is JSON lines.
    columns : sequence of str
        Columns in their order. Formats that are ``is_nested`` write every row's own columns.
    """
    known = written_format(output)
    assert known.writer is not None
    if not known.is_binary and uncompressed_name(output) == output:
        with _closing(known.writer(stream, columns)) as write:
            yield write
        return
    stream.flush()
    with compressing(output, stream.buffer) as inner:  # type: ignore[attr-defined]
        if known.is_binary:
            with _closing(known.writer(inner, columns)) as write:
                yield write
        else:
            # Half a character, as a cut emoji is, cannot be UTF-8: it is written as JSON does.
            text = io.TextIOWrapper(inner, "utf-8", "backslashreplace", newline="")
            try:
                with _closing(known.writer(text, columns)) as write:
                    yield write
            finally:
                text.detach()


@contextmanager
def _closing(write: RowWriter) -> Iterator[RowWriter]:
    try:
        yield write
    finally:
        close = getattr(write, "close", None)
        if close is not None:
            close()
