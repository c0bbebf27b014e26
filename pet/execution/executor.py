"""Runs a list of specs: one after the other here, or several at once in processes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Protocol, TypeVar

import torch

from pet.errors import RunError
from pet.types import Progress


class Named(Protocol):
    """A spec: everything that its result depends on; can be sent to another process."""

    @property
    def name(self) -> str:
        """For progress and messages."""


S = TypeVar("S", bound=Named)
R = TypeVar("R")


def finished(
    work: Callable[..., R], specs: Sequence[S], jobs: int, progress: Progress
) -> Iterator[tuple[S, R]]:
    """Yield each spec and ``work(spec)`` as soon as it is done; the first error ends it all.

    With ``jobs`` above 1 the cores are shared out among the processes, which start afresh.

    Parameters
    ----------
    work : callable
        A function of a module; takes a spec and a progress callback.
    specs : sequence
        What is to be done, most urgent first.
    jobs : int
        How many at once.
    progress : callable
        Told a stage's name, steps done and total.

    Raises
    ------
    RunError
        When a process was ended from outside, as a system short of memory does.
    """
    if jobs == 1:
        for number, spec in enumerate(specs, 1):
            title = f"{number}/{len(specs)} {spec.name}"

            def show(stage: str, done: int, total: int, title: str = title) -> None:
                progress(f"{title} {stage}", done, total)

            yield spec, work(spec, show)
        return
    settled = (max(1, torch.get_num_threads() // jobs), logging.getLogger("pet").level)
    with ProcessPoolExecutor(jobs, get_context("spawn"), _settle, settled) as pool:
        try:
            futures = {pool.submit(work, spec): spec for spec in specs}
            for number, future in enumerate(as_completed(futures), 1):
                yield futures[future], future.result()
                progress("cells", number, len(futures))
        except BrokenProcessPool as error:
            raise RunError(
                "A process ended before its work was done; most likely memory ran out.",
                "Use fewer --jobs. What was finished is kept.",
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _settle(threads: int, level: int) -> None:
    torch.set_num_threads(threads)
    logging.getLogger("pet").setLevel(level)
