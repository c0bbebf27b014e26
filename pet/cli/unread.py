"""Rows that could not be read: counted and told at the end, or the first one is raised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from pet.data import Fault
from pet.errors import DataError

T = TypeVar("T")


class Unread:
    """Count of the rows that could not be read, and the first of them.

    Parameters
    ----------
    on_error : {"stop", "skip", "null"}
        What becomes of such rows.
    """

    def __init__(self, on_error: str) -> None:
        self._on_error = on_error
        self._first: DataError | None = None
        self.count = 0

    def is_last(self, fault: Fault) -> bool:
        """Tell whether no row after this one is labelled."""
        return self._on_error == "stop" or fault.is_end

    def up_to_the_last(self, rows: Iterable[T | Fault]) -> Iterator[T | Fault]:
        """Yield rows up to the fault after which none is labelled, and read no further."""
        for row in rows:
            yield row
            if isinstance(row, Fault) and self.is_last(row):
                return

    def add(self, fault: Fault) -> None:
        """Count a row after which others are labelled."""
        self._first = self._first or fault.error
        self.count += 1

    def stopped(self, fault: Fault, written: int) -> DataError:
        """Return the error for a row after which none is labelled; ``written`` are before it."""
        told = []
        if written:
            told.append("1 row is written." if written == 1 else f"{written:,} rows are written.")
        if not fault.is_end:
            told.append("To go on after rows that cannot be read, give `--on-error skip` or null.")
        return DataError(fault.error.message, " ".join(told) or None)

    def told(self, labelled: int) -> str | None:
        """Return a line about the rows that could not be read, None if there are none.

        Raises
        ------
        DataError
            When no row was labelled.
        """
        if self._first is None:
            return None
        if not labelled:
            what = "The only row could not be read:"
            if self.count > 1:
                what = f"None of {self.count:,} rows could be read; the first:"
            raise DataError(f"{what}\n{self._first.message}")
        rows = "1 row" if self.count == 1 else f"{self.count:,} rows"
        what = "left out" if self._on_error == "skip" else "without a label"
        return f"{rows} could not be read and are {what}; the first:\n{self._first.message}"
