"""A study that goes on, grows, or is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from studies import CONFIG, FILES, POOL, TEST, quick
from toy import toy_task

import pet.evaluation.study.fewshot as fewshot
from pet.config import (
    BackboneConfig,
    Settings,
    StudyConfig,
    TrainingConfig,
)
from pet.errors import RunError, UsageError
from pet.evaluation.study.cells import CellSpec, TaskFiles, run_cell
from pet.evaluation.study.fewshot import few_shot_study
from pet.evaluation.study.results import StudyResult
from pet.execution import Processes, executor_for
from pet.progress import Event

ONE = replace(CONFIG, seeds=(1,))


def without_cost(study: StudyResult) -> list[dict[str, Any]]:
    cost = {"seconds": 0.0, "memory": 0.0, "gpu_memory": None}
    return [asdict(replace(cell, **cost)) for cell in study.cells]


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ran: list[str] = []

    def counting(spec: CellSpec, *rest: Any) -> Any:
        ran.append(spec.name)
        return run_cell(spec, *rest)

    monkeypatch.setattr(fewshot, "run_cell", counting)
    return ran


def test_finished_cells_are_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = counted(monkeypatch)
    fresh = few_shot_study([FILES], CONFIG, quick(), tmp_path / "other")
    whole = few_shot_study([FILES], CONFIG, quick(), tmp_path / "study")
    assert without_cost(whole) == without_cost(fresh)
    ran.clear()
    assert few_shot_study([FILES], CONFIG, quick(), tmp_path / "study") == whole
    assert ran == []
    (tmp_path / "study/tasks/toy/cells/tfidf-2-2.json").unlink()
    again = few_shot_study([FILES], CONFIG, quick(), tmp_path / "study")
    assert ran == ["tfidf-2-2"]
    assert without_cost(again) == without_cost(whole)


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_every_cell_is_a_stage_and_what_goes_on_inside_is_none(jobs: int, tmp_path: Path) -> None:
    told: list[Event] = []
    study = tmp_path / "study"
    few_shot_study([FILES], ONE, quick(), study)
    few_shot_study([FILES], replace(CONFIG, jobs=jobs), quick(), study, progress=told.append)
    staged = [event for event in told if event.stages is not None]
    starts = [event.stage for event in staged if event.moment == "start"]
    ends = [(event.stage, event.stages) for event in staged if event.moment == "end"]
    assert starts == ["toy tfidf-2-2", "toy tfidf-2-3"]
    assert sorted(stage for stage, _ in ends) == starts
    assert [stages for _, stages in ends] == [(2, 3), (3, 3)]


def test_a_study_that_was_cut_off_keeps_what_was_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(spec: CellSpec, *rest: Any) -> Any:
        if spec.seed == 3:
            raise KeyboardInterrupt
        return run_cell(spec, *rest)

    monkeypatch.setattr(fewshot, "run_cell", failing)
    with pytest.raises(KeyboardInterrupt):
        few_shot_study([FILES], CONFIG, quick(), tmp_path / "study")
    ran = counted(monkeypatch)
    few_shot_study([FILES], CONFIG, quick(), tmp_path / "study")
    assert ran == ["tfidf-2-3"]


def test_seeds_shots_methods_and_tasks_may_be_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_bert: str
) -> None:
    few_shot_study([FILES], ONE, quick(tiny_bert), tmp_path)
    ran = counted(monkeypatch)
    more = StudyConfig(methods=("tfidf", "embedding"), shots=(2, 3), seeds=(1, 2))
    other = TaskFiles(replace(toy_task(), name="other"), POOL, TEST)
    few_shot_study([FILES, other], more, quick(tiny_bert), tmp_path)
    assert len(ran) == 2 * 2 * 2 * 2 - 1


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (lambda s: {"config": replace(ONE, unlabeled=3)}, "unlabeled: null there, 3 now"),
        (lambda s: {"config": replace(ONE, draw_dev=True)}, "draw_dev: false there, true now"),
        (
            lambda s: {"settings": replace(s, training=TrainingConfig(max_steps=3))},
            "settings.training.max_steps: 2 there, 3 now",
        ),
        (lambda s: {"tasks": [replace(FILES, pool=POOL[1:])]}, "pool.n: 126 there, 125 now"),
        (lambda s: {"tasks": [replace(FILES, test=TEST[1:])]}, "test.n: 24 there, 23 now"),
    ],
)
def test_other_settings_or_data_are_refused_with_the_difference(
    change: Callable[[Settings], dict[str, Any]], difference: str, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"tasks": [FILES], "config": ONE, "settings": quick()}
    few_shot_study(**given, output=tmp_path)
    with pytest.raises(RunError, match=difference):
        few_shot_study(**{**given, **change(quick())}, output=tmp_path)
    few_shot_study(**{**given, **change(quick())}, output=tmp_path, force=True)


def test_a_damaged_cell_is_named(tmp_path: Path) -> None:
    few_shot_study([FILES], ONE, quick(), tmp_path)
    cell = tmp_path / "tasks/toy/cells/tfidf-2-1.json"
    for damage in ("{", "[]", '{"task": "toy"}'):
        cell.write_text(damage)
        with pytest.raises(RunError, match=r"tfidf-2-1\.json"):
            few_shot_study([FILES], ONE, quick(), tmp_path)


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    with Processes(2) as executor:
        yield executor


@pytest.fixture
def shared(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let studies with two jobs share two processes: these start more slowly than they work."""
    monkeypatch.setattr(
        fewshot,
        "executor_for",
        lambda jobs: nullcontext(processes) if jobs == 2 else executor_for(jobs),
    )


@pytest.mark.usefixtures("shared")
def test_two_processes_give_what_one_gives(tiny_bert: str) -> None:
    config = StudyConfig(methods=("tfidf", "single"), shots=(2,), seeds=(1,))
    one, two = (
        few_shot_study([FILES], replace(config, jobs=jobs), quick(tiny_bert)) for jobs in (1, 2)
    )
    assert without_cost(one) == without_cost(two)


@pytest.mark.usefixtures("shared")
def test_an_error_in_a_process_is_the_same_error() -> None:
    config = StudyConfig(methods=("single",), shots=(1,), seeds=(1,), jobs=2)
    with pytest.raises(UsageError, match="Device 'nonsense' cannot be used"):
        few_shot_study(
            [FILES], config, replace(quick(), backbone=BackboneConfig(device="nonsense"))
        )


def test_tasks_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="different names, not toy, toy"):
        few_shot_study([FILES, FILES], CONFIG, quick())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"methods": ("pett",)}, "methods='pett' is unknown(?s:.*)'pet'"),
        ({"methods": ()}, "methods must be one or more"),
        ({"seeds": (1, 1)}, "seeds must be one or more different"),
        ({"seeds": (-1,)}, "seeds must be a number from 0, not -1"),
        ({"shots": (0,)}, "shots must be a number from 1, not 0"),
        ({"shots": (1.5,)}, "shots must be a whole number, not 1.5"),
        ({"jobs": 0}, "jobs must be a number from 1"),
        ({"unlabeled": -1}, "unlabeled must be a number from 0"),
    ],
)
def test_wrong_studies_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        StudyConfig(**wrong)
