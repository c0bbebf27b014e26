"""Draws of iPET's generations from the unlabelled text: their sizes and their rows.

Source: PET, section 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    scores: Scores,
    wanted: Sequence[int],
    labels: Sequence[str],
    generator: np.random.Generator,
    most_likely: int | None = None,
) -> dict[str, list[int]]:
    """Draw rows of every label without replacement, with probability proportional to confidence.

    Parameters
    ----------
    scores : array (N, C)
        Label scores; softmax of a row is the confidence in every label.
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
    confidence = softmax(scores.astype(np.float64), axis=1)
    best = scores.argmax(axis=1)
    free = np.ones(len(scores), dtype=bool)
    drawn: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        of_label = confidence[:, index]
        if most_likely is None:
            rows = np.flatnonzero(best == index)
        else:
            rows = np.flatnonzero(free)
            rows = rows[np.argsort(-of_label[rows], kind="stable")[:most_likely]]
        if wanted[index] > len(rows):
            raise DataError(
                f"{wanted[index]} texts of the label {label!r} were wanted, but only {len(rows)} "
                "unlabelled ones are taken for it.",
                "Give more unlabelled text, or set fewer `--generations` or a smaller `--growth`.",
            )
        chosen = rows[_weighted_order(of_label[rows], generator)[: wanted[index]]]
        free[chosen] = False
        drawn[label] = chosen.tolist()
    return drawn


def _weighted_order(weights: NDArray[np.float64], generator: np.random.Generator) -> Ints:
    """Return the order of a weighted draw without replacement (Efraimidis and Spirakis 2006)."""
    # `Generator.choice` draws other rows, and the recorded results would change.
    keys = generator.exponential(size=len(weights)) / np.maximum(weights, 1e-30)
    return np.argsort(keys, kind="stable")
