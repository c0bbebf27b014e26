"""The smallest input that still fails: pieces are left out as long as it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Input = TypeVar("Input", str, bytes, list)


def smallest(given: Input, fails: Callable[[Input], bool], most_tries: int = 300) -> Input:
    """Return a part of a failing input that fails too, and from which nothing can be left out.

    Parameters
    ----------
    given : str, bytes or list
        The input.
    fails : callable
        Tells whether an input still fails in the same way.
    most_tries : int
        Number of inputs to try; then the smallest so far is returned.
    """
    tries, length = 0, max(1, len(given) // 2)
    while tries < most_tries:
        for start in range(0, len(given), length):
            shorter = given[:start] + given[start + length :]
            tries += 1
            if fails(shorter):
                given = shorter
                break
            if tries >= most_tries:
                break
        else:
            if length == 1:
                break
            length = max(1, length // 2)
    return given
