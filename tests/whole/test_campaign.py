"""A little of every part of the test campaign, and that it notices what it is there for."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from campaign import fuzz_rows, fuzz_tasks
from campaign.damage import damage
from campaign.full_disks import fill_disks, refuse_writes
from campaign.fuzz_arguments import fuzz_arguments
from campaign.kills import kill_at_random
from campaign.outcomes import Tally
from campaign.processes import Ended
from campaign.shrinking import smallest
from campaign.two_at_once import two_at_once
from campaign.world import World, differences

from pet.errors import PatternError
from pet.task import Pattern
from pet.training import checkpoints


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The tiny world; checkpoints are written at every step only as long as it is there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "EVERY_SECONDS", None)
        for name in ("TOKENIZERS_PARALLELISM", "HF_HUB_OFFLINE", "TRANSFORMERS_VERBOSITY"):
            patch.setenv(name, "")
        yield World(tmp_path_factory.mktemp("world"))


def clean(tally: Tally, least: int) -> None:
    """Nothing failed, and there was something to fail."""
    assert tally.failures == [], tally.table()
    assert tally.total >= least


def test_random_patterns_and_verbalizers(tmp_path: Path) -> None:
    clean(fuzz_tasks.fuzz_patterns(7, 1000), 1000)
    clean(fuzz_tasks.fuzz_verbalizers(7, 1000), 1000)
    clean(fuzz_tasks.fuzz_verbalizer_files(7, 200, tmp_path), 200)


def test_random_rows(tmp_path: Path) -> None:
    clean(fuzz_rows.fuzz_rows(7, 500, tmp_path), 500)


def test_random_arguments(world: World) -> None:
    clean(fuzz_arguments(7, 10, world, ("tasks", "check", "predict", "evaluate", "explain")), 10)


def test_random_kills(world: World) -> None:
    clean(kill_at_random(7, 1, world, ("single",)), 2)


def test_random_damage(world: World) -> None:
    clean(damage(8, 4, world, ("ensemble",)), 4)


def test_writes_that_fail(world: World) -> None:
    clean(refuse_writes(7, 3, world, ("single",)), 3)
    clean(fill_disks(7, 1, world, ("single",)), 1)


def test_two_at_once(world: World) -> None:
    clean(two_at_once(7, 1, world, ("single",)), 1)


def test_what_must_not_be_is_counted_and_shown_as_small_as_it_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def crash(given: str) -> str:
        if "{{" in given:
            raise ZeroDivisionError
        raise PatternError("no")

    monkeypatch.setattr(fuzz_tasks, "read_pattern", crash)
    tally = fuzz_tasks.fuzz_patterns(7, 300)
    assert tally.counts["template", "FAILED: ZeroDivisionError"] == len(tally.failures) > 0
    assert all(failure.endswith("Pattern('{{')") for failure in tally.failures)


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        (Ended(0, "fine", ""), "done"),
        (Ended(1, "", "Error: no.\n  Do this.\n"), "one message"),
        (Ended(1, "", "Error: no.\nError: nor that.\n"), "exit code 1 with 2 messages"),
        (Ended(1, "", ""), "exit code 1 with 0 messages"),
        (Ended(1, "", "Traceback (most recent call last)\n"), "traceback"),
        (Ended(-11, "", ""), "ended by signal 11"),
        (Ended(None, "", ""), "hung"),
    ],
)
def test_how_a_process_ends_has_a_name(ended: Ended, outcome: str) -> None:
    assert ended.outcome == outcome


def test_folders_differ_by_what_is_left_over_missing_or_other() -> None:
    assert differences({"a": "1", "b": "2"}, {"a": "1", "b": "2"}) == ""
    assert differences({"a": "1", "a.part": "2"}, {"a": "3", "c": "4"}) == (
        "left over: a.part; missing: c; other numbers: a"
    )


def test_the_smallest_failing_input_is_found() -> None:
    chance = random.Random(1)
    letters = "".join(chance.choices("abcdef", k=200)) + "X" + "g" * 50 + "Y"
    assert smallest(letters, lambda part: "X" in part and "Y" in part) == "XY"
    assert smallest([1, 2, 3], lambda part: True) == []


def test_a_pattern_that_means_another_when_it_is_written_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fuzz_tasks, "written", lambda part: "{text} {mask}")
    with pytest.raises((AssertionError, PatternError)):
        fuzz_tasks.read_pattern("{text} {mask}")
    assert Pattern("{text} {mask}")
