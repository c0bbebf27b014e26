"""Few-shot draws."""

from __future__ import annotations

from collections import Counter

import pytest
from films import TASK
from hypothesis import given, settings
from hypothesis import strategies as st

from pet.data import (
    Example,
    draw_shots,
)
from pet.errors import DataError


def labelled(counts: dict[str, int]) -> list[Example]:
    return [
        Example({"text": f"{label} {number}"}, label)
        for label, count in counts.items()
        for number in range(count)
    ]


@settings(max_examples=50, deadline=None)
@given(
    st.integers(min_value=1, max_value=8),
    st.integers(min_value=0, max_value=2**32),
    st.tuples(st.integers(min_value=8, max_value=30), st.integers(min_value=8, max_value=30)),
)
def test_draw_is_balanced_seeded_and_without_duplicates(
    shots: int, seed: int, counts: tuple[int, int]
) -> None:
    examples = labelled({"positive": counts[0], "negative": counts[1]})
    drawn = draw_shots([*examples, *examples], TASK.labels, shots, seed)
    assert Counter(example.label for example in drawn) == {"positive": shots, "negative": shots}
    assert len({example.key for example in drawn}) == len(drawn)
    assert all(example in examples for example in drawn)
    assert draw_shots([*examples, *examples], TASK.labels, shots, seed) == drawn


def test_different_seeds_draw_different_examples() -> None:
    examples = labelled({"positive": 50, "negative": 50})
    draws = [
        frozenset(example.key for example in draw_shots(examples, TASK.labels, 4, seed))
        for seed in range(10)
    ]
    assert len(set(draws)) == 10


def test_every_example_can_be_drawn() -> None:
    examples = labelled({"positive": 5, "negative": 5})
    seen = {e.key for seed in range(60) for e in draw_shots(examples, TASK.labels, 1, seed)}
    assert len(seen) == 10


def test_label_with_too_few_different_examples_is_named_with_its_count() -> None:
    examples = [*labelled({"positive": 5, "negative": 2}), *labelled({"negative": 2})]
    message = "Label 'negative' has 2 different examples; 3 shots(?s:.*)shots=2"
    with pytest.raises(DataError, match=message):
        draw_shots(examples, TASK.labels, 3, 0)
    assert len(draw_shots(examples, TASK.labels, 2, 0)) == 4
