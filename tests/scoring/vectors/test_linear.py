"""The linear classifier has the log-probabilities of scikit-learn's logistic regression."""

from __future__ import annotations

import warnings
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from pet.scoring.labelled import Labelled
from pet.scoring.vectors.linear import LinearClassifier
from pet.task.kinds import KINDS

CPU = torch.device("cpu")
IMPORTANCE = np.array([1.0, 0.2, 1.0, 3.0])


def drawn(seed: int, count: int, labels: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Vectors (N, 4) that are far from mean 0 and deviation 1, labels and weights of mean 1."""
    generator = np.random.default_rng(seed)
    targets = np.r_[np.arange(labels), generator.integers(0, labels, count - labels)]
    vectors = generator.normal(size=(count, 4)) * [1.0, 5.0, 0.2, 1.0] + [3.0, -1.0, 0.0, 10.0]
    vectors[:, 0] += targets
    weights = generator.uniform(0.2, 2.0, count)
    return vectors.astype(np.float32), targets, weights / weights.mean()


def fitted(
    vectors: NDArray[Any],
    targets: NDArray[Any],
    labels: int,
    kind: str = "single",
    weights: NDArray[Any] | None = None,
    importance: NDArray[Any] | None = None,
    class_weight: str | None = None,
    strength: float = 0.7,
) -> LinearClassifier:
    classifier = LinearClassifier(vectors.shape[1], labels, CPU)
    labelled = Labelled(cast(Any, None), targets, KINDS[kind], weights=weights)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier.fit(torch.from_numpy(vectors), labelled, importance, strength, class_weight)
    return classifier


def plain(
    vectors: NDArray[Any],
    targets: NDArray[Any],
    weights: NDArray[Any] | None,
    importance: NDArray[Any] | None,
    class_weight: str | None,
    new: NDArray[Any],
    strength: float = 0.7,
) -> NDArray[Any]:
    """Log-probabilities of new vectors by scikit-learn, of the labels that occur."""
    x, new = vectors.astype(float), new.astype(float)
    if importance is not None:
        scaler = StandardScaler().fit(x)
        x, new = scaler.transform(x) * importance, scaler.transform(new) * importance
    regression = LogisticRegression(C=strength, max_iter=10_000, class_weight=class_weight)
    log_shares: NDArray[Any] = regression.fit(x, targets, weights).predict_log_proba(new)
    return log_shares


def scored(classifier: LinearClassifier, vectors: NDArray[Any]) -> NDArray[Any]:
    scores: NDArray[Any] = classifier(torch.from_numpy(vectors)).double().numpy()
    return scores


@pytest.mark.parametrize("labels", [2, 3, 5])
@pytest.mark.parametrize("importance", [None, IMPORTANCE], ids=["as-they-are", "scaled"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_scores_are_log_probabilities_of_scikit_learn_up_to_a_constant(
    labels: int, importance: Any, weighted: bool, class_weight: str | None
) -> None:
    vectors, targets, weights = drawn(labels, 40, labels)
    new, _, _ = drawn(99, 15, labels)
    own = weights if weighted else None
    classifier = fitted(vectors, targets, labels, "single", own, importance, class_weight)
    expected = plain(vectors, targets, own, importance, class_weight, new)
    found = torch.from_numpy(scored(classifier, new)).log_softmax(1).numpy()
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_weights_and_class_weights_count() -> None:
    vectors, targets, weights = drawn(1, 40, 3)
    scores = [
        scored(fitted(vectors, targets, 3, weights=own, class_weight=way), vectors)
        for own, way in ((None, None), (weights, None), (None, "balanced"))
    ]
    assert not np.allclose(scores[0], scores[1], atol=1e-2)
    assert not np.allclose(scores[0], scores[2], atol=1e-2)


@pytest.mark.parametrize("present", [(0, 2), (0, 1, 3)])
def test_a_label_without_examples_is_never_likeliest_and_changes_no_other(
    present: tuple[int, ...],
) -> None:
    vectors, numbers, _ = drawn(3, 30, len(present))
    targets = np.array(present)[numbers]
    classifier = fitted(vectors, targets, 4, importance=IMPORTANCE)
    new = drawn(8, 50, len(present))[0]
    scores = scored(classifier, new)
    own = torch.from_numpy(scores[:, present]).log_softmax(1).numpy()
    expected = plain(vectors, targets, None, IMPORTANCE, None, new)
    np.testing.assert_allclose(own, expected, atol=2e-3)
    missing = [label for label in range(4) if label not in present]
    np.testing.assert_allclose(scores[:, missing], -np.log(31), rtol=1e-6)
    assert set(scores.argmax(axis=1)) <= set(present)


@pytest.mark.parametrize("importance", [None, IMPORTANCE], ids=["as-they-are", "scaled"])
@pytest.mark.parametrize("weighted", [False, True])
def test_several_labels_are_a_regression_each(importance: Any, weighted: bool) -> None:
    vectors, numbers, weights = drawn(5, 30, 3)
    generator = np.random.default_rng(0)
    targets = (generator.random((30, 4)) < 0.4).astype(np.int64)
    targets[np.arange(30), numbers] = 1
    targets[:, 1], targets[:, 3] = 1, 0  # all examples have the one, and none the other
    own = weights if weighted else None
    classifier = fitted(vectors, targets, 4, "multi-label", own, importance)
    scores = scored(classifier, vectors)
    for label in (0, 2):
        both = plain(vectors, targets[:, label], own, importance, None, vectors)
        np.testing.assert_allclose(scores[:, label], both[:, 1] - both[:, 0], atol=2e-3)
    np.testing.assert_allclose(scores[:, 1], np.log(31), rtol=1e-6)
    np.testing.assert_allclose(scores[:, 3], -np.log(31), rtol=1e-6)


def test_balanced_labels_are_balanced_label_by_label() -> None:
    vectors, numbers, _ = drawn(6, 30, 3)
    targets = np.eye(3, dtype=np.int64)[numbers]
    classifier = fitted(vectors, targets, 3, "multi-label", class_weight="balanced")
    for label in range(3):
        both = plain(vectors, targets[:, label], None, None, "balanced", vectors)
        found = scored(classifier, vectors)[:, label]
        np.testing.assert_allclose(found, both[:, 1] - both[:, 0], atol=2e-3)


def test_entries_that_are_all_alike_count_for_nothing() -> None:
    vectors, targets, _ = drawn(7, 20, 2)
    vectors[:, 2] = 7.0
    classifier = fitted(vectors, targets, 2, importance=IMPORTANCE)
    assert bool(torch.isfinite(classifier.weight).all())
    moved = vectors.copy()
    moved[:, 2] = 7.5
    np.testing.assert_allclose(scored(classifier, moved), scored(classifier, vectors), atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), labels=st.integers(2, 4), several=st.booleans())
def test_the_order_of_examples_does_not_matter(seed: int, labels: int, several: bool) -> None:
    vectors, targets, weights = drawn(seed, 16, labels)
    if several:
        targets = np.eye(labels, dtype=np.int64)[targets] | np.eye(labels, dtype=np.int64)[0]
    order = np.random.default_rng(seed).permutation(16)
    kind = "multi-label" if several else "single"
    one = fitted(vectors, targets, labels, kind, weights, IMPORTANCE)
    two = fitted(vectors[order], targets[order], labels, kind, weights[order], IMPORTANCE)
    np.testing.assert_allclose(scored(one, vectors), scored(two, vectors), atol=5e-3)


def test_what_was_taken_scores_alike_elsewhere() -> None:
    vectors, targets, _ = drawn(4, 20, 3)
    classifier = fitted(vectors, targets, 3)
    other = LinearClassifier(4, 3, CPU)
    taken = classifier.take()
    assert sorted(taken) == ["learned.bias", "learned.centre", "learned.weight"]
    other.put(taken)
    np.testing.assert_array_equal(scored(other, vectors), scored(classifier, vectors))
    with pytest.raises(RuntimeError):
        LinearClassifier(5, 3, CPU).put(taken)
