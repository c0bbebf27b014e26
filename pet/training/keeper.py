"""Keepers store the snapshots of a training; a saver decides when to take one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from pet.training.snapshot import Snapshot


class Keeper(Protocol):
    """Storage for the snapshots of jobs that are optimised together."""

    @property
    def every_steps(self) -> int:
        """Steps between snapshots."""

    @property
    def every_seconds(self) -> float | None:
        """Least seconds between snapshots; more if saving is slow.

        With None the steps alone decide, and one more snapshot follows the last step.
        """

    def read(self, count: int) -> Sequence[Snapshot] | None:
        """Read the snapshots of ``count`` jobs; None if there are none of as many."""

    def write(self, snapshots: Sequence[Snapshot]) -> None:
        """Store one snapshot of every job."""


class Saver:
    """Timer of saves: they take a small share of the time.

    Parameters
    ----------
    keeper : Keeper
        Stores the snapshots, and says how often.
    take : callable
        Takes one snapshot of every job.
    step : int
        Steps done before this training began or went on.
    """

    def __init__(self, keeper: Keeper, take: Callable[[], list[Snapshot]], step: int) -> None:
        self._keeper, self._take = keeper, take
        self._saved = step
        self._due = time.perf_counter() + (keeper.every_seconds or 0.0)

    def after(self, step: int) -> None:
        """Save after this step, if a save is due."""
        if step % self._keeper.every_steps == 0:
            self._save(step)

    def finish(self, step: int) -> None:
        """Save after the last step, if it is not saved and a save is due."""
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
