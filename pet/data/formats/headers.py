"""Columns by their names, however people write them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from pet.errors import DataError, quoted


def column_called(name: str, columns: Collection[str]) -> str | None:
    """Return the column of this name, or the only one that differs by case and outer blanks."""
    if name in columns:
        return name
    return _alike(name, tuple(columns))


@lru_cache(maxsize=256)  # the rows of a file have the same columns
def _alike(name: str, columns: tuple[str, ...]) -> str | None:
    # In Python a column may be called by a number.
    texts = [column for column in columns if isinstance(column, str)]
    alike = [column for column in texts if plain(column) == plain(name)]
    return alike[0] if len(alike) == 1 else None


def plain(column: str) -> str:
    """Return a column's name without what people do not see: case, outer blanks, a BOM."""
    return column.strip("\ufeff \t\r\n\xa0").casefold()


def header_of(name: str, cells: Sequence[str]) -> list[str]:
    """Return the names of a table's columns; unnamed ones at the end are no columns.

    Raises
    ------
    DataError
        When two columns have one name.
    """
    names = list(cells)
    while names and not names[-1].strip():
        names.pop()
    seen: set[str] = set()
    for place, column in enumerate(names):
        if column in seen and column.strip():
            raise DataError(
                f"{name}: the header names the column {quoted(column)} twice.",
                "Rename one of them.",
            )
        if column in seen:
            names[place] = f"column {place + 1}"
        seen.add(column)
    return names


def counted_names(names: Iterable[object], most: int = 200) -> str:
    """Return names for a message: as many as have room, and the number of the others."""
    listed = [quoted(name, 60) for name in names]
    shown = 0
    for name in listed:
        most -= len(name) + 2
        shown += most > 0 or shown == 0
    others = f" and {len(listed) - shown} more" if len(listed) > shown else ""
    return ", ".join(listed[:shown]) + others or "nothing"
