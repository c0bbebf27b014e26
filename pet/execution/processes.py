"""The executor of several processes on this machine."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
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
    ``with`` block, so a backbone that one has loaded serves later specs too. They end with it, also
    in the middle of their work: after an error, and when this process is killed.

    Parameters
    ----------
    jobs : int
        Number of processes.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        threads = max(1, torch.get_num_threads() // jobs)
        level = logging.getLogger("pet").level
        context = get_context("spawn")
        # Nobody writes to this pipe. The processes wait for its end, which they see when this one
        # closes it, or has ended in whatever way.
        self._seen, self._open = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(jobs, context, _settle, (threads, level, self._seen))

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
                "A process ended before its work was done; most likely memory ran out, or a script "
                'starts its work outside ``if __name__ == "__main__":``, which every process runs '
                "again.",
                "Use fewer `--jobs`, or put the script's work under that line. What was finished "
                "is kept.",
            ) from error
        finally:
            for future in running:
                future.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """End the processes, after an error also those at work; specs that wait are dropped."""
        if any(error):
            self._open.close()
        self._pool.shutdown(cancel_futures=True)
        self._open.close()
        self._seen.close()


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


def _settle(threads: int, level: int, parent: Connection) -> None:
    """Set a new process's number of threads and its level of messages; let it end with its parent.

    Ctrl-C in a terminal reaches all processes; the parent alone decides what becomes of the work.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    torch.set_num_threads(threads)
    logging.getLogger("pet").setLevel(level)


def _end_with(parent: Connection) -> None:
    wait_for([parent])
    os._exit(1)
