"""Imports of large packages, which the garbage collector would walk through again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Collect nothing inside this context, and never what was made in it.

    What modules define stays until the end. Without this a quarter of the time of a start with
    torch goes into looking for garbage in it, the largest part when the process ends.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()
