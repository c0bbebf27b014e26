"""Class numbers of Hugging Face: the names that a feature gives them, in place of the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any

from pet.data.formats.headers import counted_names
from pet.errors import DataError


def class_names(feature: Any) -> Sequence[str] | None:
    """Return the names of class numbers, or of lists of them; None for another feature.

    Parameters
    ----------
    feature : object
        A feature of `datasets`, or what it writes of one into the schema of a file.
    """
    if isinstance(feature, list):  # so earlier versions write lists
        return class_names(feature[0]) if len(feature) == 1 else None
    told = feature if isinstance(feature, Mapping) else getattr(feature, "__dict__", {})
    if "feature" in told:  # lists have the names one level deeper
        return class_names(told["feature"])
    names = told.get("names")
    return names if isinstance(names, list) else None


def named_row(
    where: str, row: Mapping[str, Any], names_of: Mapping[str, Sequence[str]]
) -> Mapping[str, Any] | DataError:
    """Return a row with names in place of class numbers, or what is wrong with it.

    Parameters
    ----------
    where : str
        Place of the row, for messages.
    row : mapping
        Column name to value.
    names_of : mapping
        Column of class numbers to their names.
    """
    try:
        found = {
            column: _named(where, column, row[column], names)
            for column, names in names_of.items()
            if column in row
        }
    except DataError as error:
        return error
    return {**row, **found}


def _named(where: str, column: str, value: Any, names: Sequence[str]) -> Any:
    """Return the name of a class number, or of each in a list; None for -1."""
    if hasattr(value, "tolist"):  # a number or an array of numpy or torch
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_named(where, column, one, names) for one in value]
    if isinstance(value, str) or not hasattr(value, "__index__"):
        return value
    number = index(value)
    if number >= len(names):
        raise DataError(
            f"{where}, column {column!r}: no class has the number {number}; there are "
            f"{len(names)}, from 0 on: {counted_names(names)}.",
            "Correct the number or remove the row.",
            kind=("class number", column),
        )
    return names[number] if number >= 0 else None
