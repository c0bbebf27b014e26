"""Draws of iPET's generations from the unlabelled text: their sizes and their rows.

Source: PET, section 3.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from pet.config import IpetConfig
from pet.errors import DataError
from pet.types import Ints, Scores

# Generations are added until members learn from this many examples.
_ENOUGH = 1000
# Without labelled examples the first draw takes 10 texts of each label, from the 100 likeliest.
_FIRST_DRAW, _MOST_LIKELY = 10, 100

# Numbers of some rows, and how confident each is of one label.
_Candidates = tuple[Ints, NDArray[np.float64]]


@dataclass(frozen=True)
class Plan:
    """Number of generations, and sizes of their draws.

    Parameters
    ----------
    counts : sequence of int
        Number of labelled examples of every label, C.
    growth : int
        Factor d by which the training set grows from one generation to the next.
    generations : int
        Generations after the first.
    labeller_share : float
        Share of the other members that label the texts of a member; at least one of them.
    """

    counts: tuple[int, ...]
    growth: int
    generations: int
    labeller_share: float = IpetConfig.labeller_share

    @classmethod
    def from_config(cls, counts: Sequence[int], config: IpetConfig, texts: int) -> Plan:
        """Make a plan; choose the number of generations if the configuration leaves it open.

        Raises
        ------
        DataError
            When a generation would draw more than all ``texts`` unlabelled ones.
        """
        plan = cls(tuple(counts), config.growth, config.generations or 1, config.labeller_share)
        if config.generations is None:
            last = 1
            while (
                sum(counts) + sum(plan.wanted(last)) < _ENOUGH
                and 2 * sum(plan.wanted(last + 1)) <= texts
            ):
                last += 1
            plan = replace(plan, generations=last)
        for number in range(1, plan.generations + 1):
            if (wanted := sum(plan.wanted(number))) > texts:
                raise DataError(
                    f"Generation {number} would draw {wanted} texts for each member, but there are "
                    f"only {texts} unlabelled ones.",
                    "Give more unlabelled text, or set fewer `--generations` or a smaller "
                    "`--growth`.",
                )
        return plan

    def wanted(self, number: int) -> list[int]:
        """Return the number of texts of every label, C, to draw for each member of a generation."""
        if not any(self.counts):
            return [_FIRST_DRAW * self.growth ** (number - 1)] * len(self.counts)
        return [count * (self.growth**number - 1) for count in self.counts]

    def most_likely(self, number: int) -> int | None:
        """Return the number of likeliest rows to draw a label from; None for all predicted ones."""
        return _MOST_LIKELY if number == 1 and not any(self.counts) else None


def draw_rows(
    chunks: Iterable[Scores],
    wanted: Sequence[int],
    labels: Sequence[str],
    generator: np.random.Generator,
    most_likely: int | None = None,
) -> dict[str, list[int]]:
    """Draw rows of every label without replacement, with probability proportional to confidence.

    Only one chunk is in memory, and some ten bytes for every row.

    Parameters
    ----------
    chunks : iterable of array (n, C)
        Label scores, chunk by chunk; softmax of a row is the confidence in every label.
    wanted : sequence of int
        Number of rows of every label, C.
    labels : sequence of str
        Names of the labels, C.
    generator : numpy.random.Generator
        Draws the rows.
    most_likely : int, optional
        Draw a label's rows from this many that are most confident of it, whatever their best
        label; by default from all rows whose best label it is.

    Returns
    -------
    dict
        Label to row numbers; no row is drawn twice.

    Raises
    ------
    DataError
        When a label has too few rows; names it.
    """
    candidates: Iterable[_Candidates]
    if most_likely is None:
        candidates = _predicted(chunks, len(labels))
    else:  # as many more as other labels may take away
        candidates = _likeliest(chunks, len(labels), most_likely + sum(wanted))
    taken: list[int] = []
    drawn: dict[str, list[int]] = {}
    for label, size, (rows, confidence) in zip(labels, wanted, candidates, strict=True):
        if most_likely is not None:
            free = np.flatnonzero(~np.isin(rows, taken))[:most_likely]
            rows, confidence = rows[free], confidence[free]
        if size > len(rows):
            raise DataError(
                f"{size} texts of the label {label!r} were wanted, but only {len(rows)} "
                "unlabelled ones are taken for it.",
                "Give more unlabelled text, or set fewer `--generations` or a smaller `--growth`.",
            )
        drawn[label] = rows[_weighted_order(confidence, generator)[:size]].tolist()
        taken += drawn[label]
    return drawn


def _predicted(chunks: Iterable[Scores], labels: int) -> Iterator[_Candidates]:
    """Yield for each label the rows whose best label it is, in their order."""
    parts = [
        (scores.argmax(axis=1).astype(np.min_scalar_type(labels)), confidence.max(axis=1))
        for _, scores, confidence in _confidences(chunks)
    ]
    best, confidence = (np.concatenate(part) for part in zip(*parts, strict=True))
    del parts
    for label in range(labels):
        rows = np.flatnonzero(best == label)
        yield rows, confidence[rows]


def _likeliest(chunks: Iterable[Scores], labels: int, most: int) -> list[_Candidates]:
    """Return for each label the rows that are most confident of it, the surest first."""
    found: list[_Candidates] = [(np.zeros(0, np.int64), np.zeros(0))] * labels
    for first, scores, confidence in _confidences(chunks):
        every = first + np.arange(len(scores))
        for label, own in enumerate(found):
            rows = np.concatenate([own[0], every])
            shares = np.concatenate([own[1], confidence[:, label]])
            surest = np.argsort(-shares, kind="stable")[:most]
            found[label] = rows[surest], shares[surest]
    return found


def _confidences(chunks: Iterable[Scores]) -> Iterator[tuple[int, Scores, NDArray[np.float64]]]:
    """Yield for each chunk the number of its first row, its scores, and their softmax."""
    first = 0
    for scores in chunks:
        yield first, scores, softmax(scores.astype(np.float64), axis=1)
        first += len(scores)


def _weighted_order(weights: NDArray[np.float64], generator: np.random.Generator) -> Ints:
    """Return the order of a weighted draw without replacement (Efraimidis and Spirakis 2006)."""
    # `Generator.choice` draws other rows, and the recorded results would change.
    keys = generator.exponential(size=len(weights)) / np.maximum(weights, 1e-30)
    return np.argsort(keys, kind="stable")
