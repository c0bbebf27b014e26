"""Drawing: how a text came to be asked of a person, which decides what the accuracy counts."""

from __future__ import annotations

import sqlite3

# How a text came to be asked.
RANDOM, CHOSEN, AGAIN, OPENED, CHECKED, BULK, GIVEN = (
    "random", "chosen", "again", "opened", "checked", "bulk", "given",
)  # fmt: skip
# Where the guess is told only afterwards, as it could sway people in what is counted.
UNSWAYED = (RANDOM, AGAIN)


def how_drawn(reader: sqlite3.Connection, text: int, annotator: str, tab: str) -> str:
    """Tell how a text came to be asked of a person.

    Their first answer by hand says so: what was drawn at random stays so when its label is put
    right. What was taken back after the guess was told counts as looked for. Otherwise the lease
    tells, or else somebody looked for it.
    """
    first = reader.execute(
        "SELECT drawn FROM clicks WHERE text = ? AND annotator = ? AND undone IS NULL "
        "AND drawn != ? ORDER BY id LIMIT 1",
        (text, annotator, BULK),
    ).fetchone()
    if first is not None:
        return str(first["drawn"])
    leased = reader.execute(
        "SELECT drawn FROM leases WHERE text = ? AND tab = ?", (text, tab)
    ).fetchone()
    if leased is None or _was_told(reader, text, annotator):
        return OPENED
    return str(leased["drawn"])


def _was_told(reader: sqlite3.Connection, text: int, annotator: str) -> bool:
    """Tell whether a person took an answer back that was told the hidden guess."""
    found = reader.execute(
        "SELECT 1 FROM clicks WHERE text = ? AND annotator = ? AND undone IS NOT NULL "
        "AND label IS NOT NULL AND guess IS NOT NULL AND drawn IN (?, ?)",
        (text, annotator, *UNSWAYED),
    ).fetchone()
    return found is not None


def drawn_again(reader: sqlite3.Connection, text: int, annotator: str) -> str:
    """Tell how a text is drawn after a person took back what they said about it."""
    last = reader.execute(
        "SELECT drawn FROM clicks WHERE text = ? AND annotator = ? AND undone IS NOT NULL "
        "ORDER BY undone DESC, id DESC LIMIT 1",
        (text, annotator),
    ).fetchone()
    return OPENED if last is None or _was_told(reader, text, annotator) else str(last["drawn"])


def drawn_if_opened(
    reader: sqlite3.Connection, text: int, tab: str, annotator: str, now: float
) -> str:
    """Tell how a text is drawn that a person looked for.

    As before, if the tab shows it now, or the person skipped it when its guess was hidden.
    """
    leased = reader.execute(
        "SELECT drawn FROM leases WHERE text = ? AND tab = ? AND until > ?", (text, tab, now)
    ).fetchone()
    if leased is not None:
        return str(leased["drawn"])
    last = reader.execute(
        "SELECT drawn, label FROM clicks WHERE text = ? AND annotator = ? AND undone IS NULL "
        "ORDER BY id DESC LIMIT 1",
        (text, annotator),
    ).fetchone()
    is_skipped = last is not None and last["label"] is None and last["drawn"] in UNSWAYED
    return str(last["drawn"]) if is_skipped else OPENED
