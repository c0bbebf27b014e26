"""Threads that wait for each other briefly: on a busy machine long waits take the cores away."""

from __future__ import annotations

import os

from pet.cli.console import tell

# Turns of a waiting thread before it sleeps. GNU's library for threads, which torch comes with on
# Linux, has 300,000: a millisecond in which another process could work. Products that follow each
# other need some microseconds.
_TURNS = "10000"


def wait_briefly() -> None:
    """Let threads of matrix products sleep soon while they wait; call it before torch is loaded.

    Alone this costs nothing; beside other work a step of training takes a half to an eighth of the
    time (benchmarks/beside.py). What the environment says already stays as it is.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _TURNS)


def remark_on_load() -> None:
    """Tell a person at a busy machine how many threads would be faster.

    It is not done for them: the number of threads decides in which order numbers are added, so a
    command would give other numbers when the machine is busy.
    """
    if "OMP_NUM_THREADS" in os.environ or not hasattr(os, "getloadavg"):  # Windows has none
        return
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    free = max(1, round(cores - load))
    if free <= cores / 2 and cores > 1:
        tell(
            f"This machine is busy: a load of {load:.1f} on {cores} cores. With "
            f"OMP_NUM_THREADS={free} in the environment training is faster beside other work."
        )
