"""Columns found in a file whose task is not known: those of the texts, and that of the label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pet.data.formats.headers import column_called, counted_names, plain
from pet.errors import DataError

# Names that people give to these columns, the commonest first. Sure names are nothing else.
SURE_LABEL_NAMES = ("label", "labels", "gold_label", "gold", "target", "class")
LABEL_NAMES = (
    "category", "topic", "intent", "sentiment", "emotion", "rating", "stars", "tag", "y",
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
    if not all(isinstance(name, str) for name in columns):
        raise DataError(
            f"{file}: columns must have names, found {counted_names(columns)}.",
            "Call them text and label.",
        )
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
    sure = _called(SURE_LABEL_NAMES, free)
    if sure:
        return sure[0]
    named = [name for name in _called(LABEL_NAMES, free) if _may_be_label(rows, name)]
    if len(named) == 1 or not needs_label:
        return next(iter(named), None)
    known = {plain(name) for pair in PAIR_NAMES for name in pair} | set(TEXT_NAMES)
    others = [name for name in free if plain(name) not in known and _may_be_label(rows, name)]
    likely = named or others
    if len(likely) == 1:
        return likely[0]
    found = "several columns may be" if likely else "no column looks like"
    raise DataError(
        f"{file}: {found} the label: {counted_names(likely or columns)}.",
        "Name it with `--column label=COLUMN`.",
    )


def _called(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Return the columns that have one of some names, in the order of the names."""
    found = (column_called(name, columns) for name in names)
    return [column for column in found if column is not None]


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
    lengths = {name: _words(rows, name) for name in columns}
    most = max(lengths.values(), default=0.0)
    # A usual name is believed where there are texts: not of titles, nor of a column hardly used.
    named = [name for name in _called(TEXT_NAMES, columns) if lengths[name] >= most / 2]
    if named and most > 0:
        return {"text": named[0]}
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
    """Return the mean number of words of a row in a column; 0 if it has other things than texts."""
    cells = _cells(rows, column)
    if not cells or not all(isinstance(cell, str) for cell in cells):
        return 0.0
    # In scripts without blanks a long cell is a text, too.
    return sum(max(len(cell.split()), len(cell) / 12) for cell in cells) / len(rows)
