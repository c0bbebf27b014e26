"""The interface between the work to do and the place where it is done.

Members, folds, generations, study cells and shards of a pool are specs: values with everything that
their result depends on. A spec names its backbone and its data. It holds neither a model nor an
open file, so an executor can send it to another process, or to another machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, Self, TypeVar

from pet.progress import Progress


class Spec(Protocol):
    """A picklable value that alone determines its result."""

    @property
    def name(self) -> str:
        """Name for progress and messages."""


S = TypeVar("S", bound=Spec)
R = TypeVar("R")
Worker = Callable[[S, Progress], R]


class Executor(Protocol):
    """A place where specs are worked on; the first error stops the rest."""

    def run(
        self, work: Worker[S, R], specs: Iterable[S], progress: Progress
    ) -> Iterator[tuple[S, R]]:
        """Yield each spec with ``work(spec, progress)``.

        Results come as they are ready. Specs are read from their iterable a few ahead at most, so
        that specs with texts can be made from a pool of any size.

        Parameters
        ----------
        work : callable
            Function at a module's top level; takes a spec and a progress callback.
        specs : iterable of Spec
            Specs, the most urgent first.
        progress : callable
            Receives the events of every stage; see `pet.progress`.

        Raises
        ------
        RunError
            When a worker process was killed, as by a system short of memory.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...
