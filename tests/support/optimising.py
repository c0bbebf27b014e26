"""One job optimised, and a keeper that keeps snapshots in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from pet.device import Compute
from pet.training import Fit, Group, Job, Loss, Schedule, optimise
from pet.training.snapshot import Snapshot


def optimise_one(
    groups: Sequence[Group],
    losses: Iterator[Loss],
    schedule: Schedule,
    compute: Compute,
    evaluate: Callable[[], float] | None = None,
    **more: Any,
) -> Fit:
    """Optimise one job."""
    (fit,) = optimise([Job(groups, losses, "job", evaluate)], schedule, compute, **more)
    return fit


class Memory:
    """Keeps copies of all snapshots of one job, and gives one to go on from."""

    every_steps = 1

    def __init__(self, resume: Snapshot | None = None, every_seconds: float | None = None) -> None:
        self.resume = resume
        self.every_seconds = every_seconds
        self.taken: list[Snapshot] = []

    def read(self, count: int) -> Sequence[Snapshot] | None:
        """Give the snapshot to go on from."""
        return None if self.resume is None else [self.resume]

    def write(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep a copy."""
        self.taken += deepcopy(list(snapshots))
