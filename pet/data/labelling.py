"""Files for people to label: rows with all their columns and an empty label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

from pet.config.files import Reading
from pet.data.example import Example
from pet.data.examples import Columns, examples_and_rows
from pet.data.formats.headers import column_called
from pet.data.formats.writing import rows_writer


def original_rows(
    examples: Sequence[Example], source: Any, columns: Columns, reading: Reading | None = None
) -> list[Mapping[str, Any]]:
    """Read a source again; return the first row of each example, with all its columns."""
    rows: dict[tuple[str, ...], Mapping[str, Any]] = {}
    wanted = {example.key for example in examples}
    for example, row in examples_and_rows(source, columns, reading):
        if example.key in wanted:
            rows.setdefault(example.key, row)
            if len(rows) == len(wanted):
                break
    return [rows[example.key] for example in examples]


def write_unlabelled(
    stream: IO[str],
    rows: Iterable[Mapping[str, Any]],
    label_column: str,
    output: str,
    unlabelled: str = "",
) -> None:
    """Write rows without their labels; `pet train` reads the file once these are filled in.

    Parameters
    ----------
    stream : text stream
        File that is written.
    rows : iterable of mapping
        Rows whose columns are kept, in order.
    label_column : str
        Column that is emptied, or added as the last one.
    output : str
        Name of the file, which tells its format.
    unlabelled : str
        Cell of a text that is not labelled yet, as the task's `Kind` says.

    Raises
    ------
    UsageError
        When files of this name cannot be written.
    """
    empty = [
        {**row, (column_called(label_column, row) or label_column): unlabelled} for row in rows
    ]
    names = list(dict.fromkeys(name for row in empty for name in row))
    names.sort(key=lambda name: column_called(label_column, [name]) is not None)
    with rows_writer(stream, output, names) as write:
        for row in empty:
            write(row)
