"""Clicks: what people said about texts, kept at once and never overwritten."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pet.labelling.drawing import (
    AGAIN,
    CHOSEN,
    GIVEN,
    RANDOM,
    drawn_again,
    drawn_if_opened,
    how_drawn,
)  # fmt: skip
from pet.labelling.schema import Database

LEASE_SECONDS = 300.0
_LONGEST_PAUSE = 120.0  # seconds between two clicks that count as work


@dataclass(frozen=True)
class Click:
    """An answer: a label, or a text that was passed over.

    Parameters
    ----------
    text : int
        Number of the text.
    annotator : str
        Who answered.
    tab : str
        Browser tab in which it was.
    label : str, optional
        The label; None for a text that was skipped.
    sure : bool
        Whether the person was sure.
    drawn : str
        How the text came to be asked, such as "random" or "chosen".
    guess, probability
        What was shown as the guess.
    seconds : float, optional
        Time for which the text was shown.
    batch : str, optional
        Name of the bulk that it belongs to.
    """

    text: int
    annotator: str
    tab: str
    label: str | None
    sure: bool = True
    drawn: str = CHOSEN
    guess: str | None = None
    probability: float | None = None
    seconds: float | None = None
    batch: str | None = None


class Clicks:
    """The clicks of a labelling, and the leases of texts to tabs.

    Parameters
    ----------
    database : Database
        Where they are.
    clock : callable
        Returns the time in seconds since 1970.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self.database = database
        self._clock = clock

    def add(self, clicks: Sequence[Click]) -> None:
        """Keep clicks, all or none; the leases of their texts end."""
        with self.database.errors(), self.database.writing() as writer:
            _add(writer, clicks, self._clock())

    def answer(self, click: Click) -> None:
        """Keep what a person said about a text, drawn as `how_drawn` finds it to be."""
        with self.database.errors(), self.database.writing() as writer:
            drawn = how_drawn(writer, click.text, click.annotator, click.tab)
            _add(writer, [replace(click, drawn=drawn)], self._clock())

    def undo(self, tab: str, annotator: str) -> list[int]:
        """Take back a person's last click in a tab, a bulk as a whole; return the texts."""
        with self.database.errors(), self.database.writing() as writer:
            last = writer.execute(
                "SELECT id, text, batch FROM clicks WHERE tab = ? AND annotator = ? "
                "AND undone IS NULL ORDER BY id DESC LIMIT 1",
                (tab, annotator),
            ).fetchone()
            if last is None:
                return []
            taken = [(last["id"], last["text"])]
            if last["batch"] is not None:
                taken = writer.execute(
                    "SELECT id, text FROM clicks WHERE batch = ? AND undone IS NULL",
                    (last["batch"],),
                ).fetchall()
            writer.executemany(
                "UPDATE clicks SET undone = ? WHERE id = ?",
                [(self._clock(), number) for number, _ in taken],
            )
        return [text for _, text in taken]

    def lease(self, text: int, tab: str, drawn: str) -> bool:
        """Give a text to a tab for some time, unless another one has it; tell whether it did.

        A tab has one text at a time.
        """
        now = self._clock()
        with self.database.errors(), self.database.writing() as writer:
            return _lease(writer, text, tab, drawn, now)

    def lease_first(self, texts: Sequence[int], tab: str, annotator: str, drawn: str) -> int | None:
        """Give a tab the first of some texts that is nobody's, and that was not answered yet.

        A text that this person skipped is not asked again of the same person.
        """
        now = self._clock()
        with self.database.errors(), self.database.writing() as writer:
            for text in texts:
                if not _is_answered(writer, text, annotator, again=drawn == AGAIN) and _lease(
                    writer, text, tab, drawn, now
                ):
                    return text
        return None

    def leased(self, tab: str) -> tuple[int, str] | None:
        """Return the text that a tab has, and how it was drawn; its lease is renewed."""
        now = self._clock()
        with self.database.errors(), self.database.writing() as writer:
            row = writer.execute(
                "SELECT text, drawn FROM leases WHERE tab = ? AND until > ?", (tab, now)
            ).fetchone()
            if row is None:
                return None
            writer.execute("UPDATE leases SET until = ? WHERE tab = ?", (now + LEASE_SECONDS, tab))
        return int(row["text"]), str(row["drawn"])

    def held(self) -> set[int]:
        """Return the texts that tabs have now."""
        with self.database.reading() as reader:
            rows = reader.execute("SELECT text FROM leases WHERE until > ?", (self._clock(),))
            return {row[0] for row in rows}

    def answered(self) -> set[int]:
        """Return all texts that somebody has labelled."""
        with self.database.reading() as reader:
            rows = reader.execute("SELECT DISTINCT text FROM answers WHERE label IS NOT NULL")
            return {row[0] for row in rows}

    def answers(self) -> list[sqlite3.Row]:
        """Return every person's last answer about each text, skipped ones too, oldest first."""
        with self.database.reading() as reader:
            return reader.execute("SELECT * FROM answers ORDER BY id").fetchall()

    def answers_about(self, texts: Sequence[int]) -> list[sqlite3.Row]:
        """Return every person's last answer about some texts, oldest first."""
        marks = ",".join("?" * len(texts))
        with self.database.reading() as reader:
            return reader.execute(
                f"SELECT * FROM answers WHERE text IN ({marks}) ORDER BY id", list(texts)
            ).fetchall()

    def drawn_again(self, text: int, annotator: str) -> str:
        """Tell how a text is drawn after a person took back what they said about it."""
        with self.database.reading() as reader:
            return drawn_again(reader, text, annotator)

    def drawn_if_opened(self, text: int, tab: str, annotator: str) -> str:
        """Tell how a text is drawn that a person looked for."""
        with self.database.reading() as reader:
            return drawn_if_opened(reader, text, tab, annotator, self._clock())

    def revision(self) -> int:
        """Return a number that grows with every click, and every click that is taken back."""
        with self.database.reading() as reader:
            (count,) = reader.execute(
                "SELECT (SELECT coalesce(max(id), 0) FROM clicks) + "
                "(SELECT count(*) FROM clicks WHERE undone IS NOT NULL)"
            ).fetchone()
        return int(count)

    def drawn_by(self, annotator: str) -> dict[str, int]:
        """Count a person's labels by how their texts were drawn, without bulks."""
        with self.database.reading() as reader:
            return dict(
                reader.execute(
                    "SELECT drawn, count(*) FROM answers WHERE annotator = ? AND label IS NOT NULL "
                    "AND batch IS NULL GROUP BY drawn",
                    (annotator,),
                ).fetchall()
            )

    def of_others(self, annotator: str, most: int = 100) -> list[int]:
        """Return texts that one other person labelled by hand and this person did not see.

        Those drawn at random come first: how far people agree on them holds for the pool.
        """
        with self.database.reading() as reader:
            rows = reader.execute(
                "SELECT text FROM answers WHERE batch IS NULL AND drawn != ? GROUP BY text "
                "HAVING count(*) = 1 AND max(annotator) != ? AND max(label) IS NOT NULL "
                "ORDER BY max(drawn = ?) DESC, max(id) DESC LIMIT ?",
                (GIVEN, annotator, RANDOM, most),
            )
            return [row[0] for row in rows]

    def pace(self, annotator: str, last: int = 50) -> float | None:
        """Return how many texts an hour somebody labels now; None before it can be told.

        Pauses of more than two minutes count as two. Bulks do not count.
        """
        with self.database.reading() as reader:
            rows = reader.execute(
                "SELECT time FROM clicks WHERE annotator = ? AND undone IS NULL AND batch IS NULL "
                "AND drawn != ? ORDER BY id DESC LIMIT ?",
                (annotator, GIVEN, last + 1),
            )
            times = [row[0] for row in rows]
        gaps = [
            min(max(later - earlier, 0.0), _LONGEST_PAUSE)
            for later, earlier in itertools.pairwise(times)
        ]
        return 3600 * len(gaps) / sum(gaps) if len(gaps) >= 3 and sum(gaps) else None


def _add(writer: sqlite3.Connection, clicks: Sequence[Click], now: float) -> None:
    writer.executemany(
        "INSERT INTO clicks (text, annotator, tab, action, label, sure, drawn, batch, guess, "
        "probability, seconds, time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                one.text, one.annotator, one.tab, "skip" if one.label is None else "label",
                one.label, int(one.sure), one.drawn, one.batch, one.guess, one.probability,
                one.seconds, now,
            )
            for one in clicks
        ],
    )  # fmt: skip
    writer.executemany(
        "DELETE FROM leases WHERE text = ? AND tab = ?", [(one.text, one.tab) for one in clicks]
    )


def _lease(writer: sqlite3.Connection, text: int, tab: str, drawn: str, now: float) -> bool:
    other = writer.execute(
        "SELECT 1 FROM leases WHERE text = ? AND tab != ? AND until > ?", (text, tab, now)
    ).fetchone()
    if other is not None:
        return False
    writer.execute("DELETE FROM leases WHERE tab = ? OR text = ?", (tab, text))
    writer.execute(
        "INSERT INTO leases VALUES (?, ?, ?, ?)", (text, tab, drawn, now + LEASE_SECONDS)
    )
    return True


def _is_answered(writer: sqlite3.Connection, text: int, annotator: str, again: bool) -> bool:
    """Tell whether a text needs no answer of a person: it has a label, or this person skipped it.

    With ``again`` labels of other people do not count.
    """
    found = writer.execute(
        "SELECT 1 FROM answers WHERE text = ? AND (annotator = ? OR (label IS NOT NULL AND NOT ?))",
        (text, annotator, again),
    ).fetchone()
    return found is not None
