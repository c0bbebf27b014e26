"""Text files: a table, labelled lines as fastText takes them, or a text a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

from pet.data.formats.base import Format, Hints, SourceRow
from pet.data.formats.decoding import lines_or_faults
from pet.data.formats.delimited import table_rows
from pet.data.formats.delimiters import Lines, delimiter_of
from pet.data.formats.headers import column_called

_LABELS = re.compile(r"\s*((?:__label__\S+\s+)+)")


def read_text(name: str, stream: IO[bytes], hints: Hints) -> Iterator[SourceRow]:
    """Yield the rows of a text file.

    It is a table if its first line names the columns of the texts; otherwise every line is a text,
    and words such as ``__label__positive`` at its beginning are its labels.
    """
    lines = Lines(lines_or_faults(name, stream))
    if _is_table(lines, hints):
        yield from table_rows(name, lines, "\t", hints)
        return
    column = hints.texts[0][0] if len(hints.texts) == 1 else "text"
    for number, line in enumerate(lines, 1):
        fault = lines.fault()
        if fault is not None:
            yield f"{name}, line {number}", fault
            continue
        match = _LABELS.match(line)
        text = line[match.end() :].strip() if match else line.strip()
        if not text and not match:
            continue
        labels = [word.removeprefix("__label__") for word in match[1].split()] if match else []
        row = {column: text, hints.label: labels} if match else {column: text}
        yield f"{name}, line {number}", row


def _is_table(lines: Lines, hints: Hints) -> bool:
    header = (lines.peek(0) or "").rstrip("\r\n")
    if hints.reading.delimiter is not None or header.startswith("sep="):
        return True
    if hints.needs_labels:  # which texts alone do not have
        return _LABELS.match(header) is None
    delimiter = delimiter_of("\t", lines, hints)
    cells = [cell.strip().strip('"') for cell in header.split(delimiter)]
    found = [any(column_called(name, cells) is not None for name in names) for names in hints.texts]
    return bool(found) and all(found)


TEXT = Format(read_text, takes_hints=True)
