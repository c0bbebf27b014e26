"""Stages of a run: their plan is what happens, also where a run goes on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toy import BAD, GOOD, NEW, toy_task

from pet.config import Settings
from pet.data import Data, Example, Pool
from pet.members import members_of
from pet.pipeline import asked, run
from pet.pipeline.stages import Staged, phases_of
from pet.progress import Event
from pet.runs import RunFolder

TASK = toy_task()
TRAIN = [
    Example({"text": text}, label)
    for texts, label in ((BAD, "negative"), (GOOD, "positive"))
    for text in texts
]
POOL = Pool(lambda: iter([Example({"text": text}) for text in NEW]))


def stages_told(
    tiny_bert: str, path: Path, data: Data, **flat: Any
) -> list[tuple[str, tuple[int, int]]]:
    """Run a method, and return its stages as they end, with how many were finished then."""
    own = {"backbone": tiny_bert, "device": "cpu", "precision": "fp32", "max_steps": 1}
    settings = Settings.from_flat({**own, "distill_epochs": 1, **flat})
    told: list[tuple[str, tuple[int, int]]] = []

    def note(event: Event) -> None:
        if event.moment == "end" and event.stages is not None:
            told.append((event.stage, event.stages))

    folder = RunFolder.start(path, asked(TASK, settings, data))
    run(TASK, settings, data, folder, note)
    planned = phases_of(TASK, settings, members_of(TASK, settings, len(data.train)), data)
    names = [name for phase in planned for name in phase]
    assert [stage for stage, _ in told] == [n for n in names if n in dict(told)]
    return told


@pytest.mark.parametrize(
    ("flat", "pool", "count"),
    [
        ({}, True, 2 + 2 + 1),
        ({}, False, 2),
        ({"method": "ipet", "generations": 1, "growth": 2}, True, 2 * (2 + 2) + 1),
        ({"method": "fine-tune"}, False, 1),
        ({"method": "fine-tune", "temper": "folds"}, False, 1),
        ({"method": "single"}, True, 1),
        ({"temper": "folds", "folds": 2}, False, 2 + 2 * 2),
    ],
)
def test_every_stage_that_is_planned_happens_in_its_order(
    flat: dict[str, Any],
    pool: bool,
    count: int,
    tiny_bert: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Members of one step may take no text for some label.
    drawn = {label: [0, 1] for label in TASK.labels}
    monkeypatch.setattr("pet.pipeline.ipet.draw_rows", lambda *_: drawn)
    data = Data(TRAIN, (), POOL if pool else None)
    told = stages_told(tiny_bert, tmp_path / "run", data, **flat)
    assert [stages for _, stages in told] == [(number, count) for number in range(1, count + 1)]


def test_a_run_that_goes_on_counts_what_was_finished_before(tiny_bert: str, tmp_path: Path) -> None:
    data = Data(TRAIN, (), POOL)
    stages_told(tiny_bert, tmp_path / "run", data)
    for name in ("classifier", "members/pattern-1"):
        shutil.rmtree(tmp_path / "run" / name)
    told = stages_told(tiny_bert, tmp_path / "run", data)
    # The text that pattern-0 labelled stands between; what comes later says that it is there.
    assert told[0] == ("pattern-1", (2, 5))
    assert told[-1] == ("classifier", (5, 5))


def test_other_stages_and_those_told_again_stay_as_they_are() -> None:
    told: list[Event] = []
    show = Staged([["a", "b"], ["c"]], told.append)
    for event in (
        Event("b", "start", 0, 1), Event("held-out text", "start", 0, 1), Event("b", "end", 1, 1),
        Event("b", "start", 0, 1), Event("c", "start", 0, 1), Event("c", "end", 1, 1),
    ):  # fmt: skip
        show(event)
    assert [event.stages for event in told] == [(1, 3), None, (2, 3), None, (2, 3), (3, 3)]
    assert replace(told[2], stages=None) == Event("b", "end", 1, 1)
