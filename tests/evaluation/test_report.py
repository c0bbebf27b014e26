"""What a finished run tells, and that test data is read at the very end only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax
from toy import NEW, Files, labelled_rows, pet, toy_task

from pet import PVP, Example, Task, Verbalizer, evaluate
from pet.cli.row_reader import RowReader
from pet.config import Settings
from pet.data import Data, Pool
from pet.errors import DataError
from pet.evaluation.report_table import per_class_table, report_table
from pet.evaluation.run_report import Report, ReportRow, run_report
from pet.members import MemberRecord
from pet.model import load_model
from pet.model.run_members import trained_members
from pet.pipeline import asked, run
from pet.runs import RunFolder
from pet.task.labels import label_numbers

TASK = toy_task()
TRAIN = [Example({"text": row["text"]}, row["label"]) for row in labelled_rows()]
TEST = [
    Example({"text": text}, label)
    for text, label in zip(NEW, ["negative", "positive", "negative"] * 9, strict=True)
]


def many_labels(count: int, ordinal: bool = False) -> Task:
    labels = [f"l{number}" for number in range(count)]
    words = Verbalizer({label: [f"w{label}"] for label in labels})
    return Task(
        "t",
        labels,
        ["text"],
        [PVP("{text} {mask}", words)],
        kind="ordinal" if ordinal else "single",
    )


def perfect(task: Task) -> Any:
    return evaluate(np.eye(len(task.labels)), np.arange(len(task.labels)), task)


@pytest.fixture(scope="module")
def finished(
    tiny_bert: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunFolder, Settings, Data]:
    flat = {"backbone": tiny_bert, "device": "cpu", "precision": "fp32", "max_steps": 2}
    settings = Settings.from_flat({**flat, "distill_epochs": 1})
    data = Data(TRAIN, (), Pool(lambda: iter([Example({"text": text}) for text in NEW[:9]])))
    place = tmp_path_factory.mktemp("report") / "run"
    folder = RunFolder.start(place, asked(TASK, settings, data))
    run(TASK, settings, data, folder)
    return folder, settings, data


def test_without_test_examples_the_report_has_training_figures_only(
    finished: tuple[RunFolder, Settings, Data],
) -> None:
    folder, settings, data = finished
    report = run_report(folder, settings, data, None)
    assert [row.name for row in report.rows] == [
        "pattern-0", "pattern-1", "ensemble", "classifier",
    ]  # fmt: skip
    assert report.evaluations == {}
    assert report.remarks == []
    assert report_table(report).splitlines()[0].split("  ")[-1] == "seconds"
    assert report_table(report, per_class=True) == report_table(report)
    assert json.loads((folder.path / "metrics.json").read_text("utf-8"))["test"] == {}


def test_every_part_is_evaluated_as_if_alone(finished: tuple[RunFolder, Settings, Data]) -> None:
    folder, settings, data = finished
    report = run_report(folder, settings, data, iter(TEST))
    texts = [example.texts for example in TEST]
    targets = label_numbers([example.label for example in TEST], TASK.labels)
    ensemble = trained_members(folder, "cpu", "fp32")
    expected = {
        "ensemble": ensemble.scores(texts),
        "classifier": load_model(folder.path, "cpu", "fp32").scores(texts),
    }
    for spec, scores in zip(ensemble.members.specs, ensemble.members.scores(texts), strict=True):
        expected[spec.name] = scores.mean(axis=0)
    assert report.evaluations.keys() == expected.keys()
    for name, scores in expected.items():
        alone = evaluate(softmax(scores, axis=1), targets, TASK)
        assert report.evaluations[name].confusion == alone.confusion
        assert report.evaluations[name].ece == pytest.approx(alone.ece, abs=1e-6)
    written = json.loads((folder.path / "metrics.json").read_text("utf-8"))
    assert written["test"]["classifier"]["n"] == len(TEST)
    assert written["rows"].keys() == written["test"].keys() == expected.keys()


def test_overlap_of_test_and_training_texts_is_told(
    finished: tuple[RunFolder, Settings, Data],
) -> None:
    folder, settings, data = finished
    report = run_report(folder, settings, data, [*TEST, *TRAIN[:4]])
    assert len(report.remarks) == 1
    assert "4 labelled and 9 unlabelled texts are also test texts" in report.remarks[0]
    assert run_report(folder, settings, data, TEST[9:]).remarks == []


def test_an_empty_test_file_is_refused(finished: tuple[RunFolder, Settings, Data]) -> None:
    folder, settings, data = finished
    with pytest.raises(DataError, match="no labelled examples to evaluate on"):
        run_report(folder, settings, data, [])


def test_test_examples_are_not_read_before_the_report(
    tiny_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files.write(tmp_path)
    order: list[str] = []
    original = RowReader.labelled_stream

    def labelled_stream(self: RowReader, file: str) -> Iterator[Example]:
        for example in original(self, file):
            members = list((tmp_path / "run").glob("members/*/member.json"))
            order.append(f"test with {len(members)} members, ")
            order[-1] += str((tmp_path / "run" / "classifier").is_dir())
            yield example

    monkeypatch.setattr(RowReader, "labelled_stream", labelled_stream)
    result = pet(
        "train", "--task", files.task, "--train", files.train, "--test", files.test,
        "--backbone", tiny_bert, "--max-steps", 1, "-o", tmp_path / "run",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert set(order) == {"test with 4 members, True"}


def test_figures_that_are_unknown_show_as_dashes() -> None:
    record = MemberRecord("m", 0.5, None, steps=7, loss=0.25, seconds=1.25, pattern=0)
    report = Report(TASK, [ReportRow("ensemble"), ReportRow("m", record=record)])
    lines = report_table(report).splitlines()
    assert lines[0].split("  ")[-2:] == ["labelled examples: untrained", "seconds"]
    assert lines[2].split() == ["ensemble", "-", "-"]
    assert lines[3].split() == ["m", "50.0", "1.2"]


def test_figures_of_examples_that_were_learned_do_not_stand_beside_those_of_a_test() -> None:
    task = many_labels(2)
    record = MemberRecord("m", 0.5, 1.0, steps=7, loss=0.25, seconds=1.25, pattern=0)
    report = Report(task, [ReportRow("m", "{text} {mask}", record)], {"m": perfect(task)})
    header, _, row, _, below = report_table(report).splitlines()
    assert header.split("  ")[-1] == "seconds"
    assert "labelled" not in header
    assert row.split() == ["m", "100.0", "100.0", "0.000", "1.2"]
    assert below == "m  {text} {mask}"
    asked_for = report_table(report, fit=True).splitlines()
    assert asked_for[0].endswith("labelled examples: untrained  fitted to them  seconds")
    assert asked_for[2].split()[-3:] == ["50.0", "100.0", "1.2"]


def test_ordered_labels_have_a_column_for_the_mean_absolute_error() -> None:
    for ordinal in (False, True):
        task = many_labels(3, ordinal)
        report = Report(task, [ReportRow("m"), ReportRow("n")], {"n": perfect(task)})
        header, _, first, second = report_table(report).splitlines()
        assert ("mean abs. error" in header) == ordinal
        figures = ["100.0", "100.0", "0.000", "0.000"][: 3 + ordinal]
        assert second.split() == ["n", *figures, "-"]
        assert first.split() == ["m", *["-"] * (3 + ordinal), "-"]


@pytest.mark.parametrize(("labels", "shown"), [(12, True), (13, False)])
def test_the_confusion_matrix_is_shown_while_it_fits(labels: int, shown: bool) -> None:
    text = per_class_table(perfect(many_labels(labels)))
    assert text.splitlines()[2].split() == ["l0", "100.0", "100.0", "100.0", "1"]
    assert ("true \\ predicted" in text) == shown
    if shown:
        assert text.splitlines()[-1].split() == ["11", "l11", *["0"] * 11, "1"]


def test_long_patterns_stand_below_the_table(tiny_bert: str, tmp_path: Path) -> None:
    words = Verbalizer({"negative": ["bad"], "positive": ["good"]})
    long = "{text} " + "and so " * 12 + "{mask}"
    task = Task("t", ["negative", "positive"], ["text"], [PVP(long, words)])
    flat = {"backbone": tiny_bert, "device": "cpu", "method": "zero-shot"}
    settings, data = Settings.from_flat(flat), Data(TRAIN)
    folder = RunFolder.start(tmp_path / "run", asked(task, settings, data))
    run(task, settings, data, folder)
    report = run_report(folder, settings, data, None)
    table, below = report_table(report).split("\n\n")
    assert all(len(line) <= 80 for line in table.splitlines())
    assert below == f"pattern-0  {long}"
    written = json.loads((folder.path / folder.metrics).read_text("utf-8"))
    assert written["rows"]["pattern-0"]["template"] == long
