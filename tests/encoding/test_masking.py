"""Dynamic masking: its rates, what it never touches, and whole words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pet.encoding.masking import Flags, Masking
from pet.types import Ints

SPECIAL = (0, 1, 2, 3, 4)
MASK = 4


def masking(rate: float = 0.15, mask: float = 0.8, other: float = 0.1) -> Masking:
    return Masking(rate, mask, other, MASK, SPECIAL, 200)


def random_rows(shape: tuple[int, int], seed: int, word_length: int = 1) -> tuple[Ints, Flags]:
    generator = np.random.default_rng(seed)
    ids = generator.integers(0, 200, shape)
    starts = generator.random(shape) < 1 / word_length
    starts |= np.isin(ids, SPECIAL)
    starts[:, 1:] |= np.isin(ids, SPECIAL)[:, :-1]
    return ids, starts


def test_rates_are_as_asked() -> None:
    ids, starts = random_rows((400, 100), 0)
    seen, chosen = masking()(ids, np.random.default_rng(1), starts)
    eligible = ~np.isin(ids, SPECIAL)
    assert chosen.sum() / eligible.sum() == pytest.approx(0.15, abs=0.01)
    masked = (seen == MASK) & chosen
    changed = chosen & ~masked & (seen != ids)
    assert masked.sum() / chosen.sum() == pytest.approx(0.8, abs=0.02)
    assert changed.sum() / chosen.sum() == pytest.approx(0.1, abs=0.02)


@settings(deadline=None)
@given(
    st.integers(0, 999),
    st.floats(0.01, 0.99),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(1, 4),
)
def test_special_tokens_are_neither_chosen_nor_inserted(
    seed: int, rate: float, mask: float, other: float, word: int
) -> None:
    ids, starts = random_rows((3, 12), seed, word)
    hide = masking(rate, mask, other * (1 - mask))
    seen, chosen = hide(ids, np.random.default_rng(seed), starts)
    assert not (chosen & np.isin(ids, SPECIAL)).any()
    assert (seen[~chosen] == ids[~chosen]).all()
    assert not np.isin(seen[chosen], [n for n in SPECIAL if n != MASK]).any()
    assert chosen.any() == (~np.isin(ids, SPECIAL)).any()


@settings(deadline=None)
@given(st.integers(0, 999), st.floats(0.05, 0.9))
def test_the_tokens_of_a_word_are_chosen_and_hidden_together(seed: int, rate: float) -> None:
    ids, starts = random_rows((4, 30), seed, word_length=3)
    seen, chosen = masking(rate, 0.5, 0.0)(ids, np.random.default_rng(seed), starts)
    for row in range(len(ids)):
        for at in range(1, ids.shape[1]):
            if not starts[row, at]:
                assert chosen[row, at] == chosen[row, at - 1]
                assert (seen[row, at] == MASK) == (seen[row, at - 1] == MASK)


@settings(deadline=None)
@given(st.integers(0, 999), st.booleans())
def test_words_that_are_asked_for_are_always_chosen(seed: int, whole: bool) -> None:
    ids, starts = random_rows((4, 30), seed, word_length=3 if whole else 1)
    asked = np.random.default_rng(seed).random((4, 30)) < 0.2
    plain = masking(0.5)(ids, np.random.default_rng(seed), starts)[1]
    eligible = ~np.isin(ids, SPECIAL)
    seen, chosen = masking(0.5)(ids, np.random.default_rng(seed), starts, asked)
    assert chosen[asked & eligible].all()
    assert not chosen[~eligible].any()
    assert (chosen & ~asked == plain & ~asked).all()
    assert (seen[~chosen] == ids[~chosen]).all()


def test_whole_words_keep_the_rate() -> None:
    ids, starts = random_rows((400, 100), 0, word_length=3)
    _, chosen = masking()(ids, np.random.default_rng(1), starts)
    assert chosen.sum() / (~np.isin(ids, SPECIAL)).sum() == pytest.approx(0.15, abs=0.01)


def test_masks_differ_from_draw_to_draw_and_repeat_with_the_seed() -> None:
    ids, starts = random_rows((4, 50), 0)
    first, second = (masking()(ids, np.random.default_rng(n), starts)[1] for n in (1, 2))
    assert (first != second).any()
    assert (first == masking()(ids, np.random.default_rng(1), starts)[1]).all()


@given(st.integers(0, 999))
def test_without_marks_every_token_is_a_word_and_none_is_asked_for(seed: int) -> None:
    ids, starts = random_rows((3, 12), seed, word_length=4)
    every, none = np.ones_like(starts), np.zeros_like(starts)
    plain = masking(0.4)(ids, np.random.default_rng(seed))
    marked = masking(0.4)(ids, np.random.default_rng(seed), every, none)
    assert all((a == b).all() for a, b in zip(plain, marked, strict=True))
    before = starts.copy()
    masking(0.4)(ids, np.random.default_rng(seed), starts)
    assert (starts == before).all()
