"""Columns found in a file whose task is not known: those of the texts, and that of the label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pet.data.formats.headers import column_called, counted_names, plain
from pet.errors import DataError

# Names that people give to these columns, the commonest first.
LABEL_NAMES = (
    "label", "labels", "class", "category", "target", "gold_label", "gold", "topic", "intent",
    "sentiment", "emotion", "rating", "stars", "tag", "y",
)  # fmt: skip
TEXT_NAMES = (
    "text", "sentence", "content", "body", "review", "message", "comment", "document", "tweet",
    "question", "utterance", "query", "description", "title", "x",
)  # fmt: skip
PAIR_NAMES = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("question1", "question2"),
    ("text_a", "text_b"),
    ("text1", "text2"),
    ("text", "text_b"),
    ("passage", "question"),
)
_LABEL_LENGTH = 60  # characters; what is longer is a text
_REPEATS = 2  # rows a label, on average, in a column of labels


@dataclass(frozen=True)
class FoundColumns:
    """Columns of texts, each by the name of its field, and the column of the label, if any."""

    texts: Mapping[str, str]
    label: str | None


def find_columns(
    file: str, rows: Sequence[Mapping[str, Any]], given: Mapping[str, str], needs_label: bool
) -> FoundColumns:
    """Find the columns of texts and label by their names, or else by what is in them.

    Parameters
    ----------
    file : str
        Name of the file, for messages.
    rows : sequence of mapping
        Its first rows, at least one.
    given : mapping
        Field (or "label") to the column that a person names for it. Named fields are all fields.
    needs_label : bool
        Whether there has to be a label.

    Raises
    ------
    DataError
        When a named column is missing, or no column, or several, may be the text or the label.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    for field, name in given.items():
        if column_called(name, columns) is None:
            raise DataError(
                f"{file}: no column {name!r}; found {counted_names(columns)}.",
                f"Name one of these with `--column {field}=COLUMN`.",
            )
    named = {field: str(column_called(name, columns)) for field, name in given.items()}
    texts = {field: name for field, name in named.items() if field != "label"}
    label = named.get("label") or _label(file, rows, columns, texts, needs_label)
    rest = [name for name in columns if name != label]
    return FoundColumns(texts or _texts(file, rows, rest), label)


def _label(
    file: str,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    texts: Mapping[str, str],
    needs_label: bool,
) -> str | None:
    free = [name for name in columns if name not in texts.values()]
    by_name = _called(LABEL_NAMES, free)
    if by_name is not None or not needs_label:
        return by_name
    known = {plain(name) for pair in PAIR_NAMES for name in pair} | set(TEXT_NAMES)
    likely = [name for name in free if plain(name) not in known and _may_be_label(rows, name)]
    if len(likely) == 1:
        return likely[0]
    found = "several columns may be" if likely else "no column looks like"
    raise DataError(
        f"{file}: {found} the label: {counted_names(likely or columns)}.",
        "Name it with `--column label=COLUMN`.",
    )


def _called(names: Sequence[str], columns: Sequence[str]) -> str | None:
    """Return the first of some names that is a column, however it is written."""
    found = (column_called(name, columns) for name in names)
    return next((column for column in found if column is not None), None)


def _cells(rows: Sequence[Mapping[str, Any]], column: str) -> list[Any]:
    cells = (row.get(column) for row in rows)
    return [cell for cell in cells if cell is not None and str(cell).strip()]


def _may_be_label(rows: Sequence[Mapping[str, Any]], column: str) -> bool:
    """Tell whether a column has few different short values, each of them several times."""
    cells = [str(cell).strip() for cell in _cells(rows, column)]
    different = set(cells)
    is_short = all(len(cell) <= _LABEL_LENGTH for cell in different)
    return is_short and len(different) > 1 and len(cells) >= _REPEATS * len(different)


def _texts(file: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> dict[str, str]:
    """Return the two texts of a pair whose columns have usual names, or the one text."""
    for pair in PAIR_NAMES:
        found = [column_called(name, columns) for name in pair]
        if None not in found:
            return dict(zip(pair, map(str, found), strict=True))
    by_name = _called(TEXT_NAMES, columns)
    if by_name is not None:
        return {"text": by_name}
    lengths = {name: _words(rows, name) for name in columns}
    longest = max(lengths, key=lambda name: lengths[name], default="")
    others = [length for name, length in lengths.items() if name != longest]
    # Ids, numbers and names are one word; a second column of sentences makes it a guess.
    if lengths.get(longest, 0) > 2 and lengths[longest] > 2 * max(others, default=0):
        return {"text": longest}
    raise DataError(
        f"{file}: which column is the text? Found {counted_names(columns)}.",
        "Name it with `--column text=COLUMN`; two texts with `--column NAME=COLUMN` for each.",
    )


def _words(rows: Sequence[Mapping[str, Any]], column: str) -> float:
    """Return the mean number of words in a column; 0 if it has other things than texts."""
    cells = _cells(rows, column)
    if not cells or not all(isinstance(cell, str) for cell in cells):
        return 0.0
    # In scripts without blanks a long cell is a text, too.
    return sum(max(len(cell.split()), len(cell) / 12) for cell in cells) / len(cells)
