"""Bootstrap: is a difference more than chance?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pet.types import Floats

_DRAWS_AT_ONCE = 500


def paired_bootstrap(
    first: Floats, second: Floats, resamples: int = 10_000, seed: int = 0
) -> tuple[float, float, float, float]:
    """Compare two methods on the same seeds and test examples.

    Seeds and examples are both resampled with replacement: seeds, because training varies;
    examples, because the test set is a sample.

    Parameters
    ----------
    first, second : array (S, N)
        1 for every test example that the method, with this seed, labels correctly; 0 otherwise.
    resamples : int
        Number of draws.
    seed : int
        Random seed of the draws.

    Returns
    -------
    tuple
        Mean difference first - second, the 2.5 and 97.5 percentiles of the draws, and
        p = 2 min(share <= 0, share >= 0), at most 1; both shares are counted with one more draw.
        Source: Efron & Tibshirani 1993, chapters 13.3 and 15.4.
    """
    gaps = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    means = bootstrap_means(gaps[None], resamples, seed)[:, 0]
    return _summary(float(gaps.mean()), means)


def paired_bootstrap_of_examples(
    first: NDArray[np.bool_], second: NDArray[np.bool_], resamples: int = 10_000, seed: int = 0
) -> tuple[float, float, float, float]:
    """Compare two models on the same test examples, which are resampled with replacement.

    A draw of N examples is a draw of how many of them only the first has right, and how many only
    the second: so time and memory do not depend on N.

    Parameters
    ----------
    first, second : array (N,)
        Whether the model is right about each test example.
    resamples : int
        Number of draws.
    seed : int
        Random seed of the draws.

    Returns
    -------
    tuple
        As of `paired_bootstrap`.
    """
    n, better, worse = len(first), (first & ~second).sum(), (second & ~first).sum()
    shares = np.array([better, worse, n - better - worse]) / n
    draws = np.random.default_rng(seed).multinomial(n, shares, size=resamples)
    return _summary(float(better - worse) / n, (draws[:, 0] - draws[:, 1]) / n)


def _summary(mean: float, means: Floats) -> tuple[float, float, float, float]:
    """Return the mean, the percentiles of the draws, and p."""
    low, high = np.percentile(means, [2.5, 97.5])
    # Sums of many equal shares differ in their last digits: means this near to 0 count as 0.
    below, above = (means <= 1e-12).sum(), (means >= -1e-12).sum()
    p = min(1.0, 2 * (min(below, above) + 1) / (len(means) + 1))
    return mean, float(low), float(high), float(p)


def bootstrap_means(values: Floats, resamples: int, seed: int = 0) -> NDArray[np.float64]:
    """Return means of values whose rows and columns are resampled with replacement.

    Parameters
    ----------
    values : array (K, S, N)
        K series that share their draws, so that they can be compared draw by draw.
    resamples : int
        Number R of draws.
    seed : int
        Random seed of the draws.

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
        for index, one_series in enumerate(values):
            drawn = np.take_along_axis(counts @ one_series / seeds, columns, axis=1)
            means[start : start + size, index] = drawn.mean(axis=1)
    return means
