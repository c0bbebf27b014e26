"""The interface between what is to be done and where it is done.

Members, folds, generations, study cells and shards of a pool are specs: values that say everything
their result depends on. A spec names its backbone and its data and holds neither a model nor an
open file, so that it can be sent to another process, or to another machine by an executor that is
not written yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, Self, TypeVar

from pet.progress import Progress


class Spec(Protocol):
    """A value that pickles, and from which alone its result follows."""

    @property
    def name(self) -> str:
        """Name for progress and messages."""


S = TypeVar("S", bound=Spec)
R = TypeVar("R")
Work = Callable[[S, Progress], R]


class Executor(Protocol):
    """Works off specs. Results come as they are ready; the first error stops the rest."""

    def run(
        self, work: Work[S, R], specs: Iterable[S], progress: Progress
    ) -> Iterator[tuple[S, R]]:
        """Yield each spec with ``work(spec, progress)``.

        Specs are taken from their iterable as they are needed, a few ahead at most: so specs that
        carry texts can be made from a pool of any size.

        Parameters
        ----------
        work : callable
            A function of a module; takes a spec and a progress callback.
        specs : iterable of Spec
            Most urgent first.
        progress : callable
            Told of every stage; see `pet.progress`.

        Raises
        ------
        RunError
            When a worker was ended from outside, as a system short of memory does.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...
