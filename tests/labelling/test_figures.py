"""The quick model, its honest accuracy and the stopping rule, against naive ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pet.errors import UsageError
from pet.labelling.choosing import AHEAD, next_texts
from pet.labelling.estimate import accuracy_of, estimate
from pet.labelling.quick_model import Evidence, QuickModel, out_of_fold
from pet.labelling.stopping import agreement, verdict
from pet.search.suggestion import entropy


def naive_kappa(before: list[int], now: list[int]) -> float:
    """Cohen's kappa by its definition."""
    count = len(now)
    alike = sum(a == b for a, b in zip(before, now, strict=True)) / count
    chance = sum(
        (before.count(label) / count) * (now.count(label) / count) for label in {*before, *now}
    )
    return 0.0 if chance == 1 else (alike - chance) / (1 - chance)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=50))
def test_agreement_is_cohens_kappa(pairs: list[tuple[int, int]]) -> None:
    before, now = ([pair[side] for pair in pairs] for side in (0, 1))
    assert agreement(np.array(before), np.array(now)) == pytest.approx(naive_kappa(before, now))


def test_the_rule_stops_at_a_mean_of_three_and_not_before() -> None:
    base = np.arange(400) % 2
    one_off = base.copy()
    one_off[0] = 1 - one_off[0]  # kappa 0.995
    far = base.copy()
    far[:20] = 1 - far[:20]  # kappa 0.9
    assert not verdict([]).is_stable
    assert verdict([base]).mean is None
    assert not verdict([base, base, base]).is_stable  # two agreements
    assert verdict([base] * 4).is_stable
    assert verdict([far, base, base, base]).is_stable is False
    assert verdict([far, base, base, base, base]).is_stable
    mixed = verdict([base, one_off, base, one_off])
    assert mixed.agreements == pytest.approx((0.995, 0.995, 0.995))
    assert mixed.is_stable
    assert verdict([base, far, base, base]).mean == pytest.approx((0.9 + 0.9 + 1) / 3)


def test_models_that_know_one_label_alone_are_not_stable() -> None:
    assert not verdict([np.zeros(100, int)] * 10).is_stable


def test_models_of_a_pool_that_was_not_all_read_are_compared_on_what_both_saw() -> None:
    guesses = np.arange(100) % 3
    assert verdict([guesses[:40], guesses, guesses, guesses]).is_stable


@pytest.mark.parametrize(("right", "asked"), [(0, 5), (5, 5), (17, 20), (45, 60)])
def test_the_interval_is_wilsons(right: int, asked: int) -> None:
    z, share = 1.959963984540054, right / asked
    middle = (share + z * z / (2 * asked)) / (1 + z * z / asked)
    half = (
        z
        / (1 + z * z / asked)
        * math.sqrt(share * (1 - share) / asked + z * z / (4 * asked * asked))
    )
    told = accuracy_of(right, asked)
    assert told.low == pytest.approx(max(0, middle - half), abs=1e-9)
    assert told.high == pytest.approx(min(1, middle + half), abs=1e-9)
    assert told.share == share


def test_without_a_text_nothing_is_known() -> None:
    told = estimate(np.zeros((0, 2)), np.zeros(0, np.int64))
    assert (told.share, told.low, told.high) == (None, 0.0, 1.0)


def two_clouds(count: int, seed: int = 0) -> tuple[Evidence, np.ndarray]:
    """Vectors of two labels that a line parts, and a pattern without any idea."""
    rng = np.random.default_rng(seed)
    targets = np.arange(count) % 2
    vectors = rng.normal(size=(count, 6)) * 0.3
    vectors[:, 0] += 2 * targets - 1
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Evidence(vectors, np.full((1, count, 2), 0.5), np.ones(1)), targets


def test_the_model_learns_and_starts_from_the_patterns() -> None:
    evidence, targets = two_clouds(60)
    told = np.eye(2)[targets] * 0.8 + 0.1
    knowing = Evidence(evidence.vectors, told[None], np.ones(1))
    unlearned = QuickModel(evidence.vectors[:0], targets[:0], 2).judge(knowing)
    assert unlearned.together == pytest.approx(told)
    assert unlearned.weights.tolist() == [1, 0]
    judged = QuickModel(evidence.vectors[:20], targets[:20], 2).judge(evidence)
    assert (judged.together.argmax(1)[20:] == targets[20:]).mean() > 0.9
    assert judged.together.sum(axis=1) == pytest.approx(np.ones(60))
    assert judged.members.shape == (2, 60, 2)


def test_a_label_that_no_text_has_yet_stays_possible() -> None:
    evidence, _ = two_clouds(9)
    model = QuickModel(evidence.vectors, np.zeros(9, np.int64), 3)
    assert model.regressed(evidence.vectors[:1])[0] == pytest.approx([9 / 11, 1 / 11, 1 / 11])


def test_no_text_is_guessed_by_a_model_that_learned_from_it() -> None:
    # Labels without any rule: who has seen a text's label guesses it, others are at chance.
    rng = np.random.default_rng(1)
    vectors = np.linalg.qr(rng.normal(size=(120, 120)))[0]
    evidence = Evidence(vectors, np.full((1, 120, 2), 0.5), np.ones(1))
    targets = rng.integers(0, 2, 120)
    seen = QuickModel(vectors, targets, 2).judge(evidence).together.argmax(1)
    unseen = out_of_fold(evidence, targets, 2, 13, np.ones(120, bool)).argmax(1)
    assert (seen == targets).mean() > 0.95
    assert 0.3 < (unseen == targets).mean() < 0.65


def test_only_texts_that_are_wanted_are_guessed_and_all_are_learned_from() -> None:
    evidence, targets = two_clouds(80)
    wanted = np.arange(80) % 4 == 0
    all_of_them = out_of_fold(evidence, targets, 2, 13, np.ones(80, bool))
    assert out_of_fold(evidence, targets, 2, 13, wanted) == pytest.approx(all_of_them[wanted])
    one = out_of_fold(evidence.rows(np.arange(1)), targets[:1], 2, 13, np.ones(1, bool))
    assert one == pytest.approx(np.array([[0.5, 0.5]]))


def test_the_estimate_is_near_the_accuracy_on_new_texts() -> None:
    evidence, targets = two_clouds(2000, seed=3)
    noisy = np.where(np.random.default_rng(4).random(2000) < 0.2, 1 - targets, targets)
    learned = np.arange(200)
    shares = out_of_fold(evidence.rows(learned), noisy[learned], 2, 13, np.ones(200, bool))
    model = QuickModel(evidence.vectors[learned], noisy[learned], 2)
    of_others = model.judge(evidence).together.argmax(1)[200:]
    told = estimate(shares, noisy[learned])
    assert told.low <= (of_others == noisy[200:]).mean() <= told.high


def test_the_next_texts_are_free_uncertain_and_unlike() -> None:
    evidence, targets = two_clouds(400)
    judgement = QuickModel(evidence.vectors[:40], targets[:40], 2).judge(evidence)
    free = np.arange(400) >= 100
    rows = next_texts(judgement, evidence.vectors, free, "entropy", 10, 13)
    assert (rows >= 100).all()
    assert len(rows) == len(set(rows.tolist())) == 160
    assert entropy(judgement)[rows[:AHEAD]].mean() > entropy(judgement)[free].mean()
    best = next_texts(judgement, evidence.vectors, free, "entropy", 1, 13)
    values = entropy(judgement)
    assert best[0] == np.flatnonzero(free)[values[free].argmax()]
    assert set(best.tolist()) <= set(np.flatnonzero(free).tolist())
    assert len(next_texts(judgement, evidence.vectors, np.zeros(400, bool), "entropy", 10, 13)) == 0


def test_a_measure_of_members_needs_two() -> None:
    evidence, targets = two_clouds(20)
    alone = Evidence(evidence.vectors, evidence.members[:0], np.zeros(0))
    judgement = QuickModel(evidence.vectors, targets, 2).judge(alone)
    with pytest.raises(UsageError, match="one alone"):
        next_texts(judgement, evidence.vectors, np.ones(20, bool), "votes", 10, 13)
