"""Tables of other libraries, as plain rows and columns: pandas, polars, pyarrow, Hugging Face."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import index
from typing import Any

import numpy as np

from pet.errors import DataError, quoted

_ROWS_AT_ONCE = 1024


def column_names(table: Any) -> list[Any] | None:
    """Return the names of a table's columns; None for what is no table."""
    for name in ("column_names", "columns"):  # pyarrow's and Hugging Face's, or pandas' and polars'
        names = getattr(table, name, None)
        if names is not None and not callable(names) and not isinstance(names, str):
            return list(names)
    return None


def plain_rows(rows: Any) -> Iterable[Any]:
    """Return rows as an iterable of texts, mappings or tuples, whatever library holds them.

    Raises
    ------
    DataError
        When there is one row instead of several, a data set with several splits, or no rows at all.
    """
    if isinstance(rows, Mapping) and any(column_names(split) for split in rows.values()):
        name = next(iter(rows))
        raise DataError(
            f"Expected one data set, found the splits {', '.join(map(repr, rows))}.",
            f"Choose a split: [{name!r}].",
        )
    if isinstance(rows, str | bytes | Mapping):
        raise DataError(f"Expected a list of texts, found one: {quoted(rows)}.", "Write [text].")
    if hasattr(rows, "toarray"):
        raise DataError("Expected texts, found a sparse matrix.", "Give the texts themselves.")
    rows = unformatted(rows)
    if hasattr(rows, "iter_rows"):  # polars
        return rows.iter_rows(named=True)  # type: ignore[no-any-return]
    if hasattr(rows, "to_pylist"):  # pyarrow
        return _in_batches(len(rows), lambda start: rows.slice(start, _ROWS_AT_ONCE).to_pylist())
    if hasattr(rows, "iloc") and hasattr(rows, "columns"):  # pandas
        return _in_batches(
            len(rows), lambda start: rows.iloc[start : start + _ROWS_AT_ONCE].to_dict("records")
        )
    if hasattr(rows, "__array__") and not hasattr(rows, "__iter__"):
        rows = np.asarray(rows)
    if not isinstance(rows, Iterable) or getattr(rows, "ndim", 1) == 0:
        kind = type(rows).__name__
        collect = "Write X.collect()." if hasattr(rows, "collect") else None  # polars' LazyFrame
        raise DataError(f"Expected a list of texts or a table, found one {kind}.", collect)
    return rows


def _in_batches(count: int, batch: Callable[[int], list[Any]]) -> Iterator[Any]:
    """Yield ``count`` rows; only those of one batch, which starts at a row, are in memory."""
    for start in range(0, count, _ROWS_AT_ONCE):
        yield from batch(start)


def unformatted(rows: Any) -> Any:
    """Return a Hugging Face data set whose rows are plain Python, whatever `with_format` chose.

    A transform of the user's own stays: it may make the columns that are read.
    """
    if not hasattr(rows, "with_format") or not hasattr(rows, "features"):
        return rows
    chosen = getattr(rows, "format", None) or {}
    return rows if chosen.get("type") == "custom" else rows.with_format(None)


def plain_column(values: Any) -> Any:
    """Return a column of labels: a table's only column, class numbers as whole numbers or None.

    Raises
    ------
    DataError
        When a table has several columns.
    """
    names = column_names(values)
    if names is not None:
        if len(names) != 1:
            found = ", ".join(map(repr, names[:10])) or "none"
            raise DataError(f"Expected one column of labels, found {found}.", "Choose one.")
        values = values[names[0]]
    if class_names(values) is not None:
        return [None if value is None or index(value) < 0 else index(value) for value in values]
    return values.to_pylist() if hasattr(values, "to_pylist") else values


def class_names(values: Any) -> Sequence[str] | None:
    """Return the names of a Hugging Face column of class numbers; None for other columns."""
    feature = getattr(values, "features", None)
    return None if isinstance(feature, Mapping) else getattr(feature, "names", None)
