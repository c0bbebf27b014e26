"""Threads that wait for each other briefly: on a busy machine long waits take the cores away."""

from __future__ import annotations

import os

# Turns of a waiting thread before it sleeps. GNU's library for threads, which torch comes with on
# Linux, has 300,000: a millisecond in which another process could work. Products that follow each
# other need some microseconds.
_TURNS = "10000"


def wait_briefly() -> None:
    """Let threads of matrix products sleep soon while they wait; call it before torch is loaded.

    Alone this costs nothing. Beside other work steps of training take less time: a little less
    beside matrix products, far less beside other programs whose threads wait for each other
    (benchmarks/RESULTS.md, "Beside other work"). What the environment says already stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _TURNS)
