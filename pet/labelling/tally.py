"""Tally: how many texts have which label, counted anew only after a click."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

from pet.labelling.agreement import PairAgreement, consensus, pair_agreements
from pet.labelling.clicks import Clicks
from pet.labelling.drawing import BULK, GIVEN

_ALONE = """
SELECT label, drawn, sure, count(*) FROM (
    SELECT label, drawn, sure FROM answers WHERE label IS NOT NULL
    GROUP BY text HAVING count(*) = 1
) GROUP BY label, drawn, sure
"""
_SEVERAL = """
SELECT * FROM answers WHERE label IS NOT NULL AND text IN (
    SELECT text FROM answers WHERE label IS NOT NULL GROUP BY text HAVING count(*) > 1
) ORDER BY id
"""
_PEOPLE = "SELECT annotator, count(*) FROM answers WHERE label IS NOT NULL GROUP BY annotator"


@dataclass(frozen=True)
class Tally:
    """Counts of a labelling.

    Parameters
    ----------
    by_hand : counter
        Texts that people looked at, by their label.
    unsure : int
        Those of them that nobody was sure of.
    bulk : int
        Texts whose guess was accepted unread.
    divided : int
        Texts on which people are divided.
    skipped : int
        Times that somebody skipped a text.
    people : counter
        Texts that each person labelled.
    pairs : list of PairAgreement
        How far every two people agree.
    """

    by_hand: Counter[str]
    unsure: int
    bulk: int
    divided: int
    skipped: int
    people: Counter[str]
    pairs: list[PairAgreement]


class Tallies:
    """The latest tally, which is kept until somebody clicks: every open page asks all the time.

    Parameters
    ----------
    clicks : Clicks
        What is counted.
    """

    def __init__(self, clicks: Clicks) -> None:
        self._clicks = clicks
        self._lock = threading.Lock()
        self._kept: tuple[int, Tally] | None = None

    def latest(self) -> Tally:
        """Return the counts of now."""
        with self._lock:
            # Before the counting: a click in between is counted, and then once more.
            revision = self._clicks.revision()
            if self._kept is None or self._kept[0] != revision:
                self._kept = revision, self._counted()
            return self._kept[1]

    def _counted(self) -> Tally:
        with self._clicks.database.reading() as reader:
            alone = reader.execute(_ALONE).fetchall()
            several = reader.execute(_SEVERAL).fetchall()
            people = dict(reader.execute(_PEOPLE).fetchall())
            (skipped,) = reader.execute(
                "SELECT count(*) FROM answers WHERE label IS NULL"
            ).fetchone()
        # Most texts have one answer, which is the consensus; people are compared on the others.
        agreed, divided = consensus(several)
        by_hand, bulk, unsure = Counter[str](), 0, 0
        for label, drawn, sure, count in [
            *alone,
            *((one.label, one.drawn, one.sure, 1) for one in agreed.values()),
        ]:
            if drawn == BULK:
                bulk += count
            else:
                by_hand[label] += count
                unsure += 0 if sure else count
        return Tally(
            by_hand,
            unsure,
            bulk,
            len(divided),
            skipped,
            Counter(people),
            pair_agreements(one for one in several if one["drawn"] != GIVEN),
        )
