"""Reliability: does 0.9 mean right nine times in ten?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 10  # of confidence, as calibration errors are usually told


def reliability(
    probabilities: NDArray[Any], targets: NDArray[np.int64], bins: int = BINS
) -> list[dict[str, float]]:
    """Confidence and accuracy in bins of equal width: does 0.9 mean right nine times in ten?

    Parameters
    ----------
    probabilities : array (N, C)
        Columns in the order of the task's labels; the largest of a row is its confidence.
    targets : array (N,)
        True label numbers.
    bins : int
        How many there are between 0 and 1.

    Returns
    -------
    list of dict
        For every bin the number ``n`` of predictions in it, their mean ``confidence`` and their
        ``accuracy``; both are 0 where there is none.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    sizes = np.bincount(bin_of, minlength=bins)
    sums = [np.bincount(bin_of, values, minlength=bins) for values in (confidence, right)]
    means = np.stack(sums) / np.maximum(sizes, 1)
    return [
        {"n": n, "confidence": confident, "accuracy": accuracy}
        for n, confident, accuracy in zip(sizes.tolist(), *means.tolist(), strict=True)
    ]


def merged_reliability(
    parts: Sequence[Sequence[Mapping[str, float]]],
) -> list[dict[str, float]]:
    """Return the `reliability` of several sets of predictions taken together."""
    merged = []
    for own in zip(*parts, strict=True):
        n = sum(part["n"] for part in own)
        means = {
            name: sum(part["n"] * part[name] for part in own) / max(n, 1)
            for name in ("confidence", "accuracy")
        }
        merged.append({"n": n, **means})
    return merged


def calibration_error(
    probabilities: NDArray[Any], targets: NDArray[np.int64], bins: int = BINS
) -> float:
    """Expected calibration error: mean gap of confidence and accuracy, weighted by bin size."""
    found = reliability(probabilities, targets, bins)
    gaps = [own["n"] * abs(own["confidence"] - own["accuracy"]) for own in found]
    return float(sum(gaps) / len(targets))
