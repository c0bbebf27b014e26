"""The examples of a cell: disjoint, seeded, those of `pet train`."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from studies import CONFIG, FILES, POOL, TEST, quick
from study_cells import spec
from toy import toy_task

from pet.data import Columns, Pool, draw_shots, examples_from
from pet.errors import DataError
from pet.evaluation.study import cells
from pet.evaluation.study.cells import TaskFiles, draw
from pet.evaluation.study.fewshot import few_shot_study
from pet.seeds import RunStream, derived_seed


def keys(examples: Any) -> list[tuple[str, ...]]:
    return [example.key for example in examples]


@pytest.mark.parametrize("draw_dev", [False, True])
def test_train_development_and_unlabelled_examples_are_disjoint(draw_dev: bool) -> None:
    data = draw(spec(shots=3, draw_dev=draw_dev))
    assert data.pool is not None
    parts = [set(keys(data.train)), set(keys(data.dev)), set(keys(data.pool))]
    assert [len(part) for part in parts[:2]] == [6, 6 if draw_dev else 0]
    assert all(not one & other for one, other in itertools.combinations(parts, 2))
    assert set().union(*parts) == {(row["text"],) for row in POOL}
    for part in (data.train, data.dev):
        labels = [example.label for example in part]
        assert labels.count("negative") == labels.count("positive")


def test_what_has_no_label_is_not_kept_for_a_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def record(examples: Any, *how: Any) -> Any:
        seen.append(list(examples))
        return draw_shots(examples, *how)

    monkeypatch.setattr(cells, "draw_shots", record)
    more = [{"text": f"unlabelled text {number}", "label": None} for number in range(9)]
    data = draw(spec(files=TaskFiles(toy_task(), [*POOL, *more], TEST)))
    assert sorted(keys(seen[0])) == sorted((row["text"],) for row in POOL)
    assert {("unlabelled text 0",), ("unlabelled text 8",)} <= set(keys(data.pool))


def test_draws_follow_the_seed_and_not_the_method_or_the_development_sample() -> None:
    first = draw(spec(unlabeled=9))
    for same in (replace(spec(unlabeled=9), method="pet"), spec(unlabeled=9)):
        assert keys(draw(same).train) == keys(first.train)
        assert keys(draw(same).pool) == keys(first.pool)
    assert keys(draw(spec(draw_dev=True)).train) == keys(first.train)
    assert keys(draw(spec(2)).train) != keys(first.train)
    assert keys(draw(spec(2, unlabeled=9)).pool) != keys(first.pool)


def test_draws_are_those_of_pet_train() -> None:
    data = draw(spec(13, unlabeled=7))
    columns = Columns(FILES.task, {})
    train = draw_shots(
        list(examples_from(POOL, columns)), FILES.task.labels, 2, derived_seed(13, RunStream.SHOTS)
    )
    pool = Pool(
        lambda: examples_from(POOL, columns), train, 7, derived_seed(13, RunStream.UNLABELLED)
    )
    assert keys(data.train) == keys(train)
    assert keys(data.pool) == keys(pool)
    assert not any(example.label for example in data.pool or ())


def test_fewer_shots_are_the_first_of_more() -> None:
    few, many = keys(draw(spec(shots=2)).train), keys(draw(spec(shots=5)).train)
    assert set(few) < set(many)


def test_rows_without_a_label_are_unlabelled_text() -> None:
    pool = [{"text": row["text"]} if number % 2 else row for number, row in enumerate(POOL)]
    labelled = {(row["text"],) for row in pool if "label" in row}
    data = draw(spec(files=TaskFiles(toy_task(), pool, TEST)))
    assert set(keys(data.train)) <= labelled
    assert len(data.pool or ()) == len(pool) - 4


def test_a_pool_without_labels_is_told_in_one_message() -> None:
    pool = [{"text": row["text"]} for row in POOL]
    with pytest.raises(DataError, match=r"no labelled example(?s:.*)columns={'label': "):
        few_shot_study([TaskFiles(toy_task(), pool, TEST)], CONFIG, quick())


@pytest.mark.parametrize(
    ("shots", "draw_dev", "message"),
    [(99, False, "99 shots were asked for"), (40, True, "No equal development sample is left")],
)
def test_a_pool_that_is_too_small_is_refused_before_anything_is_run(
    shots: int, draw_dev: bool, message: str, tmp_path: Path
) -> None:
    config = replace(CONFIG, shots=(2, shots), draw_dev=draw_dev)
    with pytest.raises(DataError, match=message):
        few_shot_study([FILES], config, quick(), tmp_path / "study")
    assert not (tmp_path / "study").exists()


def test_rows_of_the_pool_that_are_test_rows_are_left_out_and_counted() -> None:
    twice = [TEST[0], TEST[0], TEST[5]]
    files = TaskFiles(toy_task(), [*twice, *POOL], TEST)
    assert few_shot_study([files], CONFIG, quick()).overlap == {"toy": 3}
    shared = frozenset((row["text"],) for row in twice)
    data = draw(spec(files=files, left_out=shared))
    assert not shared & {*keys(data.train), *keys(data.pool)}
    assert keys(data.train) == keys(draw(spec()).train)
