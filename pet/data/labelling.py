"""Files for people to fill in: rows as they were, with an empty label."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

from pet.data.examples import Columns, Example, examples_and_rows


def original_rows(
    examples: Sequence[Example], source: Any, columns: Columns, file_format: str | None = None
) -> list[Mapping[str, Any]]:
    """Return the first row of each example, with all its columns, from where it was read."""
    found: dict[tuple[str, ...], Mapping[str, Any]] = {}
    wanted = {example.key for example in examples}
    for example, row in examples_and_rows(source, columns, file_format):
        if example.key in wanted:
            found.setdefault(example.key, row)
            if len(found) == len(wanted):
                break
    return [found[example.key] for example in examples]


def write_unlabelled(
    stream: IO[str], rows: Iterable[Mapping[str, Any]], label_column: str, ending: str
) -> None:
    """Write rows with an empty label, as .jsonl, .csv or .tsv; `pet train` reads them once filled.

    Parameters
    ----------
    stream : text stream
        Where to.
    rows : iterable of mapping
        Their columns are kept, in order.
    label_column : str
        Emptied where it exists, else added as the last column.
    ending : {".jsonl", ".csv", ".tsv"}
        The format.
    """
    empty = [{**row, label_column: ""} for row in rows]
    if ending == ".jsonl":
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in empty)
        return
    names = list(dict.fromkeys(name for row in empty for name in row))
    names.sort(key=lambda name: name == label_column)
    table = csv.writer(stream, delimiter="\t" if ending == ".tsv" else ",", lineterminator="\n")
    table.writerow(names)
    table.writerows([_cell(row.get(name)) for name in names] for row in empty)


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)
