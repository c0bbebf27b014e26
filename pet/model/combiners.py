"""Combiners of members' scores: one function each, (K, D, A) and weights (K,) -> (D, A)."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from pet.registry import Registry
from pet.types import Scores

Weights = NDArray[np.float64]


def mean_logits(scores: Scores, weights: Weights) -> Scores:
    """Return the weighted mean of raw scores, as in PET: (K, D, A) and (K,) -> (D, A)."""
    return _weighted(scores, weights)


def mean_probabilities(scores: Scores, weights: Weights) -> Scores:
    """Return the logarithm of the weighted mean of probabilities: a mixture of the members."""
    mixed = _weighted(softmax(scores, axis=2), weights)
    return _log(mixed)


def mean_log_probabilities(scores: Scores, weights: Weights) -> Scores:
    """Return the weighted mean of log-probabilities: a product of the members."""
    return _weighted(log_softmax(scores, axis=2), weights)


def majority_vote(scores: Scores, weights: Weights) -> Scores:
    """Return the logarithm of the weighted share of votes; the mean probability breaks ties."""
    ballots = np.eye(scores.shape[2])[scores.argmax(axis=2)]
    shares = _weighted(ballots, weights)
    mixed = _weighted(softmax(scores, axis=2), weights)
    return _log(0.99 * shares + 0.01 * mixed)


def _weighted(scores: Scores, weights: Weights) -> Scores:
    return cast(Scores, np.einsum("k,knc->nc", weights, scores))


def _log(shares: Scores) -> Scores:
    return cast(Scores, np.log(np.maximum(shares, 1e-12)))


COMBINERS: Registry[Callable[[Scores, Weights], Scores]] = Registry(
    "combiners",
    "combiner",
    {
        "logits": mean_logits,
        "probabilities": mean_probabilities,
        "log-probabilities": mean_log_probabilities,
        "vote": majority_vote,
    },
    arguments=("scores", "weights"),
)
