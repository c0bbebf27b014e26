"""Quick model: logistic regression on vectors of texts, mixed with what the patterns say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pet.search.panel import Judgement
from pet.types import Floats, Ints

# As many labelled texts of each label as the patterns count for, and scikit-learn's C. Both were
# chosen on rows of train files: `python benchmarks/labels_needed.py --grid`.
PATTERNS_COUNT = 4.0
STRENGTH = 3.0
FOLDS = 10
_SMALLEST = 1e-6


@dataclass(frozen=True)
class Evidence:
    """Evidence of the frozen backbone about N texts.

    Parameters
    ----------
    vectors : array (N, H)
        Vectors of length 1.
    members : array (M, N, C)
        Probabilities by each of M patterns, or members of a run.
    weights : array (M,)
        Weights of the members; they sum to 1.
    """

    vectors: NDArray[np.floating]
    members: NDArray[np.floating]
    weights: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.vectors)

    def rows(self, rows: Ints) -> Evidence:
        """Return the evidence of some texts."""
        return Evidence(self.vectors[rows], self.members[:, rows], self.weights)


class QuickModel:
    """A classifier that is fitted in a moment: no weight of the backbone changes.

    Its probabilities are a weighted geometric mean (a logarithmic opinion pool, Genest and Zidek
    1986) of those of the patterns and those of a logistic regression on the texts' vectors. The
    regression counts the more, the more texts are labelled.

    Parameters
    ----------
    vectors : array (n, H)
        Vectors of the labelled texts.
    targets : array of int (n,)
        Numbers of their labels.
    n_labels : int
        Number of labels, C.
    importance : array (n,), optional
        How much each text counts; 1 by default.
    """

    def __init__(
        self,
        vectors: NDArray[np.floating],
        targets: Ints,
        n_labels: int,
        importance: NDArray[np.float64] | None = None,
        strength: float = STRENGTH,
        patterns_count: float = PATTERNS_COUNT,
    ) -> None:
        from sklearn.linear_model import LogisticRegression

        self.n_labels = n_labels
        self._count = len(targets)
        self._present = np.unique(targets)
        self._regression = None
        if len(self._present) > 1:
            self._regression = LogisticRegression(C=strength, max_iter=2000)
            self._regression.fit(np.asarray(vectors, np.float64), targets, importance)
        # The regression's weight against the patterns': 0 without labels, 1/2 where each label has
        # as many texts as the patterns count for.
        self.share = self._count / (self._count + patterns_count * n_labels)

    def regressed(self, vectors: NDArray[np.floating]) -> Floats:
        """Return the regression's probabilities: (N, C).

        A label that no text has yet is as likely as if one more text had it.
        """
        probabilities = np.full((len(vectors), self.n_labels), 1.0)
        absent = self.n_labels - len(self._present)
        known = np.ones((len(vectors), len(self._present)))
        if self._regression is not None:
            known = self._regression.predict_proba(np.asarray(vectors, np.float64))
        if len(self._present):
            probabilities[:, self._present] = known * max(self._count, 1)
        return np.asarray(probabilities / (max(self._count, 0) + absent))

    def judge(self, evidence: Evidence) -> Judgement:
        """Judge N texts: the patterns and the regression are the members."""
        regressed = self.regressed(evidence.vectors)
        members = np.concatenate([np.asarray(evidence.members, np.float64), regressed[None]])
        members = np.maximum(members, _SMALLEST)
        members /= members.sum(axis=2, keepdims=True)
        share = self.share if len(evidence.weights) else 1.0
        weights = np.append((1 - share) * evidence.weights, share)
        together = np.exp(np.einsum("m,mnc->nc", weights, np.log(members)))
        return Judgement(members, weights, together / together.sum(axis=1, keepdims=True))


def out_of_fold(
    evidence: Evidence,
    targets: Ints,
    n_labels: int,
    seed: int,
    wanted: NDArray[np.bool_],
    importance: NDArray[np.float64] | None = None,
) -> Floats:
    """Return the probabilities of labelled texts by models that did not learn from them.

    Parameters
    ----------
    evidence : Evidence
        Of the n labelled texts.
    targets : array of int (n,)
        Numbers of their labels.
    n_labels : int
        Number of labels, C.
    seed : int
        Random seed of the folds.
    wanted : array of bool (n,)
        Texts whose probabilities are asked for; all are learned from.
    importance : array (n,), optional
        As for `QuickModel`.

    Returns
    -------
    array (k, C)
        Probabilities of the k texts that are wanted, in order. A single text is judged by the
        patterns alone.
    """
    found = np.zeros((len(targets), n_labels))
    for learned, left_out in _folds(len(targets), seed):
        asked = left_out[wanted[left_out]]
        if not len(asked):
            continue
        counts = None if importance is None else importance[learned]
        model = QuickModel(evidence.vectors[learned], targets[learned], n_labels, counts)
        found[asked] = model.judge(evidence.rows(asked)).together
    return found[wanted]


def _folds(count: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    from sklearn.model_selection import KFold

    if count == 1:
        yield np.arange(0), np.arange(1)
    elif count:
        yield from KFold(min(FOLDS, count), shuffle=True, random_state=seed).split(np.arange(count))
