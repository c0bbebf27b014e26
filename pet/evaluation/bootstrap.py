"""Bootstrap: is a difference more than chance?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_DRAWS_AT_ONCE = 500


def paired_bootstrap(
    first: NDArray[Any], second: NDArray[Any], resamples: int = 10_000, seed: int = 0
) -> tuple[float, float, float, float]:
    """Compare two methods on the same seeds and test examples.

    Both are drawn again with replacement: seeds, because training varies; examples, because the
    test set is a sample.

    Parameters
    ----------
    first, second : array (S, N)
        1 where the method, with this seed, found this test example's label.
    resamples : int
        How many draws.
    seed : int
        Of the draws.

    Returns
    -------
    tuple
        Mean difference first - second, the 2.5 and 97.5 percentiles of the draws, and
        p = 2 min(share <= 0, share >= 0), each counted with one draw more than there was, at
        most 1. Source: Efron & Tibshirani 1993, chapters 13.3 and 15.4.
    """
    gaps = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    means = bootstrap_means(gaps[None], resamples, seed)[:, 0]
    low, high = np.percentile(means, [2.5, 97.5])
    # Sums of many equal shares differ in their last digits: what is this near to 0 is 0.
    below, above = (means <= 1e-12).sum(), (means >= -1e-12).sum()
    p = min(1.0, 2 * (min(below, above) + 1) / (resamples + 1))
    return float(gaps.mean()), float(low), float(high), float(p)


def bootstrap_means(values: NDArray[Any], resamples: int, seed: int = 0) -> NDArray[np.float64]:
    """Means of values whose rows and columns are both drawn again with replacement.

    Parameters
    ----------
    values : array (K, S, N)
        K series that share their draws, so that they can be compared draw by draw.
    resamples : int
        How many draws, R.
    seed : int
        Of the draws.

    Returns
    -------
    array (R, K)
    """
    series, seeds, examples = values.shape
    generator = np.random.default_rng(seed)
    means = np.empty((resamples, series))
    for start in range(0, resamples, _DRAWS_AT_ONCE):
        size = min(_DRAWS_AT_ONCE, resamples - start)
        rows = generator.integers(seeds, size=(size, seeds))
        columns = generator.integers(examples, size=(size, examples))
        counts = (rows[:, :, None] == np.arange(seeds)).sum(axis=1)
        for number, own in enumerate(values):
            drawn = np.take_along_axis(counts @ own / seeds, columns, axis=1)
            means[start : start + size, number] = drawn.mean(axis=1)
    return means
