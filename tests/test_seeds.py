"""Random draws: the same for the same seed, independent for different uses."""

from __future__ import annotations

import ast
from pathlib import Path

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pet.seeds import AdaptationStream, MemberStream, RunStream, derived_seed, with_seed

numbers = st.integers(min_value=0, max_value=2**32 - 1)


@settings(max_examples=50, deadline=None)
@given(numbers, st.lists(numbers, max_size=4))
def test_derived_seed_depends_on_its_arguments_alone(seed: int, path: list[int]) -> None:
    first = derived_seed(seed, *path)
    torch.manual_seed(seed ^ 1)
    assert derived_seed(seed, *path) == first
    assert 0 <= first < 2**32


def test_different_paths_give_different_seeds() -> None:
    paths = [
        (a, *rest) for a in range(20) for rest in [(b, c) for b in range(10) for c in range(3)]
    ]
    assert len({derived_seed(*path) for path in paths}) == len(paths)


def test_seeds_do_not_change_between_versions() -> None:
    # Run folders name seeds; a change here would change members of runs that go on.
    assert [derived_seed(13), derived_seed(13, 0), derived_seed(13, 0, 1)] == [
        2293376285,
        2293376285,
        1679715052,
    ]


def test_with_seed_repeats_numpy_and_torch_draws() -> None:
    first = (with_seed(7).random(3).tolist(), torch.rand(3).tolist())
    again = (with_seed(7).random(3).tolist(), torch.rand(3).tolist())
    other = (with_seed(8).random(3).tolist(), torch.rand(3).tolist())
    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]


def test_no_two_uses_of_a_seed_share_a_number_but_those_that_say_so() -> None:
    shared = {
        (stream.__name__, name)
        for stream in (RunStream, MemberStream, AdaptationStream)
        for name, member in stream.__members__.items()
        if name != member.name
    }
    assert shared == {("RunStream", "DEVELOPMENT")}


def test_every_use_is_named() -> None:
    """A plain number says nothing, and may be somebody else's."""
    uses = [
        (path.name, node)
        for path in (Path(__file__).parents[1] / "pet").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "derived_seed"
    ]
    assert len(uses) > 20
    assert [name for name, node in uses if not isinstance(node.args[1], ast.Attribute)] == []
