"""Faults: rows that cannot be read, each with its place and what is wrong."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pet.data.formats.base import RowError
from pet.data.formats.compression import DAMAGED
from pet.errors import DataError

T = TypeVar("T")
Row = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot be read, or cannot become an example.

    Parameters
    ----------
    where : str
        Place of the row, for messages.
    error : DataError
        The fault; its message names the place, too.
    row : mapping
        Columns of the row; empty if even these could not be read.
    is_end : bool
        Whether nothing after it can be read, as in a damaged file.
    """

    where: str
    error: DataError
    row: Mapping[str, Any] = field(default_factory=dict)
    is_end: bool = False


OnFault = Callable[[Fault], object]


def rows_read(
    rows: Iterator[tuple[str, Mapping[str, Any] | DataError]], on_fault: OnFault | None = None
) -> Iterator[Row]:
    """Yield the rows that could be read.

    Parameters
    ----------
    rows : iterator of (str, mapping or DataError)
        Every row with its place, as a format's reader yields it: its columns, or what is wrong.
    on_fault : callable, optional
        Called with each row that could not be read, before the row after it is yielded. Without
        it the first fault is raised.

    Raises
    ------
    DataError
        When the file cannot be read any further, or at the first fault.
    """
    for where, row in rows:
        if not isinstance(row, DataError):
            yield where, row
        elif on_fault is None:
            raise row
        else:
            on_fault(Fault(where, row, row.row if isinstance(row, RowError) else {}))


@contextmanager
def read_errors(path: Path) -> Iterator[None]:
    """Turn errors of a file that is read into a `DataError` that names it."""
    try:
        yield
    except gzip.BadGzipFile as error:
        raise DataError(
            f"{path}: this is no gzip file, though its name says so, or it is damaged.",
            "If it is not compressed, take .gz off its name; else copy it again.",
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except DAMAGED as error:
        raise DataError(f"{path}: the compressed file is damaged: {error}.") from error


def with_faults(read: Callable[[OnFault], Iterator[T]]) -> Iterator[T | Fault]:
    """Yield what is read, and every row that cannot be read in its place among the others.

    Nothing is raised: a place after which nothing can be read is a fault too, and the last one.

    Parameters
    ----------
    read : callable
        Takes ``on_fault`` and returns an iterator that calls it as `rows_read` does.
    """
    told: list[Fault] = []
    items = read(told.append)
    try:
        for item in items:
            yield from told
            told.clear()
            yield item
    except DataError as error:
        told.append(Fault("", error, is_end=True))
    yield from told
