"""Every combiner equals a naive loop; weights do what they say."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pet.errors import UsageError
from pet.model import Ensemble
from pet.model.combiners import COMBINERS
from pet.model.ensemble import agreements, ensemble_from_dict, ensemble_to_dict
from pet.model.weighting import accuracy_weights, learn_weights


def naive_softmax(row: Sequence[float]) -> list[float]:
    total = sum(math.exp(value - max(row)) for value in row)
    return [math.exp(value - max(row)) / total for value in row]


def naive(how: str, rows: Sequence[Sequence[float]], weights: Sequence[float]) -> list[float]:
    """Combine the score rows (K, C) of one example, with weights that sum to 1."""
    labels = range(len(rows[0]))
    probabilities = [naive_softmax(row) for row in rows]
    mixture = [sum(w * p[c] for w, p in zip(weights, probabilities, strict=True)) for c in labels]
    if how == "logits":
        return [sum(w * row[c] for w, row in zip(weights, rows, strict=True)) for c in labels]
    if how == "probabilities":
        return [math.log(value) for value in mixture]
    if how == "log-probabilities":
        return [
            sum(w * math.log(p[c]) for w, p in zip(weights, probabilities, strict=True))
            for c in labels
        ]
    votes = [0.0 for _ in labels]
    for weight, row in zip(weights, rows, strict=True):
        votes[max(labels, key=lambda c: row[c])] += weight
    return [math.log(0.99 * v + 0.01 * m) for v, m in zip(votes, mixture, strict=True)]


def naive_ensemble(ensemble: Ensemble, scores: Sequence[Any]) -> np.ndarray:
    """(N, C), one example at a time: verbalizers first, temperature, then members."""
    total = sum(ensemble.weights)
    out = []
    for n in range(scores[0].shape[1]):
        rows = []
        for part, temperature in zip(scores, ensemble.temperatures, strict=True):
            flat = [1 / len(part)] * len(part)
            row = naive(ensemble.combine_verbalizers, part[:, n].tolist(), flat)
            rows.append([value / temperature for value in row])
        weights = [weight / total for weight in ensemble.weights]
        out.append(naive(ensemble.combine_members, rows, weights))
    return np.array(out)


def random_scores(seed: int = 0, verbalizers: Sequence[int] = (1, 3, 2), n: int = 7) -> list[Any]:
    generator = np.random.default_rng(seed)
    return [generator.normal(0, 2, (v, n, 4)).astype(np.float32) for v in verbalizers]


@pytest.mark.parametrize("members", COMBINERS)
@pytest.mark.parametrize("verbalizers", COMBINERS)
def test_every_pair_of_combiners_equals_a_naive_loop(verbalizers: str, members: str) -> None:
    ensemble = Ensemble((2.0, 0.5, 1.0), (1.0, 2.0, 0.5), verbalizers, members)
    scores = random_scores()
    found = ensemble(scores)
    assert found.shape == (7, 4)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, naive_ensemble(ensemble, scores), atol=1e-4)


def test_the_axes_are_combined_one_after_the_other() -> None:
    # Two verbalizers say 0 and 4, the other member's one says 8: members count, not verbalizers.
    scores = [np.array([[[0.0, 0]], [[4.0, 0]]]), np.array([[[8.0, 0]]])]
    assert Ensemble.uniform(2)(scores)[0, 0] == pytest.approx(5.0)
    assert Ensemble.uniform(2).member_scores(scores)[:, 0, 0].tolist() == [2.0, 8.0]


def test_combiners_of_different_axes_do_not_commute() -> None:
    scores = random_scores(3)
    one = Ensemble.uniform(3, combine_verbalizers="logits", combine_members="probabilities")
    other = Ensemble.uniform(3, combine_verbalizers="probabilities", combine_members="logits")
    assert not np.allclose(one(scores), other(scores), atol=1e-2)


@pytest.mark.parametrize("how", COMBINERS)
def test_weights_are_normalised_and_zero_silences(how: str) -> None:
    scores = random_scores(1)
    one = Ensemble((1.0, 2.0, 0.0), (1.0,) * 3, how, how)(scores)
    tenfold = Ensemble((10.0, 20.0, 0.0), (1.0,) * 3, how, how)(scores)
    np.testing.assert_allclose(one, tenfold, atol=1e-5)
    other = Ensemble((1.0, 2.0), (1.0,) * 2, how, how)(scores[:2])
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("how", COMBINERS)
def test_members_in_another_order_give_the_same(how: str) -> None:
    scores = random_scores(2)
    one = Ensemble((1.0, 2.0, 3.0), (1.0, 2.0, 4.0), how, how)(scores)
    other = Ensemble((3.0, 1.0, 2.0), (4.0, 1.0, 2.0), how, how)([scores[2], *scores[:2]])
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("how", COMBINERS)
def test_scores_far_apart_stay_finite(how: str) -> None:
    scores = [np.array([[[500.0, -500.0]]]), np.array([[[-400.0, 400.0]]])]
    assert np.isfinite(Ensemble.uniform(2, combine_members=how)(scores)).all()


def test_a_majority_wins_a_vote_and_the_mean_probability_breaks_ties() -> None:
    loud, quiet = [9.0, 0.0], [0.0, 0.5]
    vote = Ensemble.uniform(3, combine_members="vote")
    assert vote([np.array([[row]]) for row in (loud, quiet, quiet)])[0].argmax() == 1
    assert Ensemble.uniform(3)([np.array([[row]]) for row in (loud, quiet, quiet)])[0].argmax() == 0
    tie = Ensemble.uniform(2, combine_members="vote")
    assert tie([np.array([[row]]) for row in (loud, quiet)])[0].argmax() == 0


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, 20), max_size=4), how=st.sampled_from(sorted(COMBINERS)))
def test_combining_chunk_by_chunk_equals_all_at_once(cuts: list[int], how: str) -> None:
    scores = random_scores(5, n=20)
    ensemble = Ensemble((1.0, 2.0, 0.5), (1.0, 1.5, 0.5), how, how)
    edges = [0, *sorted(cuts), 20]
    parts = [
        ensemble([part[:, start:end] for part in scores])
        for start, end in itertools.pairwise(edges)
    ]
    np.testing.assert_allclose(np.concatenate(parts), ensemble(scores), atol=1e-6)


@pytest.mark.parametrize(
    ("weights", "temperatures"),
    [
        ((1.0, -0.1), (1.0, 1.0)),
        ((0.0, 0.0), (1.0, 1.0)),
        ((1.0,), (1.0, 1.0)),
        ((1.0, 1.0), (1.0, 0.0)),
        ((1.0, 1.0), (1.0, -1.0)),
        ((1.0, math.nan), (1.0, 1.0)),
        ((1.0, math.inf), (1.0, 1.0)),
        ((1.0, 1.0), (1.0, math.nan)),
        ((), ()),
    ],
)
def test_impossible_weights_are_refused(weights: Any, temperatures: Any) -> None:
    with pytest.raises(UsageError):
        Ensemble(weights, temperatures)


@pytest.mark.parametrize("axis", ["combine_verbalizers", "combine_members"])
def test_an_unknown_combiner_is_refused_with_the_nearest(axis: str) -> None:
    with pytest.raises(UsageError, match="Did you mean 'logits'"):
        Ensemble.uniform(2, **{axis: "logit"})


def test_another_number_of_members_is_refused() -> None:
    with pytest.raises(ValueError):
        Ensemble.uniform(2)(random_scores())


def test_accuracy_weights_are_the_accuracies() -> None:
    assert accuracy_weights([0.5, 0.75, 0.0]) == (0.5, 0.75, 0.0)
    assert accuracy_weights([0.5, None]) == (1.0, 1.0)
    assert accuracy_weights([0.0, 0.0]) == (1.0, 1.0)


def test_plain_values_survive_json() -> None:
    ensemble = Ensemble((0.1, 0.2), (1.0, 3.0), "vote", "probabilities")
    plain = json.loads(json.dumps(ensemble_to_dict(ensemble, ["x", "y"])))
    assert plain["members"] == ["x", "y"]
    assert ensemble_from_dict(plain) == ensemble


# Learned weights


def members(seed: int, n: int, strengths: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Scores (K, n, 3) of members of which each is right as strongly as told, and the labels."""
    generator = np.random.default_rng(seed)
    targets = generator.integers(0, 3, n)
    noise = generator.normal(0, 1, (len(strengths), n, 3))
    right = np.eye(3)[targets]
    return noise + np.array(strengths)[:, None, None] * right, targets


def test_equal_members_get_equal_weights() -> None:
    scores, targets = members(0, 50, [1.0])
    weights, temperatures = learn_weights(np.concatenate([scores] * 4), targets)
    assert weights == pytest.approx([0.25] * 4, abs=1e-3)
    assert len(set(np.round(temperatures, 3))) == 1


def test_members_that_know_nothing_get_nearly_uniform_weights() -> None:
    scores, targets = members(1, 400, [0.0, 0.0, 0.0])
    weights, _ = learn_weights(scores, targets)
    assert sum(weights) == pytest.approx(1.0)
    assert weights == pytest.approx([1 / 3] * 3, abs=0.05)


def test_much_evidence_prefers_the_better_member() -> None:
    learned = [learn_weights(*members(seed, 400, [0.0, 2.0, 0.3])) for seed in range(10)]
    weights = np.mean([weights for weights, _ in learned], axis=0)
    assert weights[1] > 0.5
    assert weights[1] > weights[2] > weights[0]
    assert min(min(temperatures) for _, temperatures in learned) > 0


def test_a_stronger_pull_is_nearer_to_uniform() -> None:
    scores, targets = members(2, 100, [0.0, 2.0])
    shares = [learn_weights(scores, targets, pull)[0][1] for pull in (0.1, 1.0, 10.0, 1e4)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == pytest.approx(0.5, abs=0.01)


def test_few_examples_move_the_weights_less_than_many() -> None:
    few = [learn_weights(*members(seed, 4, [0.0, 2.0]))[0] for seed in range(20)]
    many = [learn_weights(*members(seed, 400, [0.0, 2.0]))[0] for seed in range(20)]
    assert np.mean(np.array(few)[:, 1]) < np.mean(np.array(many)[:, 1])
    assert np.ptp(np.array(few)[:, 1]) < 0.35  # a handful of examples must not decide


def test_learned_weights_ignore_the_order_of_examples() -> None:
    scores, targets = members(4, 40, [0.5, 1.0])
    order = np.random.default_rng(0).permutation(40)
    one, other = learn_weights(scores, targets), learn_weights(scores[:, order], targets[order])
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_agreements_are_shares_of_decisions_like_the_ensembles() -> None:
    generator = np.random.default_rng(0)
    for kind, alternatives in (("single", 3), ("multi-label", 3)):
        chunks = [
            [generator.normal(size=(v, n, alternatives)).astype(np.float32) for v in (1, 2, 1)]
            for n in (5, 8)
        ]
        ensemble = Ensemble((1.0, 2.0, 0.5), (1.0, 3.0, 1.0), kind=kind)
        counts = np.zeros(3)
        for chunk in chunks:
            for text in range(chunk[0].shape[1]):
                members = [
                    s[:, text].mean(axis=0) / t
                    for s, t in zip(chunk, ensemble.temperatures, strict=True)
                ]
                both = sum(w * m for w, m in zip(ensemble.weights, members, strict=True))
                for number, own in enumerate(members):
                    if kind == "single":
                        counts[number] += own.argmax() == both.argmax()
                    else:
                        counts[number] += ((own > 0) == (both > 0)).mean()
        np.testing.assert_allclose(agreements(chunks, ensemble), counts / 13)
