"""Texts of a labelling: each once, with all its columns, in a random order that never changes."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pet.data import Example, chunked
from pet.labelling.schema import Database

_CHUNK = 1000
# Texts that are set aside to be asked at random: a share of all, and no more than this.
ASIDE_SHARE, MOST_ASIDE = 0.2, 500


@dataclass(frozen=True)
class Text:
    """A text of the pool: its number, its rank in the random order, and its fields."""

    number: int
    place: int
    fields: Mapping[str, str]


class Texts:
    """The texts of a labelling.

    Parameters
    ----------
    database : Database
        Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        rows: Iterable[tuple[Example, Mapping[str, Any]]],
        seed: int,
    ) -> int:
        """Add texts, all or none, and give them places in a random order; return their number.

        Of equal texts the first is kept. Texts that are there already stay as they are.

        Parameters
        ----------
        rows : iterable of (Example, mapping)
            Texts, each with its row of all columns.
        seed : int
            Random seed of the order.
        """
        with self._database.errors(), self._database.writing() as writer:
            for chunk in chunked(iter(rows), _CHUNK):
                writer.executemany(
                    "INSERT INTO texts (hash, fields, columns) VALUES (?, ?, ?) "
                    "ON CONFLICT DO NOTHING",
                    [(_hash(example), _json(example.texts), _json(row)) for example, row in chunk],
                )
            new = [row[0] for row in writer.execute("SELECT id FROM texts WHERE place IS NULL")]
            (start,) = writer.execute("SELECT coalesce(max(place) + 1, 0) FROM texts").fetchone()
            order = np.random.default_rng(seed).permutation(len(new))
            writer.executemany(
                "UPDATE texts SET place = ? WHERE id = ?",
                ((start + place, new[row]) for place, row in enumerate(order.tolist())),
            )
        return len(new)

    def __len__(self) -> int:
        with self._database.reading() as reader:
            (count,) = reader.execute("SELECT count(*) FROM texts").fetchone()
        return int(count)

    @property
    def aside(self) -> int:
        """Number of texts that are set aside: those at the first places."""
        count = len(self)
        return min(MOST_ASIDE, max(int(count * ASIDE_SHARE), min(count, 1)))

    def at(self, places: range) -> list[Text]:
        """Return the texts at places, in their order."""
        with self._database.reading() as reader:
            rows = reader.execute(
                "SELECT id, place, fields FROM texts WHERE place >= ? AND place < ? ORDER BY place",
                (places.start, places.stop),
            ).fetchall()
        return [text_of(row) for row in rows]

    def examples(self) -> Iterator[Example]:
        """Yield all texts in the random order, some at a time."""
        start = 0
        while found := self.at(range(start, start + _CHUNK)):
            yield from (Example(text.fields) for text in found)
            start += _CHUNK

    def get(self, number: int) -> Text | None:
        """Return a text by its number."""
        with self._database.reading() as reader:
            row = reader.execute(
                "SELECT id, place, fields FROM texts WHERE id = ?", (number,)
            ).fetchone()
        return None if row is None else text_of(row)

    def number_of(self, example: Example) -> int | None:
        """Return the number of the text of an example."""
        with self._database.reading() as reader:
            row = reader.execute(
                "SELECT id FROM texts WHERE hash = ?", (_hash(example),)
            ).fetchone()
        return None if row is None else int(row[0])


def text_of(row: sqlite3.Row) -> Text:
    """Return the text of a row with the columns id, place and fields."""
    return Text(row["id"], row["place"], json.loads(row["fields"]))


def _hash(example: Example) -> bytes:
    return hashlib.sha256("\0".join(example.key).encode("utf-8", "surrogatepass")).digest()[:16]


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), ensure_ascii=False, default=str)
