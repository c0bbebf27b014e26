"""Bulk: sure guesses that a person accepts together, after checking a sample of them."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pet.errors import DataError
from pet.labelling.clicks import Click
from pet.labelling.drawing import BULK, CHECKED
from pet.labelling.estimate import Accuracy, accuracy_of
from pet.labelling.session import Session
from pet.labelling.texts import Text

SAMPLE = 20
_MOST_OFFERS = 20


@dataclass(frozen=True)
class Offer:
    """Texts whose guesses are sure, and a random sample of them to check.

    Parameters
    ----------
    name : str
        Its name.
    guesses : mapping
        Number of a text to its guess and the probability of it.
    sample : sequence of Text
        Texts to check.
    """

    name: str
    guesses: Mapping[int, tuple[str, float]]
    sample: tuple[Text, ...]

    @property
    def at_most(self) -> list[float]:
        """Largest share of all guesses that is wrong, by the number of the sample that are."""
        asked = len(self.sample)
        return [1 - accuracy_of(asked - wrong, asked).low for wrong in range(asked + 1)]


class Bulks:
    """Offers of sure guesses.

    Texts that were set aside to measure the accuracy are never among them, nor are those that a tab
    has or somebody labelled.

    Parameters
    ----------
    session : Session
        The labelling.
    seed : int
        Random seed of the samples.
    """

    def __init__(self, session: Session, seed: int) -> None:
        self._session = session
        self._random = np.random.default_rng(seed)
        self._offers: OrderedDict[str, Offer] = OrderedDict()
        self._lock = threading.Lock()

    def offer(self, threshold: float, label: str | None = None) -> Offer:
        """Return the texts whose guess has at least a probability, all or those of one label."""
        session, latest = self._session, self._session.learner.round
        guesses: dict[int, tuple[str, float]] = {}
        if latest is not None:
            best, shares = latest.probabilities.argmax(1), latest.probabilities.max(1)
            places = np.flatnonzero(shares >= threshold)
            places = places[places >= session.aside.stop]
            labels = session.task.labels
            by_place = dict(
                zip(places.tolist(), session.texts.numbers(places.tolist()), strict=True)
            )
            taken = session.clicks.answered() | session.clicks.held()
            guesses = {
                number: (labels[best[place]], float(shares[place]))
                for place, number in by_place.items()
                if number not in taken and label in (None, labels[best[place]])
            }
        with self._lock:
            count = min(SAMPLE, len(guesses))
            drawn = self._random.permutation(list(guesses))[:count].tolist()
            found = [session.texts.get(int(number)) for number in drawn]
            offer = Offer(
                secrets.token_hex(8), guesses, tuple(text for text in found if text is not None)
            )
            self._offers[offer.name] = offer
            while len(self._offers) > _MOST_OFFERS:
                self._offers.popitem(last=False)
        return offer

    def accept(
        self, name: str, checked: Mapping[int, str], tab: str, annotator: str
    ) -> tuple[int, Accuracy]:
        """Keep the labels of the checked sample, and accept the other guesses.

        Parameters
        ----------
        name : str
            Name of the offer.
        checked : mapping
            Number of each text of the sample to its right label.
        tab, annotator : str
            Who accepts them, and where.

        Returns
        -------
        accepted : int
            Number of labels that were kept.
        accuracy : Accuracy
            Share of the sample's guesses that were right.

        Raises
        ------
        DataError
            When the offer is not known any more, or the sample was not checked as a whole.
        """
        with self._lock:
            offer = self._offers.pop(name, None)
        if offer is None:
            raise DataError("This offer is too old.", "Ask for the sure guesses again.")
        try:
            count = self._keep(offer, checked, tab, annotator)
        except BaseException:
            with self._lock:
                self._offers[name] = offer  # what was checked can be sent again
            raise
        self._session.learner.tell()
        right = sum(offer.guesses[number][0] == label for number, label in checked.items())
        return count, accuracy_of(right, len(checked))

    def _keep(self, offer: Offer, checked: Mapping[int, str], tab: str, annotator: str) -> int:
        """Keep the labels of an offer; return their number."""
        if checked.keys() != {text.number for text in offer.sample}:
            raise DataError("Expected a label for each text of the sample.")
        for label in checked.values():
            if label not in self._session.task.labels:
                raise DataError(f"There is no label {label!r}.")
        taken = self._session.clicks.answered() | self._session.clicks.held()
        clicks = []
        for number, (guess, probability) in offer.guesses.items():
            if number in taken:
                continue
            is_checked = number in checked
            clicks.append(
                Click(
                    number, annotator, tab, checked.get(number, guess),
                    drawn=CHECKED if is_checked else BULK,
                    guess=guess, probability=probability, batch=offer.name,
                )
            )  # fmt: skip
        self._session.clicks.add(clicks)
        return len(clicks)
