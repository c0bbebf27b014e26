"""Stopping rule: labelling has come to its end when the models' guesses no longer change."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pet.types import Ints

# Of Bloodgood and Vijay-Shanker 2009: the stop set's size, how many agreements in a row are
# averaged, and how high their mean has to be.
STOP_SET = 2000
ROUNDS = 3
AGREEMENT = 0.99
# New labels from one compared model to the next. Models a few labels apart always agree.
LABELS_A_ROUND = 20


@dataclass(frozen=True)
class Verdict:
    """Whether more labels are worth it, and the agreements that say so, the oldest first."""

    is_stable: bool
    agreements: tuple[float, ...]

    @property
    def mean(self) -> float | None:
        """Mean of the last agreements; None before there are enough."""
        last = self.agreements[-ROUNDS:]
        return float(np.mean(last)) if len(last) == ROUNDS else None


def agreement(before: Ints, now: Ints) -> float:
    """Return Cohen's kappa of two models' guesses on the same N texts, both (N,).

    Two models that give all texts one label have no kappa; they count as not agreeing, as they have
    not learned to tell labels yet.
    """
    from sklearn.metrics import cohen_kappa_score

    if not len(now):
        return 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what the next line decides
        kappa = float(cohen_kappa_score(before, now))
    return 0.0 if np.isnan(kappa) else kappa


def verdict(guesses: Sequence[Ints]) -> Verdict:
    """Tell whether predictions have stabilised.

    Source: stabilizing predictions, Bloodgood and Vijay-Shanker 2009 (1409.5165): stop when the
    mean kappa of the last three pairs of successive models on a fixed set of texts, which need no
    labels, is 0.99 or more.

    Parameters
    ----------
    guesses : sequence of array of int (N,)
        Guesses of successive models on the stop set, the oldest first; there are `LABELS_A_ROUND`
        labels or more from one to the next. Where a model was made before all texts of the set were
        read, it is compared on those that were.
    """
    agreements = []
    for before, now in itertools.pairwise(guesses):
        both = min(len(before), len(now))
        agreements.append(agreement(before[:both], now[:both]))
    last = agreements[-ROUNDS:]
    is_stable = len(last) == ROUNDS and float(np.mean(last)) >= AGREEMENT
    return Verdict(is_stable, tuple(agreements))
