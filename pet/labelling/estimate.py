"""Estimate: the accuracy on texts drawn at random, each guessed by a model that did not see it."""

from __future__ import annotations

from dataclasses import dataclass

from pet.types import Floats, Ints

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Accuracy:
    """A share of right guesses, and the interval in which the true share is.

    Parameters
    ----------
    right, asked : int
        Number of right guesses, and of texts.
    low, high : float
        Ends of the 95 % interval.
    """

    right: int
    asked: int
    low: float
    high: float

    @property
    def share(self) -> float | None:
        """Share of right guesses; None without any text."""
        return self.right / self.asked if self.asked else None


def accuracy_of(right: int, asked: int) -> Accuracy:
    """Return a share with its Wilson interval; from 0 to 1 without any text.

    Source: Wilson 1927, by `scipy.stats.binomtest`.
    """
    from scipy.stats import binomtest

    if not asked:
        return Accuracy(0, 0, 0.0, 1.0)
    interval = binomtest(right, asked).proportion_ci(CONFIDENCE, method="wilson")
    return Accuracy(right, asked, float(interval.low), float(interval.high))


def estimate(probabilities: Floats, targets: Ints) -> Accuracy:
    """Count right guesses among texts that were drawn at random.

    Texts that were chosen because a model is unsure of them are harder than others: they say
    nothing about the pool, and are not to be given here.

    Parameters
    ----------
    probabilities : array (n, C)
        Of models that did not learn from the text; see `out_of_fold`.
    targets : array of int (n,)
        Numbers of the labels that people gave.
    """
    if not len(targets):
        return accuracy_of(0, 0)
    return accuracy_of(int((probabilities.argmax(axis=1) == targets).sum()), len(targets))
