"""Texts of a labelling: each once, with all its columns, in a random order that never changes."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pet.data import Example, chunked
from pet.labelling.schema import Database

_CHUNK = 1000
# Texts that are set aside to be asked at random: a share of all, and no more than this.
ASIDE_SHARE, MOST_ASIDE = 0.2, 500
_START, _STOP = "first place set aside", "place after those set aside"


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

    def set_aside(self) -> range:
        """Set texts aside to be asked at random, once: a share of those without a place before.

        Returns
        -------
        range
            Their places. Texts that came with a label stand before them, and are not among them.
        """
        with self._database.errors(), self._database.writing() as writer:
            kept = dict(writer.execute("SELECT name, value FROM progress").fetchall())
            if _START not in kept:
                (first,) = writer.execute(
                    "SELECT count(*) FROM texts WHERE EXISTS "
                    "(SELECT 1 FROM clicks WHERE clicks.text = texts.id)"
                ).fetchone()
                (count,) = writer.execute("SELECT count(*) FROM texts").fetchone()
                free = count - first
                size = min(MOST_ASIDE, max(int(free * ASIDE_SHARE), min(free, 1)))
                kept |= {_START: first, _STOP: first + size}
                writer.executemany(
                    "INSERT INTO progress VALUES (?, ?)",
                    [(_START, kept[_START]), (_STOP, kept[_STOP])],
                )
        return range(kept[_START], kept[_STOP])

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

    def places(self, numbers: Sequence[int]) -> dict[int, int]:
        """Return the places of texts by their numbers."""
        with self._database.reading() as reader:
            return dict(
                row
                for chunk in chunked(iter(numbers), _CHUNK)
                for row in reader.execute(
                    f"SELECT id, place FROM texts WHERE id IN ({','.join('?' * len(chunk))})",
                    chunk,
                )
            )

    def numbers(self, places: Sequence[int]) -> list[int]:
        """Return the numbers of texts by their places, in this order."""
        found: dict[int, int] = {}
        with self._database.reading() as reader:
            for chunk in chunked(iter(places), _CHUNK):
                marks = ",".join("?" * len(chunk))
                found |= dict(
                    reader.execute(
                        f"SELECT place, id FROM texts WHERE place IN ({marks})", chunk
                    ).fetchall()
                )
        return [found[place] for place in places if place in found]

    def unanswered(self, places: range, annotator: str, most: int) -> list[int]:
        """Return the first texts at places that nobody labelled and a person did not skip."""
        with self._database.reading() as reader:
            rows = reader.execute(
                "SELECT id FROM texts WHERE place >= ? AND place < ? AND NOT EXISTS (SELECT 1 FROM "
                "clicks WHERE text = texts.id AND undone IS NULL "
                "AND (label IS NOT NULL OR annotator = ?)) ORDER BY place LIMIT ?",
                (places.start, places.stop, annotator, most),
            )
            return [row[0] for row in rows]

    def found(self, words: str, most: int) -> list[Text]:
        """Return texts that have all of some words in them, whatever their case."""
        parts = words.casefold().split()
        has_word = (
            "EXISTS (SELECT 1 FROM json_each(fields) WHERE instr(casefold(json_each.value), ?))"
        )
        with self._database.reading() as reader:
            rows = reader.execute(
                "SELECT id, place, fields FROM texts WHERE "
                f"{' AND '.join([has_word] * len(parts)) or '1'} ORDER BY id LIMIT ?",
                (*parts, most),
            ).fetchall()
        return [text_of(row) for row in rows]

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
