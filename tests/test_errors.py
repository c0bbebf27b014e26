"""Errors: one message with a hint, an exit code, and the nearest known name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pet
from pet import errors
from pet.errors import PetError, UsageError, did_you_mean

CHILDREN = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, PetError) and value is not PetError
]


def test_hint_stands_on_a_line_of_its_own() -> None:
    assert str(PetError("It failed.", "Do this.")) == "It failed.\n  Do this."
    assert str(PetError("It failed.")) == "It failed."


@pytest.mark.parametrize("child", CHILDREN)
def test_every_error_is_caught_as_a_pet_error(child: type[PetError]) -> None:
    with pytest.raises(pet.PetError, match="why"):
        raise child("why", "what to do")


@pytest.mark.parametrize("child", CHILDREN)
def test_only_wrong_usage_exits_with_two(child: type[PetError]) -> None:
    assert child.exit_code == (2 if child is UsageError else 1)


@pytest.mark.parametrize(
    ("found", "known", "hint"),
    [
        ("positiv", ["negative", "positive"], "Did you mean 'positive'?"),
        ("POSITIVE", ["negative", "positive"], "Did you mean 'positive'?"),
        ("sports", ["Sports", "World"], "Did you mean 'Sports'?"),
        ("xyz", ["a", "b"], "Known: 'a', 'b'."),
        ("", ["a", "b"], "Known: 'a', 'b'."),
    ],
)
def test_hint_names_the_nearest_or_lists_what_is_known(
    found: str, known: list[str], hint: str
) -> None:
    assert did_you_mean(found, known) == hint


def test_long_lists_are_cut() -> None:
    hint = did_you_mean("?", [f"name{number}" for number in range(50)])
    assert hint.count("'name") == 20
    assert hint.endswith(", ...")


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=8), st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=8))
def test_hint_suggests_known_names_only(found: str, known: list[str]) -> None:
    hint = did_you_mean(found, iter(known))
    if hint.startswith("Did you mean"):
        assert hint in {f"Did you mean {name!r}?" for name in known}
    else:
        assert all(repr(name) in hint for name in known)
