"""Rounds: a quick model from all labels so far, and what it says about the pool and itself."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pet.config import SuggestConfig
from pet.labelling.agreement import consensus
from pet.labelling.choosing import next_texts
from pet.labelling.clicks import Clicks
from pet.labelling.drawing import RANDOM
from pet.labelling.estimate import Accuracy, accuracy_of, estimate
from pet.labelling.evidence_files import EvidenceFiles
from pet.labelling.quick_model import Evidence, QuickModel, out_of_fold
from pet.labelling.schema import Database
from pet.labelling.stopping import LABELS_A_ROUND, STOP_SET, Verdict, verdict
from pet.labelling.texts import Texts
from pet.search.panel import Judgement
from pet.types import Floats, Ints

_CHUNK = 4096
# A label that somebody was not sure of counts half.
_UNSURE = 0.5


@dataclass(frozen=True)
class Round:
    """A quick model's round.

    Parameters
    ----------
    labels : int
        Number of labelled texts that it learned from.
    probabilities : array (N, C)
        Of the texts at the first N places.
    queue : sequence of int
        Places of the texts to label next, the most useful first.
    accuracy : Accuracy
        On the texts that were drawn at random, each guessed by a model that did not see it.
    before : Accuracy, optional
        That of the last round with other labels.
    changed : float, optional
        Share of the pool's guesses that differ from those of that round.
    stopping : Verdict
        Whether more labels are worth it.
    """

    labels: int
    probabilities: Floats
    queue: Sequence[int]
    accuracy: Accuracy
    before: Accuracy | None
    changed: float | None
    stopping: Verdict


class Rounds:
    """The rounds of a labelling; what the rules need of earlier ones is kept.

    Parameters
    ----------
    database, texts, clicks, evidence
        The labelling.
    labels : sequence of str
        Labels of the task.
    config : SuggestConfig
        Measure and diversity of the choice.
    seed : int
        Random seed.
    """

    def __init__(
        self,
        database: Database,
        texts: Texts,
        clicks: Clicks,
        evidence: EvidenceFiles,
        labels: Sequence[str],
        config: SuggestConfig,
        seed: int,
    ) -> None:
        self._database, self._texts, self._clicks = database, texts, clicks
        self._evidence, self._labels, self._config, self._seed = evidence, labels, config, seed
        self._numbers = {label: number for number, label in enumerate(labels)}
        # Numbers of labels and guesses of this round, and of the last one with other labels.
        self._latest: tuple[int, Ints] | None = None
        self._earlier: tuple[int, Ints] | None = None
        self._aside = texts.set_aside()

    def next(self) -> Round:
        """Fit a quick model to all labels that people gave by hand, and keep how it did."""
        done = self._evidence.done
        answers = self._clicks.answers()
        places, targets, importance, at_random = self._labelled(answers, done)
        learned = self._evidence.rows(places)
        model = QuickModel(learned.vectors, targets, len(self._labels), importance)
        judgement = _judged(model, self._evidence, done)
        shares = out_of_fold(learned, targets, len(self._labels), self._seed, at_random, importance)
        accuracy = estimate(shares, targets[at_random])
        guesses = judgement.together.argmax(axis=1)
        before = self._last_accuracy(len(places))
        if self._latest is not None and self._latest[0] != len(places):
            self._earlier = self._latest
        self._latest = (len(places), guesses)
        changed = None
        if self._earlier is not None and len(self._earlier[1]):
            both = min(len(guesses), len(self._earlier[1]))
            changed = float((guesses[:both] != self._earlier[1][:both]).mean())
        stopping = self._keep(
            len(places), accuracy, changed, guesses[self._aside.start :][:STOP_SET]
        )
        free = np.ones(done, bool)
        free[: self._aside.stop] = False
        free[places] = False
        skipped = self._texts.places([one["text"] for one in answers if one["label"] is None])
        others = free.copy()
        others[[place for place in skipped.values() if place < done]] = False
        # What somebody skipped would hold the first places: it is asked when nothing else is left.
        free = others if others.any() else free
        queue = next_texts(
            judgement,
            self._evidence.rows(slice(0, done)).vectors,
            free,
            self._config.by,
            self._config.candidates,
            self._seed + len(places),
        )
        return Round(
            len(places), judgement.together.astype(np.float32), queue.tolist(), accuracy, before,
            changed, stopping,
        )  # fmt: skip

    def _labelled(
        self, answers: Sequence[sqlite3.Row], done: int
    ) -> tuple[list[int], Ints, NDArray[np.float64], NDArray[np.bool_]]:
        """Return places, label numbers, importance and whether drawn at random, of read texts."""
        agreed, _ = consensus(answers)
        by_hand = {text: one for text, one in agreed.items() if one.is_by_hand}
        place_of = self._texts.places(list(by_hand))
        rows = sorted(
            (place_of[text], self._numbers[one.label], one.sure, one.drawn == RANDOM)
            for text, one in by_hand.items()
            if place_of[text] < done
        )
        return (
            [row[0] for row in rows],
            np.array([row[1] for row in rows], np.int64),
            np.array([1.0 if row[2] else _UNSURE for row in rows]),
            np.array([row[3] for row in rows], bool),
        )

    def _last_accuracy(self, labels: int) -> Accuracy | None:
        """Return the accuracy of the last round that had other labels."""
        with self._database.reading() as reader:
            row = reader.execute(
                "SELECT correct, asked FROM rounds WHERE labels != ? ORDER BY id DESC LIMIT 1",
                (labels,),
            ).fetchone()
        return None if row is None else accuracy_of(row["correct"], row["asked"])

    def _keep(
        self, labels: int, accuracy: Accuracy, changed: float | None, guesses: Ints
    ) -> Verdict:
        """Keep the round; the guesses too where enough labels came since those kept last."""
        with self._database.errors(), self._database.writing() as writer:
            last = writer.execute(
                "SELECT max(labels) FROM rounds WHERE compared AND labels <= ?", (labels,)
            ).fetchone()[0]
            compared = labels >= (LABELS_A_ROUND if last is None else last + LABELS_A_ROUND)
            # Rounds with more labels than there are now: some were undone.
            writer.execute("UPDATE rounds SET compared = 0 WHERE labels > ?", (labels,))
            writer.execute(
                "INSERT INTO rounds (labels, time, correct, asked, changed, compared, guesses) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    labels, time.time(), accuracy.right, accuracy.asked, changed, int(compared),
                    guesses.astype(np.int16).tobytes() if compared else None,
                ),
            )  # fmt: skip
            kept = writer.execute(
                "SELECT guesses FROM rounds WHERE compared ORDER BY labels"
            ).fetchall()
        return verdict([np.frombuffer(row[0], np.int16).astype(np.int64) for row in kept])


def _judged(model: QuickModel, evidence: EvidenceFiles, done: int) -> Judgement:
    """Judge the texts at the first places, some at a time."""
    if not done:
        nothing = Evidence(np.zeros((0, 1)), np.zeros((0, 0, model.n_labels)), np.zeros(0))
        return model.judge(nothing)
    parts = [
        model.judge(evidence.rows(slice(start, min(start + _CHUNK, done))))
        for start in range(0, done, _CHUNK)
    ]
    members = np.concatenate([part.members for part in parts], axis=1)
    together = np.concatenate([part.together for part in parts])
    return Judgement(members, parts[0].weights, together)
