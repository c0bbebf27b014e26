"""Outcomes of many cases, counted, and the cases that must not be."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

MOST_SHOWN = 20


@dataclass
class Tally:
    """Counts of outcomes by kind of case, and every failure with how to see it again.

    Parameters
    ----------
    part : str
        Name of the part, such as "patterns".
    """

    part: str
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    ended: float | None = None

    def count(self, kind: str, outcome: str, number: int = 1) -> None:
        """Count cases that ended as they may."""
        self.counts[kind, outcome] += number

    def fail(self, kind: str, outcome: str, reproduction: str) -> None:
        """Count a case that ended as none may; keep how to see it again."""
        self.counts[kind, f"FAILED: {outcome}"] += 1
        self.failures.append(f"{kind}: {outcome}\n    {reproduction}")

    def end(self) -> Tally:
        """Stop the clock."""
        self.ended = time.monotonic()
        return self

    @property
    def total(self) -> int:
        """Number of cases."""
        return sum(self.counts.values())

    def _different(self) -> list[str]:
        """Return the failures, first one of every kind."""
        first: dict[str, str] = {}
        for failure in self.failures:
            first.setdefault(failure.split("\n")[0], failure)
        rest = [failure for failure in self.failures if failure not in {*first.values()}]
        return [*first.values(), *rest]

    def table(self) -> str:
        """Return the counts as a table, with failures below it."""
        seconds = (self.ended or time.monotonic()) - self.begun
        lines = [f"{self.part}: {self.total:,} cases, {seconds:,.0f} s"]
        rows = sorted(self.counts.items(), key=lambda row: (row[0][0], -row[1]))
        width = max((len(kind) for (kind, _), _ in rows), default=0)
        lines += [f"  {kind:{width}}  {number:>9,}  {outcome}" for (kind, outcome), number in rows]
        lines += [f"  ! {failure}" for failure in self._different()[:MOST_SHOWN]]
        if len(self.failures) > MOST_SHOWN:
            lines.append(f"  ! and {len(self.failures) - MOST_SHOWN} more")
        return "\n".join(lines)
