"""The executor of several processes on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from pickle import PicklingError
from typing import Any, Self

import torch

from pet.errors import RunError, UsageError
from pet.execution.base import R, S, Worker
from pet.progress import Event, Progress, silent

_AHEAD = 2  # specs for each process: one in work, one that waits


class Processes:
    """Executor that works on several specs at once, in new processes that share the cores.

    A script that uses it needs ``if __name__ == "__main__":``. The processes live as long as the
    ``with`` block, so a backbone that one has loaded serves later specs too.

    Parameters
    ----------
    jobs : int
        Number of processes.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        threads = max(1, torch.get_num_threads() // jobs)
        level = logging.getLogger("pet").level
        self._pool = ProcessPoolExecutor(jobs, get_context("spawn"), _settle, (threads, level))

    def run(
        self, work: Worker[S, R], specs: Iterable[S], progress: Progress
    ) -> Iterator[tuple[S, R]]:
        """Yield each spec with its result, in the order in which they finish; see `Executor.run`.

        Progress within a spec stays in its process: for the caller a spec is a stage of one step.
        """
        waiting = iter(specs)
        running: dict[Future[Any], S] = {}
        try:
            while True:
                for spec in islice(waiting, _AHEAD * self.jobs - len(running)):
                    running[self._pool.submit(work, spec, silent)] = spec
                    progress(Event(spec.name, "start", 0, 1))
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    spec, result = running.pop(future), _result(future)
                    progress(Event(spec.name, "end", 1, 1))
                    yield spec, result
        except BrokenProcessPool as error:
            raise RunError(
                "A process ended before its work was done; most likely memory ran out.",
                "Use fewer `--jobs`. What was finished is kept.",
            ) from error
        finally:
            for future in running:
                future.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """End the processes; specs that wait are dropped."""
        self._pool.shutdown(wait=not any(error), cancel_futures=True)


def _result(future: Future[Any]) -> Any:
    """Return a future's result; turn errors of pickling into a `UsageError`."""
    try:
        return future.result()
    except (PicklingError, AttributeError, TypeError) as error:
        if "pickle" not in str(error):
            raise
        raise UsageError(
            f"What several processes work on must be picklable: {error}.",
            "Hand over files, lists or functions of a module, or use `--jobs 1`.",
        ) from error


def _settle(threads: int, level: int) -> None:
    """Set a new process's number of threads and its level of messages."""
    torch.set_num_threads(threads)
    logging.getLogger("pet").setLevel(level)
