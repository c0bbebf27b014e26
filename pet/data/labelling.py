"""Files for people to label: rows with all their columns and an empty label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

from pet.data.examples import Columns, Example, examples_and_rows
from pet.data.formats import format_of, written_endings
from pet.errors import DataError


def original_rows(
    examples: Sequence[Example], source: Any, columns: Columns, file_format: str | None = None
) -> list[Mapping[str, Any]]:
    """Read a source again; return the first row of each example, with all its columns."""
    rows: dict[tuple[str, ...], Mapping[str, Any]] = {}
    wanted = {example.key for example in examples}
    for example, row in examples_and_rows(source, columns, file_format):
        if example.key in wanted:
            rows.setdefault(example.key, row)
            if len(rows) == len(wanted):
                break
    return [rows[example.key] for example in examples]


def write_unlabelled(
    stream: IO[str], rows: Iterable[Mapping[str, Any]], label_column: str, ending: str
) -> None:
    """Write rows with an empty label; `pet train` reads the file once labels are filled in.

    Parameters
    ----------
    stream : text stream
        File that is written.
    rows : iterable of mapping
        Rows whose columns are kept, in order.
    label_column : str
        Column that is emptied, or added as the last one.
    ending : str
        Ending of a format that can be written, such as ".csv".

    Raises
    ------
    DataError
        When files with this ending cannot be written.
    """
    empty = [{**row, label_column: ""} for row in rows]
    names = list(dict.fromkeys(name for row in empty for name in row))
    names.sort(key=lambda name: name == label_column)
    known = format_of(ending)
    if known is None or known.writer is None:
        raise DataError(
            f"Files that end in {ending!r} cannot be written.",
            f"Choose one of: {', '.join(written_endings())}.",
        )
    write = known.writer(stream, names)
    for row in empty:
        write(row)
