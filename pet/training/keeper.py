"""Keepers: where snapshots of a training are kept, and when it is time for another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from pet.training.snapshot import Snapshot


class Keeper(Protocol):
    """Keeps the snapshots of jobs that are optimised together."""

    @property
    def every_steps(self) -> int:
        """Steps from one snapshot to the next."""

    @property
    def every_seconds(self) -> float | None:
        """Least seconds in between, and more where saving is slow.

        None does not look at the clock, and takes one after the last step too.
        """

    def read(self, count: int) -> Sequence[Snapshot] | None:
        """Read the snapshots of so many jobs; None where there are none of as many."""

    def write(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep a snapshot of every job."""


class Saver:
    """Saves when it is time, so that saving stays a small share.

    Parameters
    ----------
    keeper : Keeper
        Given the snapshots.
    take : callable
        Takes a snapshot of every job.
    step : int
        Steps that were done before.
    """

    def __init__(self, keeper: Keeper, take: Callable[[], list[Snapshot]], step: int) -> None:
        self._keeper, self._take = keeper, take
        self._saved = step
        self._due = time.perf_counter() + (keeper.every_seconds or 0.0)

    def after(self, step: int) -> None:
        """Save after this step, where it is time."""
        if step % self._keeper.every_steps == 0:
            self._save(step)

    def finish(self, step: int) -> None:
        """Save after the last step, where it is time."""
        if step > self._saved:
            self._save(step)

    def _save(self, step: int) -> None:
        start = time.perf_counter()
        if start < self._due:
            return
        self._keeper.write(self._take())
        end = time.perf_counter()
        least = self._keeper.every_seconds
        self._due = end if least is None else end + max(least, 20 * (end - start))
        self._saved = step
