"""Rows that could not be read: counted and told at the end, or one that stops is raised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from pet.data import Fault
from pet.data.fault_counts import FaultCounts
from pet.errors import DataError

T = TypeVar("T")


class Unread:
    """Rows that could not be read, counted by what is wrong with them.

    Parameters
    ----------
    on_error : {"stop", "skip", "null"}
        What becomes of such rows.
    source : str
        Name of the input, which places of rows are told without.
    """

    def __init__(self, on_error: str, source: str) -> None:
        self._on_error = on_error
        self._counts = FaultCounts(source)

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
        self._counts.add(fault)

    def stopped(self, fault: Fault, written: int) -> DataError:
        """Return the error for a row after which none is labelled; ``written`` are before it."""
        told = []
        if written:
            told.append("1 row is written." if written == 1 else f"{written:,} rows are written.")
        if not fault.is_end:
            told.append("To go on after rows that cannot be read, give `--on-error skip` or null.")
        return DataError(fault.error.message, " ".join(told) or None)

    def told(self, labelled: int) -> str | None:
        """Return lines about the rows that could not be read, None if there are none.

        Raises
        ------
        DataError
            When no row was labelled.
        """
        count = self._counts.rows
        if not count:
            return None
        rows = "1 row" if count == 1 else f"{count:,} rows"
        lines = "\n".join(self._counts.by_kind())
        if not labelled:
            whole = "The only row" if count == 1 else f"None of {rows}"
            raise DataError(f"{whole} could {'not ' * (count == 1)}be read:\n{lines}")
        what = "left out" if self._on_error == "skip" else "without a label"
        return f"{rows} could not be read and {'is' if count == 1 else 'are'} {what}:\n{lines}"
