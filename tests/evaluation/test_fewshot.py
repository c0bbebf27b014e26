"""The few-shot protocol: draws, cells, resuming, comparisons, and the command end to end."""

from __future__ import annotations

import csv
import io
import itertools
import json
import statistics
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from studies import CONFIG, FILES, POOL, TEST, quick
from toy import Files, Result, pet, toy_task, write_jsonl
from transformers import AutoModelForMaskedLM

import pet.evaluation.study.fewshot as fewshot
from pet.config import (
    BackboneConfig,
    IpetConfig,
    Settings,
    StudyConfig,
    TrainingConfig,
)
from pet.data import Columns, Pool, draw_shots, examples_from
from pet.errors import DataError, RunError, UsageError
from pet.evaluation.bootstrap import paired_bootstrap
from pet.evaluation.study.cells import CellSpec, TaskFiles, draw, run_cell
from pet.evaluation.study.comparison import (
    ALL_TASKS,
    Row,
    study_csv,
    study_table,
    study_to_dict,
    summarise,
)
from pet.evaluation.study.fewshot import few_shot_study
from pet.evaluation.study.results import StudyResult
from pet.seeds import derived_seed

ONE = replace(CONFIG, seeds=(1,))


@pytest.fixture(autouse=True)
def no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collecting garbage before every cell takes longer than the cells of these tests."""
    monkeypatch.setattr("pet.evaluation.study.cells.reset_peaks", lambda: None)


def spec(seed: int = 1, shots: int = 2, **more: Any) -> CellSpec:
    return CellSpec(more.pop("files", FILES), "tfidf", shots, seed, quick(), **more)


def keys(examples: Any) -> list[tuple[str, ...]]:
    return [example.key for example in examples]


def without_cost(study: StudyResult) -> list[dict[str, Any]]:
    cost = {"seconds": 0.0, "memory": 0.0, "gpu_memory": None}
    return [asdict(replace(cell, **cost)) for cell in study.cells]


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

    monkeypatch.setattr("pet.evaluation.study.cells.draw_shots", record)
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
        list(examples_from(POOL, columns)), FILES.task.labels, 2, derived_seed(13, 3)
    )
    pool = Pool(lambda: examples_from(POOL, columns), train, 7, derived_seed(13, 4))
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
    with pytest.raises(DataError, match=r"no labelled example(?s:.*)--column label="):
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


def test_a_cell_counts_the_right_answers_one_by_one() -> None:
    result = run_cell(spec())
    figures = result.models["tfidf"]
    assert set(figures.right) <= {"0", "1"}
    assert len(figures.right) == len(TEST)
    assert figures.accuracy == pytest.approx(figures.right.count("1") / len(TEST))
    assert (result.train, result.dev, result.unlabeled) == (4, 0, len(POOL) - 4)
    assert result.memory > 50
    assert result.seconds >= 0


def test_pet_gives_ensemble_distilled_and_every_pattern(tiny_bert: str) -> None:
    result = run_cell(replace(spec(unlabeled=8), method="pet", settings=quick(tiny_bert)))
    assert list(result.models) == ["pet", "pet ensemble"]
    assert [name.split("  ")[0] for name in result.patterns] == ["pattern-0", "pattern-1"]
    assert all(0 <= value <= 1 for value in result.patterns.values())
    assert result.unlabeled == 8
    model = AutoModelForMaskedLM.from_pretrained(tiny_bert)
    words = model.get_input_embeddings().weight  # frozen
    assert result.trained == sum(own.numel() for own in model.parameters() if own is not words)
    assert run_cell(spec()).trained is None


def test_a_soft_kind_is_a_method(tiny_bert: str) -> None:
    settings = quick(tiny_bert)
    settings = replace(
        settings,
        template=replace(settings.template, soft_length=3),
        training=replace(settings.training, scope="prompt"),
    )
    result = run_cell(replace(spec(unlabeled=8), method="prompt-tuning", settings=settings))
    assert list(result.models) == ["prompt-tuning", "prompt-tuning ensemble"]
    width = AutoModelForMaskedLM.from_pretrained(tiny_bert).config.hidden_size
    assert result.trained == 3 * width


def test_generations_of_ipet_are_models_and_not_patterns(tiny_bert: str) -> None:
    settings = replace(
        quick(tiny_bert),
        ipet=IpetConfig(generations=2, growth=2),
        training=TrainingConfig(max_steps=40, learning_rate=5e-3),
    )
    result = run_cell(replace(spec(), method="ipet", settings=settings))
    generations = ["ipet generation 0", "ipet generation 1"]
    assert list(result.models) == ["ipet", *generations, "ipet ensemble"]
    assert [name.split("  ")[0] for name in result.patterns] == [
        "gen-2/pattern-0",
        "gen-2/pattern-1",
    ]


def test_zero_shot_sees_no_labels_and_runs_once_a_seed(tiny_bert: str) -> None:
    config = StudyConfig(methods=("zero-shot", "tfidf"), shots=(1, 2), seeds=(1, 2))
    study = few_shot_study([FILES], config, quick(tiny_bert))
    own = [cell for cell in study.cells if cell.method == "zero-shot"]
    assert [(cell.shots, cell.seed, cell.train) for cell in own] == [(0, 1, 0), (0, 2, 0)]
    rows = summarise(study)
    assert [(row.shots, row.method) for row in rows] == [
        (1, "zero-shot"), (1, "tfidf"), (2, "zero-shot"), (2, "tfidf"),
    ]  # fmt: skip
    assert rows[0].accuracy == rows[2].accuracy


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


def test_two_processes_give_what_one_gives(tiny_bert: str) -> None:
    config = StudyConfig(methods=("tfidf", "single"), shots=(2,), seeds=(1,))
    one, two = (
        few_shot_study([FILES], replace(config, jobs=jobs), quick(tiny_bert)) for jobs in (1, 2)
    )
    assert without_cost(one) == without_cost(two)


def test_an_error_in_a_process_is_the_same_error(tmp_path: Path) -> None:
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


def test_the_table_shows_shares_as_percent_and_the_learning_curve() -> None:
    rest = (0.1, 0.9, 0.5, 0.6, 0.2, 1.3, 300.4, {"a": 0.4, "b": 0.8})
    rows = [
        Row("toy", shots, method, 2, mean, *rest)
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


def command(folder: Path, backbone: str, *more: object) -> Result:
    files = Files.write(folder)
    pair = (folder / "toy_task.py").read_text("utf-8").replace('name="toy"', 'name="second"')
    (folder / "second.py").write_text(pair, "utf-8")
    for name in ("toy", "second"):
        (folder / name).mkdir(exist_ok=True)
        write_jsonl(folder / name / "train.jsonl", [TEST[0], *POOL])
        write_jsonl(folder / name / "test.jsonl", TEST)
    return pet(
        "fewshot", "--task", files.task, "--task", folder / "second.py", "--shots", "1,2",
        "--seeds", "1,2", "--unlabeled", 8, "--backbone", backbone, "--device", "cpu",
        "--max-steps", 2, "--distill-epochs", 1, "--patterns", "0-1", "-o", folder / "study", *more,
    )  # fmt: skip


def test_the_command_end_to_end(tmp_path: Path, tiny_bert: str) -> None:
    methods = "zero-shot,tfidf,pet"
    result = command(
        tmp_path, tiny_bert, "--data", tmp_path, "--methods", methods, "--baseline", "tfidf",
        "--json", tmp_path / "all.json", "--csv", tmp_path / "all.csv",
    )  # fmt: skip
    assert result.code == 0, result.err
    for heading in ("toy, 1 shots, 2 seeds", "second, 2 shots", "all tasks, 2 shots"):
        assert f"{heading}" in result.out
    assert "toy, accuracy" in result.out
    assert "against tfidf" in result.out
    assert "toy: 1 rows of the pool are test texts too; they are left out." in result.err
    found = json.loads((tmp_path / "all.json").read_text("utf-8"))
    assert (tmp_path / "study/results.json").read_text("utf-8") == (
        tmp_path / "all.json"
    ).read_text("utf-8")
    assert len(found["cells"]) == 2 * 2 * (1 + 2 * 2)
    assert found["overlap"] == {"toy": 1, "second": 1}
    assert len(found["rows"]) == 3 * 2 * 4
    shown = {(row["task"], row["shots"], row["method"]): row for row in found["rows"]}
    own = [c for c in found["cells"] if (c["task"], c["shots"], c["method"]) == ("toy", 2, "pet")]
    accuracies = [cell["models"]["pet ensemble"]["metrics"]["accuracy"] for cell in own]
    assert shown["toy", 2, "pet ensemble"]["accuracy"] == pytest.approx(statistics.mean(accuracies))
    assert list(own[0]["patterns"]) == list(shown["toy", 2, "pet"]["patterns"])
    rows = list(csv.DictReader(io.StringIO((tmp_path / "all.csv").read_text("utf-8"))))
    assert len(rows) == 2 * 2 * (1 + 3 * 2)
    assert {row["method"] for row in rows} == {*methods.split(","), "pet ensemble"}


def test_json_on_standard_output_is_all_there_is(tmp_path: Path, tiny_bert: str) -> None:
    result = command(
        tmp_path, tiny_bert, "--data", tmp_path, "--methods", "tfidf", "--json", "-", "--draw-dev"
    )
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert all(cell["dev"] == cell["train"] for cell in found["cells"])


def test_files_are_given_one_by_one(tmp_path: Path, tiny_bert: str) -> None:
    command(tmp_path, tiny_bert, "--data", tmp_path, "--methods", "tfidf")
    files: list[object] = []
    for name in ("toy", "second"):
        files += ["--train", tmp_path / name / "train.jsonl"]
        files += ["--test", tmp_path / name / "test.jsonl"]
    one_by_one = command(tmp_path, tiny_bert, *files, "--methods", "tfidf")
    assert one_by_one.code == 0, one_by_one.err
    assert "second, 2 shots" in one_by_one.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--methods", "tfdif"], 2, "Did you mean 'tfidf'?"),
        (["--methods", ""], 2, "methods must be one or more"),
        (["--seeds", "1,x"], 2, "--seeds '1,x': expected numbers such as"),
        (["--shots", "0"], 2, "shots must be a number from 1, not 0"),
        (["--baseline", "pet", "--methods", "tfidf"], 2, "'pet' is not among the methods"),
        (["--train", "x.jsonl"], 2, "--data replaces --train and --test"),
        (["--json", "-", "--csv", "-"], 2, "both want standard output"),
        (["--patterns", "9"], 2, "has patterns 0 to 3, not 9"),
        (["--shots", "200"], 1, "200 shots were asked for"),
        (["--column", "body=text"], 2, "no field 'body'"),
    ],
)
def test_wrong_options_end_in_one_message(
    arguments: list[str], code: int, message: str, tmp_path: Path
) -> None:
    result = command(tmp_path, "pet-mini", "--data", tmp_path, *arguments)
    assert result.code == code
    assert message in result.err
    assert "Traceback" not in result.err
    assert result.out == ""


def test_tasks_without_their_files_are_told(tmp_path: Path) -> None:
    result = command(tmp_path, "pet-mini", "--train", "pool.jsonl", "--test", "test.jsonl")
    assert result.code == 2
    assert "found 2, 1 and 1 of them" in result.err
    missing = command(tmp_path, "pet-mini", "--data", tmp_path / "nowhere")
    assert missing.code == 1
    assert "cannot be read" in missing.err


def test_results_as_values() -> None:
    study = few_shot_study([FILES], CONFIG, quick())
    rows = summarise(study)
    plain = json.loads(json.dumps(study_to_dict(study, rows)))
    assert plain["config"]["seeds"] == [1, 2, 3]
    lines = study_csv(study).splitlines()
    assert lines[0].startswith("task,shots,method,seed,accuracy,macro_f1,ece,train,dev,unlabeled")
    assert len(lines) == 4
