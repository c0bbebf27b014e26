"""Threads that wait for each other briefly: on a busy machine long waits take the cores away."""

from __future__ import annotations

import os

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
