"""Rows of a study are plain statistics; the bootstrap against a naive one."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace

import numpy as np
import pytest
from studies import CONFIG, FILES, STUDY, TEST, quick

from pet.evaluation.bootstrap import paired_bootstrap
from pet.evaluation.study.comparison import (
    ALL_TASKS,
    SummaryRow,
    study_csv,
    study_from_dict,
    study_table,
    study_to_dict,
    summarise,
)
from pet.evaluation.study.fewshot import few_shot_study
from pet.evaluation.study.results import StudyResult


def test_rows_are_plain_statistics_of_the_cells() -> None:
    config = replace(CONFIG, methods=("tfidf", "embedding"))
    base = few_shot_study([FILES], CONFIG, quick())
    # A second method and a second task by hand: the first one's, with other right answers.
    cells = list(base.cells)
    for task, method, right in (("toy", "embedding", "10"), ("more", "tfidf", "0"),
                                ("more", "embedding", "1001")):  # fmt: skip
        for cell in base.cells:
            marks = (right * 99)[cell.seed : cell.seed + len(TEST)]
            metrics = {"accuracy": marks.count("1") / len(TEST), "macro_f1": 0.5, "ece": 0.1}
            figures = replace(cell.models["tfidf"], metrics=metrics, right=marks)
            cells.append(replace(cell, task=task, method=method, models={method: figures}))
    study = StudyResult(config, tuple(cells), {})
    rows = {(row.task, row.method): row for row in summarise(study, "tfidf")}
    assert list(rows) == [
        (task, method) for task in ("toy", "more", ALL_TASKS) for method in ("tfidf", "embedding")
    ]
    per_seed: dict[tuple[str, str], list[float]] = {}
    for cell in cells:
        figures = cell.models[cell.method]
        per_seed.setdefault((cell.task, cell.method), []).append(figures.accuracy)
    for method in config.methods:
        both = zip(per_seed["toy", method], per_seed["more", method], strict=True)
        per_seed[ALL_TASKS, method] = [sum(pair) / 2 for pair in both]
    for key, values in per_seed.items():
        row = rows[key]
        assert row.accuracy == pytest.approx(statistics.mean(values))
        assert row.deviation == pytest.approx(statistics.stdev(values))
        assert (row.best, row.worst, row.seeds) == (max(values), min(values), 3)
    gap = rows["more", "embedding"].difference
    assert gap is not None
    assert gap.baseline == "tfidf"
    assert gap.mean == pytest.approx(rows["more", "embedding"].accuracy)
    assert gap.low <= gap.mean <= gap.high
    assert rows["more", "tfidf"].difference is None
    best = {row.difference.baseline for row in summarise(study) if row.difference}
    assert best == {
        max(config.methods, key=lambda method: rows[task, method].accuracy)
        for task in ("toy", "more")
    }


def test_one_seed_has_no_deviation() -> None:
    rows = summarise(few_shot_study([FILES], replace(CONFIG, seeds=(5,)), quick()))
    assert rows[0].deviation is None
    assert study_table(rows).splitlines()[-1].split()[2] == "-"


def naive_bootstrap(
    first: np.ndarray, second: np.ndarray, resamples: int
) -> tuple[float, float, float, float]:
    """One resample at a time, one pair at a time, with other random numbers."""
    generator = np.random.default_rng(99)
    seeds, examples = first.shape
    means = []
    for _ in range(resamples):
        rows = [int(generator.integers(seeds)) for _ in range(seeds)]
        columns = [int(generator.integers(examples)) for _ in range(examples)]
        total = sum(first[r, c] - second[r, c] for r in rows for c in columns)
        means.append(total / (seeds * examples))
    means.sort()
    low, high = means[int(0.025 * resamples)], means[int(0.975 * resamples)]
    shares = [sum(m <= 0 for m in means) / resamples, sum(m >= 0 for m in means) / resamples]
    return float((first - second).mean()), low, high, min(1.0, 2 * min(shares))


def test_bootstrap_agrees_with_a_naive_one() -> None:
    generator = np.random.default_rng(0)
    first = (generator.random((4, 25)) < 0.75).astype(int)
    second = (generator.random((4, 25)) < 0.6).astype(int)
    found, wanted = paired_bootstrap(first, second, 4000), naive_bootstrap(first, second, 2000)
    assert found[0] == pytest.approx(wanted[0])
    np.testing.assert_allclose(found[1:], wanted[1:], atol=0.03)


def test_bootstrap_of_equal_methods_and_of_very_different_ones() -> None:
    marks = np.random.default_rng(1).random((3, 40)) < 0.5
    assert paired_bootstrap(marks, marks) == (0, 0, 0, 1)
    mean, low, high, p = paired_bootstrap(np.ones((3, 40)), np.zeros((3, 40)), 999)
    assert (mean, low, high) == (1, 1, 1)
    assert p == pytest.approx(0.002)
    assert paired_bootstrap(marks, ~marks, seed=3) == paired_bootstrap(marks, ~marks, seed=3)


def test_bootstrap_is_the_same_the_other_way_round() -> None:
    generator = np.random.default_rng(2)
    first, second = generator.random((2, 3, 30)) < 0.6
    mean, low, high, p = paired_bootstrap(first, second)
    np.testing.assert_allclose(paired_bootstrap(second, first), (-mean, -high, -low, p))


def test_the_table_shows_shares_as_percent_and_the_learning_curve() -> None:
    rest = (0.1, 0.9, 0.5, {"macro_f1": 0.6, "ece": 0.2}, 1.3, 300.4, {"a": 0.4, "b": 0.8})
    rows = [
        SummaryRow("toy", shots, method, 2, mean, *rest)
        for shots, method, mean in ((4, "x", 0.7), (4, "y", 0.6), (8, "x", 0.8), (8, "y", 0.75))
    ]
    first, _, curve = study_table(rows).split("\n\n")
    assert first.splitlines()[0] == "toy, 4 shots, 2 seeds"
    assert first.splitlines()[3].split() == [
        "x", "70.0", "10.0", "90.0", "50.0", "60.0", "40.0", "to", "80.0", "1.3", "300",
    ]  # fmt: skip
    assert [line.split() for line in curve.splitlines()[2:]] == [
        ["x", "70.0", "±", "10.0", "80.0", "±", "10.0"],
        ["y", "60.0", "±", "10.0", "75.0", "±", "10.0"],
    ]


def test_results_as_values() -> None:
    study = few_shot_study([FILES], CONFIG, quick())
    rows = summarise(study)
    plain = json.loads(json.dumps(study_to_dict(study, rows)))
    assert plain["config"]["seeds"] == [1, 2, 3]
    lines = study_csv(study).splitlines()
    assert lines[0].startswith("task,shots,method,seed,accuracy,macro_f1,ece,train,dev,unlabeled")
    assert len(lines) == 4


def test_rows_of_an_earlier_edition_have_their_two_metrics() -> None:
    study = few_shot_study([FILES], CONFIG, quick())
    plain = json.loads(json.dumps(study_to_dict(study, summarise(study))))
    rows = study_from_dict(plain)[1]
    for row in plain["rows"]:
        row |= {"macro_f1": row["metrics"]["macro_f1"], "ece": row.pop("metrics")["ece"]}
    assert study_from_dict(plain)[1] == rows
    assert rows[0].metrics.keys() == {"macro_f1", "ece"}


def test_patterns_of_an_earlier_edition_are_read_by_their_names() -> None:
    template = "{text} It was {mask}."
    cells = [
        replace(cell, patterns={"pattern-0": 0.5, "gen-1/pattern-1": 0.25},
                templates={"pattern-0": template, "gen-1/pattern-1": template})
        for cell in STUDY.cells
    ]  # fmt: skip
    study = replace(STUDY, cells=tuple(cells))
    new = json.loads(json.dumps(study_to_dict(study, summarise(study))))
    old = json.loads(json.dumps(new))
    for table in (*old["rows"], *old["cells"]):
        table["patterns"] = {
            f"{name}  {template}": value for name, value in table["patterns"].items()
        }
        table.pop("templates", None)
    assert old != new
    assert study_from_dict(old) == study_from_dict(new) == (study, summarise(study))
