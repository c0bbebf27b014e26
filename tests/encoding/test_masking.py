"""Dynamic masking: its rates, what it never touches, and whole words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pet.encoding.masking import ASKED, Masking

SPECIAL = (0, 1, 2, 3, 4)
MASK = 4


def masking(rate: float = 0.15, mask: float = 0.8, other: float = 0.1) -> Masking:
    return Masking(rate, mask, other, MASK, SPECIAL, 200)


def random_rows(shape: tuple[int, int], seed: int, word_length: int = 1) -> NDArray[np.int32]:
    generator = np.random.default_rng(seed)
    ids = generator.integers(0, 200, shape)
    starts = generator.random(shape) < 1 / word_length
    starts |= np.isin(ids, SPECIAL)
    starts[:, 1:] |= np.isin(ids, SPECIAL)[:, :-1]
    return np.stack([ids, starts], axis=1).astype(np.int32)


def test_rates_are_as_asked() -> None:
    rows = random_rows((400, 100), 0)
    seen, chosen = masking()(rows, np.random.default_rng(1))
    ids = rows[:, 0]
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
    rows = random_rows((3, 12), seed, word)
    ids = rows[:, 0]
    seen, chosen = masking(rate, mask, other * (1 - mask))(rows, np.random.default_rng(seed))
    assert not (chosen & np.isin(ids, SPECIAL)).any()
    assert (seen[~chosen] == ids[~chosen]).all()
    assert not np.isin(seen[chosen], [n for n in SPECIAL if n != MASK]).any()
    assert chosen.any() == (~np.isin(ids, SPECIAL)).any()


@settings(deadline=None)
@given(st.integers(0, 999), st.floats(0.05, 0.9))
def test_the_tokens_of_a_word_are_chosen_and_hidden_together(seed: int, rate: float) -> None:
    rows = random_rows((4, 30), seed, word_length=3)
    seen, chosen = masking(rate, 0.5, 0.0)(rows, np.random.default_rng(seed))
    for row, (ids, starts) in enumerate(rows):
        for at in range(1, len(ids)):
            if not starts[at]:
                assert chosen[row, at] == chosen[row, at - 1]
                assert (seen[row, at] == MASK) == (seen[row, at - 1] == MASK)


@settings(deadline=None)
@given(st.integers(0, 999), st.booleans())
def test_words_that_are_asked_for_are_always_chosen(seed: int, whole: bool) -> None:
    rows = random_rows((4, 30), seed, word_length=3 if whole else 1)
    asked = np.random.default_rng(seed).random((4, 30)) < 0.2
    plain = masking(0.5)(rows, np.random.default_rng(seed))[1]
    rows[:, 1] += ASKED * asked.astype(np.int32)
    eligible = ~np.isin(rows[:, 0], SPECIAL)
    seen, chosen = masking(0.5)(rows, np.random.default_rng(seed))
    assert chosen[asked & eligible].all()
    assert not chosen[~eligible].any()
    assert (chosen & ~asked == plain & ~asked).all()
    assert (seen[~chosen] == rows[:, 0][~chosen]).all()


def test_whole_words_keep_the_rate() -> None:
    rows = random_rows((400, 100), 0, word_length=3)
    _, chosen = masking()(rows, np.random.default_rng(1))
    assert chosen.sum() / (~np.isin(rows[:, 0], SPECIAL)).sum() == pytest.approx(0.15, abs=0.01)


def test_masks_differ_from_draw_to_draw_and_repeat_with_the_seed() -> None:
    rows = random_rows((4, 50), 0)
    first, second = (masking()(rows, np.random.default_rng(n))[1] for n in (1, 2))
    assert (first != second).any()
    assert (first == masking()(rows, np.random.default_rng(1))[1]).all()
