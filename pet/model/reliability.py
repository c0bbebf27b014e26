"""Reliability of probabilities: confidence against accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pet.types import Floats, Ints

BINS = 10  # of confidence, as usual in the literature


def reliability(probabilities: Floats, targets: Ints, bins: int = BINS) -> list[dict[str, float]]:
    """Measure confidence and accuracy in bins of confidence of equal width.

    Parameters
    ----------
    probabilities : array (N, C)
        Columns in the order of the task's labels; the largest of a row is its confidence.
    targets : array (N,)
        Indices of the true labels.
    bins : int
        Number of bins between 0 and 1.

    Returns
    -------
    list of dict
        For every bin the number ``n`` of its predictions, their mean ``confidence`` and their
        ``accuracy``; both are 0 in an empty bin.
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
    reliabilities: Sequence[Sequence[Mapping[str, float]]],
) -> list[dict[str, float]]:
    """Merge the `reliability` of several sets of predictions into that of all of them."""
    merged = []
    for bins in zip(*reliabilities, strict=True):
        n = sum(one["n"] for one in bins)
        means = {
            name: sum(one["n"] * one[name] for one in bins) / max(n, 1)
            for name in ("confidence", "accuracy")
        }
        merged.append({"n": n, **means})
    return merged


def calibration_error(probabilities: Floats, targets: Ints, bins: int = BINS) -> float:
    """Return the expected calibration error: mean gap of confidence and accuracy over bins.

    Bins are weighted by their number of predictions. Parameters are those of `reliability`.
    Source: Guo et al. 2017, section 2.
    """
    gaps = [
        one["n"] * abs(one["confidence"] - one["accuracy"])
        for one in reliability(probabilities, targets, bins)
    ]
    return float(sum(gaps) / len(targets))
