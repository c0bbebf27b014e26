"""Columns by their names, however people write them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pet.errors import DataError, quoted


def column_called(name: str, columns: Iterable[str]) -> str | None:
    """Return the column of this name, or the only one that differs by case and outer blanks."""
    columns = list(columns)
    if name in columns:
        return name
    alike = [column for column in columns if plain(column) == plain(name)]
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


def counted_names(names: Iterable[object]) -> str:
    """Return names for a message: the first twenty, each cut to a length that can be read."""
    shown = list(names)
    listed = ", ".join(quoted(name) for name in shown[:20])
    return f"{listed} and {len(shown) - 20} more" if len(shown) > 20 else listed or "nothing"
