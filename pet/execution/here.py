"""The executor of this process: one spec after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Self

from pet.execution.base import R, S, Worker
from pet.progress import Progress


class InProcess:
    """Executor that works on specs in order, each when its result is asked for."""

    def run(
        self, work: Worker[S, R], specs: Iterable[S], progress: Progress
    ) -> Iterator[tuple[S, R]]:
        """Yield each spec with its result; see `Executor.run`."""
        for spec in specs:
            yield spec, work(spec, progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing: there are no processes to end."""
