"""Unseen: scores of labelled examples by fits that did not see them."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from pet.scoring.labelled import Labelled
from pet.types import Ints, Scores

_FOLDS = 8


def unseen_scores(
    labelled: Labelled,
    fit: Callable[[Ints], None],
    score: Callable[[Ints], Scores],
    beside: bool = False,
) -> Scores | None:
    """Score each of N labelled examples by a fit to the other folds: (V, N, C).

    Parameters
    ----------
    labelled : Labelled
        The examples.
    fit : callable
        Fits to the examples of these row numbers, from the beginning.
    score : callable
        Scores n examples by their row numbers with what was fitted last: (V, n, C).
    beside : bool
        Whether something is fitted that stands for every label beside the examples.

    Returns
    -------
    array or None
        None where nothing can be left out: of a single example, or, with nothing beside them, of
        one example a label.
    """
    targets = labelled.targets
    count, strata = len(targets), labelled.kind.strata(targets)
    alone = strata is not None and len(np.unique(strata)) == count
    if count < 2 or (alone and not beside):
        return None
    parts, order = [], []
    for inside, outside in _splits(strata, count):
        fit(inside)
        parts.append(score(outside))
        order.append(outside)
    scores: Scores = np.concatenate(parts, axis=1)[:, np.argsort(np.concatenate(order))]
    return scores


def _splits(strata: Ints | None, count: int) -> list[tuple[Ints, Ints]]:
    """Split N examples into folds: row numbers of the other folds, and of the fold itself.

    There are at most 8 folds: as many as the commonest label has examples, or, if every label has
    one or there are sets of labels, as many as there are examples.
    """
    from sklearn.model_selection import (  # late: a process that only scores needs none
        KFold,
        StratifiedKFold,
    )

    most = 1 if strata is None else int(np.unique(strata, return_counts=True)[1].max())
    if strata is None or most < 2:
        plain = KFold(min(_FOLDS, count), shuffle=True, random_state=0)
        return list(plain.split(np.arange(count)))
    splitter = StratifiedKFold(min(_FOLDS, most), shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # labels with fewer examples than folds
        return list(splitter.split(strata, strata))
