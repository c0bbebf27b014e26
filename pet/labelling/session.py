"""Session: what a tab is asked and told, from the store and the latest quick model."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pet.errors import DataError
from pet.labelling.agreement import consensus
from pet.labelling.clicks import Click, Clicks
from pet.labelling.drawing import AGAIN, CHOSEN, RANDOM, UNSWAYED
from pet.labelling.learner import Learner
from pet.labelling.stopping import AGREEMENT, LABELS_A_ROUND, ROUNDS
from pet.labelling.tally import Tallies
from pet.labelling.texts import Text, Texts
from pet.task import Task

# Of the texts asked, the share that is drawn at random, and that is asked again of a second person.
RANDOM_SHARE, AGAIN_SHARE = 0.2, 0.1
_MOST_FOUND = 50
_MOST_SHOWN = 1000


@dataclass(frozen=True)
class Shown:
    """A text as a tab shows it: how it was drawn, and the guess."""

    text: Text
    drawn: str
    guess: str | None
    probability: float | None

    @property
    def hides_guess(self) -> bool:
        """Whether the guess is told only afterwards, as it could sway people in what is counted."""
        return self.drawn in UNSWAYED


class Session:
    """A labelling that people take part in.

    Parameters
    ----------
    task : Task
        Gives the labels; every text has one.
    texts, clicks, learner
        The labelling.
    """

    def __init__(self, task: Task, texts: Texts, clicks: Clicks, learner: Learner) -> None:
        self.task, self.texts, self.clicks, self.learner = task, texts, clicks, learner
        self.aside = texts.set_aside()
        self._tallies = Tallies(clicks)
        self._shown: OrderedDict[str, Shown] = OrderedDict()
        self._lock = threading.Lock()

    def next(self, tab: str, annotator: str) -> Shown | None:
        """Return the text that a tab is to show: the one it has, or a new one; None at the end."""
        has = self.clicks.leased(tab)
        with self._lock:
            shown = self._shown.get(tab)
        if has is not None and shown is not None and shown.text.number == has[0]:
            return shown
        number, drawn = has or self._drawn(tab, annotator) or (None, "")
        return None if number is None else self._show(tab, number, drawn)

    def current(self, tab: str) -> Shown | None:
        """Return the text that a tab shows, with a guess once there is one; it stays leased."""
        self.clicks.leased(tab)
        with self._lock:
            shown = self._shown.get(tab)
        if shown is None or shown.guess is not None:
            return shown
        later = self._with_guess(shown.text, shown.drawn)
        with self._lock:
            if self._shown.get(tab) is shown:  # it may have been answered meanwhile
                self._shown[tab] = later
            return self._shown.get(tab)

    def open(self, number: int, tab: str, annotator: str) -> Shown:
        """Give a tab a text that somebody looked for.

        Raises
        ------
        DataError
            When there is no such text, or another tab has it.
        """
        if self.texts.get(number) is None:
            raise DataError(f"There is no text {number}.")
        drawn = self.clicks.drawn_if_opened(number, tab, annotator)
        if not self.clicks.lease(number, tab, drawn):
            raise DataError("Another tab has this text now.", "Try again in some minutes.")
        return self._show(tab, number, drawn)

    def answer(
        self,
        number: int,
        tab: str,
        annotator: str,
        label: str | None,
        sure: bool = True,
        seconds: float | None = None,
    ) -> Shown | None:
        """Keep what somebody said about a text; None for ``label`` passes it over.

        Returns
        -------
        Shown or None
            The text as it was shown, with its guess; None if that is not known any more.

        Raises
        ------
        DataError
            When there is no such text, or no such label.
        """
        if label is not None and label not in self.task.labels:
            raise DataError(f"There is no label {label!r}.")
        if self.texts.get(number) is None:
            raise DataError(f"There is no text {number}.")
        with self._lock:
            shown = self._shown.get(tab)
        if shown is not None and shown.text.number != number:
            shown = None
        self.clicks.answer(
            Click(
                number, annotator, tab, label, sure,
                guess=shown.guess if shown else None,
                probability=shown.probability if shown else None,
                seconds=seconds,
            )
        )  # fmt: skip
        with self._lock:  # only now: an answer that could not be kept is given again
            if (now := self._shown.get(tab)) is not None and now.text.number == number:
                del self._shown[tab]
        self.learner.tell()
        return shown

    def undo(self, tab: str, annotator: str) -> Shown | None:
        """Take back a person's last click in a tab; return its text, if it is to be shown again."""
        taken = self.clicks.undo(tab, annotator)
        self.learner.tell()
        if len(taken) != 1:
            return None
        drawn = self.clicks.drawn_again(taken[0], annotator)
        if not self.clicks.lease(taken[0], tab, drawn):
            return None
        return self._show(tab, taken[0], drawn)

    def search(self, words: str) -> list[dict[str, Any]]:
        """Return texts with all of some words, with what people said about them."""
        found = self.texts.found(words, _MOST_FOUND)
        agreed, divided = consensus(self.clicks.answers_about([text.number for text in found]))
        return [
            {
                "id": text.number,
                "fields": dict(text.fields),
                "label": agreed[text.number].label if text.number in agreed else None,
                "divided": text.number in divided,
            }
            for text in found
        ]

    def guess(self, place: int) -> tuple[str, float] | None:
        """Return the guess about the text at a place and its probability, if it was read."""
        latest = self.learner.round
        if latest is None or place >= len(latest.probabilities):
            return None
        row = latest.probabilities[place]
        return self.task.labels[int(row.argmax())], float(row.max())

    def status(self, annotator: str) -> dict[str, Any]:
        """Return everything that the page tells about the labelling, as JSON values."""
        tally = self._tallies.latest()
        latest = self.learner.round
        done, size = self.learner.read
        return {
            "labelled": tally.by_hand.total(),
            "mine": tally.people[annotator],
            "bulk": tally.bulk,
            "skipped": tally.skipped,
            "unsure": tally.unsure,
            "divided": tally.divided,
            "texts": len(self.texts),
            "balance": {label: tally.by_hand[label] for label in self.task.labels},
            "pace": self.clicks.pace(annotator),
            "reading": {"done": done, "of": size},
            "model": None if latest is None else _told(latest),
            "people": [
                {"people": one.people, "both": one.both, "share": one.share, "kappa": one.kappa}
                for one in tally.pairs
            ],
            "error": self.learner.error,
        }

    def _show(self, tab: str, number: int, drawn: str) -> Shown:
        text = self.texts.get(number)
        assert text is not None
        shown = self._with_guess(text, drawn)
        with self._lock:
            self._shown[tab] = shown
            while len(self._shown) > _MOST_SHOWN:
                self._shown.popitem(last=False)
        return shown

    def _with_guess(self, text: Text, drawn: str) -> Shown:
        guess, probability = self.guess(text.place) or (None, None)
        return Shown(text, drawn, guess, probability)

    def _drawn(self, tab: str, annotator: str) -> tuple[int, str] | None:
        """Draw the next text for a tab, and lease it."""
        counts = self.clicks.drawn_by(annotator)
        mine = sum(counts.values())
        if counts.get(AGAIN, 0) < AGAIN_SHARE * mine:
            others = self.clicks.of_others(annotator)
            if (number := self.clicks.lease_first(others, tab, annotator, AGAIN)) is not None:
                return number, AGAIN
        rest = range(self.aside.stop, len(self.texts))
        latest = self.learner.round
        queue = latest.queue if latest is not None else ()
        ways: list[tuple[str, Callable[[], list[int]]]] = [
            (RANDOM, lambda: self.texts.unanswered(self.aside, annotator, 100)),
            (CHOSEN, lambda: self.texts.numbers(queue)),
            (CHOSEN, lambda: self.texts.unanswered(rest, annotator, 1000)),
        ]
        asked = counts.get(RANDOM, 0) + counts.get(CHOSEN, 0)
        if latest is not None and counts.get(RANDOM, 0) > RANDOM_SHARE * asked:
            ways = [*ways[1:], ways[0]]
        for drawn, find in ways:
            if (number := self.clicks.lease_first(find(), tab, annotator, drawn)) is not None:
                return number, drawn
        return None


def _told(latest: Any) -> Mapping[str, Any]:
    """Return a round as JSON values."""
    accuracy, before, stopping = latest.accuracy, latest.before, latest.stopping
    moved = None
    if before is not None and before.share is not None and accuracy.share is not None:
        moved = accuracy.share - before.share
    return {
        "labels": latest.labels,
        "accuracy": accuracy.share,
        "low": accuracy.low,
        "high": accuracy.high,
        "asked": accuracy.asked,
        "moved": moved,
        "changed": latest.changed,
        "stable": stopping.is_stable,
        "agreement": stopping.mean,
        "compared": len(stopping.agreements),
        "rule": {"agreement": AGREEMENT, "rounds": ROUNDS, "labels": LABELS_A_ROUND},
    }
