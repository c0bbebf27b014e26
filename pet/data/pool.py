"""Pools of unlabelled text, streamed: read again for every pass."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

import numpy as np

from pet.data.example import Example
from pet.data.kept_input import keep_input
from pet.data.readers import standard_input

T = TypeVar("T")


class Pool:
    """Unlabelled examples, read again from their source for every pass.

    Only one chunk is in memory, whatever the size of the pool. The first pass counts the rows, and
    so finds a faulty row before any training.

    Parameters
    ----------
    read : callable
        Returns a fresh iterator over the examples.
    exclude : iterable of Example
        Examples to leave out, such as those drawn as shots.
    limit : int, optional
        Size of a random sample, kept in the order of the source; by default all examples.
    seed : int
        Seed of that sample.
    """

    def __init__(
        self,
        read: Callable[[], Iterator[Example]],
        exclude: Iterable[Example] = (),
        limit: int | None = None,
        seed: int = 0,
    ) -> None:
        self._read = read
        self._excluded = {example.key for example in exclude}
        self._kept: np.ndarray | None = None
        self.left_out = 0
        count = 0
        digest = hashlib.sha256()
        for example in read():
            digest.update("\0".join(example.key).encode())
            if example.key in self._excluded:
                self.left_out += 1
            else:
                count += 1
        if limit is not None and limit < count:
            chosen = np.random.default_rng(seed).choice(count, size=limit, replace=False)
            self._kept = np.zeros(count, dtype=bool)
            self._kept[chosen] = True
            count = limit
        self._count = count
        self.fingerprint = {"n": count, "sha256": digest.hexdigest()[:16]}

    def __len__(self) -> int:
        return self._count

    @property
    def all_excluded(self) -> bool:
        """Whether there are texts, and every one of them is left out."""
        return self.left_out > 0 and not self._count and self._kept is None

    def __iter__(self) -> Iterator[Example]:
        included = (example for example in self._read() if example.key not in self._excluded)
        for row, example in enumerate(included):
            if self._kept is None or self._kept[row]:
                yield example

    def select(self, rows: Iterable[int]) -> dict[int, Example]:
        """Return the examples of row numbers, ``{row: example}``, read in one pass."""
        wanted = set(rows)
        last = max(wanted, default=-1)
        return {row: example for row, example in enumerate(islice(self, last + 1)) if row in wanted}

    def chunks(self, size: int = 4096) -> Iterator[list[Example]]:
        """Yield the examples in lists of at most ``size``, in order."""
        return chunked(self, size)


def chunked(items: Iterable[T], size: int, first: int | None = None) -> Iterator[list[T]]:
    """Yield consecutive lists of at most ``size`` items.

    With ``first`` the first list has at most so many, and every further one up to twice as many as
    the one before: what is made of the first items need not wait for many others.
    """
    iterator = iter(items)
    length = size if first is None else min(first, size)
    while chunk := list(islice(iterator, length)):
        yield chunk
        length = min(2 * length, size)


def reusable(source: str) -> str:
    """Return a source that can be read again; standard input is copied."""
    if source != "-":
        return source
    return keep_input(standard_input())
