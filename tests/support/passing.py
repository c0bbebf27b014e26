"""Arrays that pass by, to see how many of them are held at once."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence

import numpy as np


class Passing:
    """Arrays, copied one by one when they are asked for.

    Parameters
    ----------
    arrays : sequence of array
        The originals.

    Attributes
    ----------
    most : int
        Copies that were alive at once; of a consumer that keeps none, the last one and the next.
    """

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        self._arrays = arrays
        self.most = 0

    def __iter__(self) -> Iterator[np.ndarray]:
        copies: list[weakref.ref[np.ndarray]] = []
        for array in self._arrays:
            copy = array.copy()
            copies.append(weakref.ref(copy))
            self.most = max(self.most, sum(ref() is not None for ref in copies))
            yield copy
            del copy
