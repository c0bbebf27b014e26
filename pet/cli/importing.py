"""Imports of large packages, which the garbage collector would walk through again and again."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Collect nothing inside this context, and never what was made in it.

    What modules define stays until the end. Without this a quarter of the time of a start with
    torch goes into looking for garbage in it, the largest part when the process ends.
    """
    was_on, first = gc.isenabled(), "torch" not in sys.modules
    gc.disable()
    try:
        yield
    finally:
        if first:  # else a process that goes on would keep its garbage of every call
            gc.freeze()
        if was_on:
            gc.enable()
