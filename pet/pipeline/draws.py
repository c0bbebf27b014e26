"""Draws of iPET's generations from the unlabelled text: how much, and which rows.

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
from pet.types import Scores

# Generations are added until members learn from so many examples.
_ENOUGH = 1000
# Without labelled examples the first draw takes so many a label, from so many of the most likely.
_FIRST_DRAW, _MOST_LIKELY = 10, 100


@dataclass(frozen=True)
class Plan:
    """Number of generations, and how much each draws.

    Parameters
    ----------
    counts : sequence of int
        Labelled examples of every label, C.
    growth : int
        Factor d from one generation to the next.
    generations : int
        After the first.
    labeller_share : float
        Share of the other members that label the texts of one; at least one member does.
    """

    counts: tuple[int, ...]
    growth: int
    generations: int
    labeller_share: float = IpetConfig.labeller_share

    @classmethod
    def of(cls, counts: Sequence[int], config: IpetConfig, texts: int) -> Plan:
        """Choose the number of generations where the configuration leaves it open.

        Raises
        ------
        DataError
            When a generation would draw more than the ``texts`` unlabelled ones there are.
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
        """Texts that each member of a generation draws of every label, C."""
        if not any(self.counts):
            return [_FIRST_DRAW * self.growth ** (number - 1)] * len(self.counts)
        return [count * (self.growth**number - 1) for count in self.counts]

    def most_likely(self, number: int) -> int | None:
        """Rows that a label's are drawn from; None for all that are taken for it."""
        return _MOST_LIKELY if number == 1 and not any(self.counts) else None


def draw_rows(
    scores: Scores,
    wanted: Sequence[int],
    labels: Sequence[str],
    generator: np.random.Generator,
    most_likely: int | None = None,
) -> dict[str, list[int]]:
    """Draw rows for every label without replacement, with probability proportional to confidence.

    Parameters
    ----------
    scores : array (N, C)
        Label scores; softmax of a row is the confidence in every label.
    wanted : sequence of int
        How many rows of every label, C.
    labels : sequence of str
        Their names, C.
    generator : numpy.random.Generator
        For the draw.
    most_likely : int, optional
        Draw a label's rows from so many that are most confident of it, whatever their best label
        is; by default from all rows whose best label it is.

    Returns
    -------
    dict
        Label to row numbers; no row is drawn twice.

    Raises
    ------
    DataError
        Names the label that has too few rows.
    """
    confidence = softmax(scores.astype(np.float64), axis=1)
    best = scores.argmax(axis=1)
    free = np.ones(len(scores), dtype=bool)
    drawn: dict[str, list[int]] = {}
    for number, label in enumerate(labels):
        of_label = confidence[:, number]
        if most_likely is None:
            rows = np.flatnonzero(best == number)
        else:
            rows = np.flatnonzero(free)
            rows = rows[np.argsort(-of_label[rows], kind="stable")[:most_likely]]
        if wanted[number] > len(rows):
            raise DataError(
                f"{wanted[number]} texts of the label {label!r} were wanted, but only {len(rows)} "
                "unlabelled ones are taken for it.",
                "Give more unlabelled text, or set fewer `--generations` or a smaller `--growth`.",
            )
        chosen = rows[_weighted_order(of_label[rows], generator)[: wanted[number]]]
        free[chosen] = False
        drawn[label] = chosen.tolist()
    return drawn


def _weighted_order(
    weights: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.int64]:
    """The order of a draw without replacement with these weights (Efraimidis and Spirakis 2006)."""
    # `Generator.choice` would draw others than those that the recorded results come from.
    keys = generator.exponential(size=len(weights)) / np.maximum(weights, 1e-30)
    return np.argsort(keys, kind="stable")
