"""Raw text for masked-LM training: documents in mixed order, some of them held out.

Memory does not grow with the text: documents are read when they are needed.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from pet.errors import DataError
from pet.seeds import AdaptationStream, derived_seed
from pet.types import Ints

_LONGEST_DOCUMENT = 50_000  # characters; longer ones are cut, so that memory stays flat
_OPEN_AT_ONCE = 64  # files


@dataclass(frozen=True)
class Source:
    """A named supply of documents; each call of ``read`` starts from the first one."""

    name: str
    read: Callable[[], Iterator[str]]

    def documents(self) -> Iterator[str]:
        """Yield the documents; very long ones are cut into several."""
        for text in self.read():
            for start in range(0, len(text), _LONGEST_DOCUMENT):
                yield text[start : start + _LONGEST_DOCUMENT]


class Corpus:
    """The documents of some sources: a few held out, the others for training.

    The documents with the smallest seeded hashes are held out, so a document and its copies are
    always on the same side. One pass chooses them, counts, and meets any faulty row.

    Parameters
    ----------
    sources : sequence of Source
        At least one; each has text.
    held_out : int
        Documents to hold out, at most a tenth of all; 0 for none.
    seed : int
        Seed of the choice and of the order.

    Raises
    ------
    DataError
        When a source is empty, or no document would be left to train on.
    """

    def __init__(self, sources: Sequence[Source], held_out: int, seed: int) -> None:
        self._sources = tuple(sources)
        self._salt = seed.to_bytes(8, "little")
        self._seed = seed
        self.sizes: list[dict[str, int | str]] = []
        smallest: list[int] = []  # a heap of negated hashes, the largest first
        copies: dict[int, int] = {}  # of documents in the heap; one that left it never comes back
        for source in self._sources:
            documents = characters = 0
            digest = hashlib.sha256()
            for text in source.documents():
                documents += 1
                characters += len(text)
                digest.update(text.encode() + b"\0")
                key = self._key(text)
                if key in copies:
                    copies[key] += 1
                elif len(copies) <= held_out or key < -smallest[0]:
                    copies[key] = 1
                    heapq.heappush(smallest, -key)
                    if len(copies) > held_out + 1:
                        del copies[-heapq.heappop(smallest)]
            if not documents:
                raise DataError(f"{source.name}: there is no text in it.", "Leave it out.")
            self.sizes.append(
                {
                    "name": source.name,
                    "documents": documents,
                    "characters": characters,
                    "sha256": digest.hexdigest()[:16],
                }
            )
        most = min(held_out, len(copies) - 1)
        if held_out and not most:
            raise DataError(
                "The text is one document only; nothing can be held out to measure training by.",
                "Give more text, one document a line, or use `--held-out 0`.",
            )
        self._held_out = frozenset(_within(copies, most, sum(self._counts) // 10))

    @property
    def characters(self) -> int:
        """Characters of all documents."""
        return sum(int(size["characters"]) for size in self.sizes)

    @property
    def _counts(self) -> list[int]:
        return [int(size["documents"]) for size in self.sizes]

    def _key(self, text: str) -> int:
        digest = hashlib.blake2b(text.encode(), digest_size=8, key=self._salt)
        return int.from_bytes(digest.digest(), "little")

    def held_out(self) -> Iterator[str]:
        """Yield the held-out documents, copies included."""
        if self._held_out:
            for source in self._sources:
                yield from (t for t in source.documents() if self._key(t) in self._held_out)

    def epoch(self, index: int, skip: int = 0) -> Iterator[str]:
        """Yield the documents for training, sources mixed, without the first ``skip``.

        Each document's source is drawn in proportion to its size, so all sources end at about the
        same time.
        """
        generator = np.random.default_rng(
            derived_seed(self._seed, AdaptationStream.DOCUMENTS, index)
        )
        order = generator.permutation(len(self._sources))
        mixed = (
            text
            for start in range(0, len(order), _OPEN_AT_ONCE)
            for text in self._mixed(order[start : start + _OPEN_AT_ONCE], generator)
        )
        yield from islice((t for t in mixed if self._key(t) not in self._held_out), skip, None)

    def _mixed(self, indices: Ints, generator: np.random.Generator) -> Iterator[str]:
        readers = [self._sources[index].documents() for index in indices]
        odds = np.array([self._counts[index] for index in indices], dtype=np.float64)
        limits = np.cumsum(odds) / odds.sum()
        while len(readers) > 1:
            at = int(np.searchsorted(limits, generator.random(), side="right"))
            text = next(readers[at], None)
            if text is not None:
                yield text
                continue
            del readers[at]
            odds = np.delete(odds, at)
            limits = np.cumsum(odds) / odds.sum()
        yield from readers[0]


def _within(copies: Mapping[int, int], most: int, room: int) -> list[int]:
    """Choose the ``most`` smallest keys with at most ``room`` copies in all; at least one."""
    chosen: list[int] = []
    for key in sorted(copies):
        if len(chosen) < most and copies[key] <= room:
            chosen.append(key)
            room -= copies[key]
    return chosen or sorted(copies, key=lambda key: (copies[key], key))[: min(most, 1)]
