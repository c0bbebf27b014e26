"""Agreement: one label a text out of what several people said, and how far they agree."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from pet.labelling.drawing import BULK, RANDOM


@dataclass(frozen=True)
class Consensus:
    """The label of a text on which most people agree.

    Parameters
    ----------
    label : str
        The label.
    sure : bool
        Whether somebody was sure of it.
    drawn : str
        How the text first came to be asked; "random" where that holds for anybody's answer.
    people : int
        Number of people who gave it this label.
    """

    label: str
    sure: bool
    drawn: str
    people: int

    @property
    def is_by_hand(self) -> bool:
        """Whether a person looked at the text; otherwise the guess was accepted in bulk."""
        return self.drawn != BULK


def consensus(answers: Iterable[sqlite3.Row]) -> tuple[dict[int, Consensus], list[int]]:
    """Return the label of each text, and the texts on which people are divided.

    The label that most people gave counts; where two have equally many, those who were sure count.
    Labels by hand come before those accepted in bulk.

    Parameters
    ----------
    answers : iterable of row
        As `Clicks.answers` returns them, oldest first.
    """
    by_text: dict[int, list[sqlite3.Row]] = defaultdict(list)
    for answer in answers:
        if answer["label"] is not None:
            by_text[answer["text"]].append(answer)
    agreed, divided = {}, []
    for text, given in by_text.items():
        by_hand = [one for one in given if one["drawn"] != BULK] or given
        votes = Counter[str]()
        for one in by_hand:
            votes[one["label"]] += 1000 + one["sure"]  # the sure break ties
        most = votes.most_common(2)
        if len(most) == 2 and most[0][1] == most[1][1]:
            divided.append(text)
            continue
        label = most[0][0]
        mine = [one for one in by_hand if one["label"] == label]
        # An answer that was put right is later than those of others: the order does not tell.
        drawn = next((RANDOM for one in by_hand if one["drawn"] == RANDOM), by_hand[0]["drawn"])
        agreed[text] = Consensus(label, any(one["sure"] for one in mine), drawn, len(mine))
    return agreed, divided


@dataclass(frozen=True)
class PairAgreement:
    """Agreement of two people: texts that both labelled, the share alike, and Cohen's kappa."""

    people: tuple[str, str]
    both: int
    share: float
    kappa: float | None


def pair_agreements(answers: Iterable[sqlite3.Row]) -> list[PairAgreement]:
    """Compare every two people who labelled texts in common, by hand.

    Kappa is None where both gave all texts one and the same label. Source: Cohen 1960, by
    scikit-learn.
    """
    by_person: Mapping[str, dict[int, str]] = defaultdict(dict)
    for answer in answers:
        if answer["label"] is not None and answer["drawn"] != BULK:
            by_person[answer["annotator"]][answer["text"]] = answer["label"]
    found = []
    for one, other in combinations(sorted(by_person), 2):
        both = sorted(by_person[one].keys() & by_person[other].keys())
        if both:
            first = [by_person[one][text] for text in both]
            second = [by_person[other][text] for text in both]
            alike = sum(a == b for a, b in zip(first, second, strict=True)) / len(both)
            found.append(PairAgreement((one, other), len(both), alike, _kappa(first, second)))
    return found


def _kappa(first: list[str], second: list[str]) -> float | None:
    from sklearn.metrics import cohen_kappa_score

    if len({*first, *second}) < 2:
        return None
    return float(cohen_kappa_score(first, second))
