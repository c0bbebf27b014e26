"""Temperatures, which divide scores before the softmax so that probabilities are calibrated."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_softmax, softmax

from pet.types import Scores

_WIDEST = 5.0  # limit of the logarithm: temperatures between 1/148 and 148


def confident_temperature(scores: Scores, confidence: float) -> float:
    """Find the temperature at which the likeliest alternatives have this mean probability.

    Parameters
    ----------
    scores : array (D, A)
        Scores of decisions among A alternatives.
    confidence : float
        Mean probability, between 1 / A and 1.
    """
    logits = np.asarray(scores, dtype=np.float64)

    def distance(log_temperature: float) -> float:
        shares = softmax(logits / math.exp(log_temperature), axis=1)
        return float(shares.max(axis=1).mean()) - confidence

    # Confidence falls as the temperature rises.
    if distance(_WIDEST) > 0:
        return math.exp(_WIDEST)
    if distance(-_WIDEST) < 0:
        return math.exp(-_WIDEST)
    return math.exp(brentq(distance, -_WIDEST, _WIDEST, xtol=1e-6))


def fit_temperature(scores: Scores, targets: NDArray[np.generic], pull: float = 0.5) -> float:
    """Find the temperature at which the targets are most likely, pulled to 1.

    Minimises ``sum_n CE(softmax(s_n / t), y_n) + pull (log t)^2``. Without the pull, a few examples
    that are all predicted rightly would raise probabilities without limit; the pull is a normal
    prior on log t with variance ``1 / (2 pull)``. With ``pull`` 0 this is the temperature scaling
    of scikit-learn's `CalibratedClassifierCV`. No label changes.

    Parameters
    ----------
    scores : array (N, C)
        Scores of examples that were not trained on.
    targets : array (N,) or (N, C)
        Label indices, or a share for every label.
    pull : float
        Strength of the pull, in nats.

    Source: Guo et al. 2017, section 4.2, for the temperature; the prior is ours.
    """
    logits = np.asarray(scores, dtype=np.float64)
    shares = targets if targets.ndim == 2 else np.eye(logits.shape[1])[targets.astype(np.int64)]

    def loss(log_temperature: float) -> float:
        likelihood = log_softmax(logits / math.exp(log_temperature), axis=1)
        return float(pull * log_temperature**2 - (shares * likelihood).sum())

    minimum = minimize_scalar(
        loss, bounds=(-_WIDEST, _WIDEST), method="bounded", options={"xatol": 1e-6}
    )
    return math.exp(minimum.x)
