"""`pet suggest` for tasks with several labels a text, and files that are labelled in part."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from toy import NEW, Files, pet, train, write_csv

from pet.config import SuggestConfig
from pet.data import Columns, Pool, examples_from
from pet.runs import RunFolder
from pet.search.panel import Panel
from pet.search.suggestion import MEASURES, suggest

TASK = """from pet import PVP, Task, Verbalizer

answer = Verbalizer({"yes": ["yes"], "no": ["no"]})
task = Task(
    name="topics", labels=["food", "room", "train"], fields=["text"], kind="multi-label",
    pvps=[PVP("{text} The {label}? {mask}.", answer), PVP("{mask}, {label}: {text}", answer)],
)
"""


@pytest.fixture(scope="module")
def topics(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("topics")
    (folder / "task.py").write_text(TASK, "utf-8")
    rows = [
        {"id": "1", "text": "bad food in a cold room", "label": "food;room"},
        {"id": "2", "text": "very slow train", "label": "train"},
        {"id": "3", "text": "we was so happy", "label": ""},
        {"id": "4", "text": "wonderful food", "label": "?"},
    ]
    pool = [{"id": str(n), "text": text, "label": "?"} for n, text in enumerate(NEW)]
    test = [*rows[1:], {"id": "5", "text": "a warm room", "label": "room"}]
    return Files(
        folder, str(folder / "task.py"), write_csv(folder / "train.csv", rows),
        write_csv(folder / "pool.csv", pool), write_csv(folder / "test.csv", test),
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(topics: Files, lively_bert: str) -> str:
    result = train(topics, lively_bert, topics.folder / "run", "--scope", "head")
    assert result.code == 0, result.err
    assert f"{topics.train}: 1 row is not labelled yet and left out." in result.err
    return str(topics.folder / "run")


def kept(run: object) -> list[list[str]]:
    labelled = json.loads((Path(str(run)) / RunFolder.labelled).read_text("utf-8"))
    return [example["label"] for example in labelled["train"]]


@pytest.mark.parametrize("by", MEASURES)
def test_the_values_of_a_texts_decisions_are_summed(by: str, run: str, topics: Files) -> None:
    panel = Panel.load(run, "cpu")
    columns = Columns(panel.task, {}, "ignored")
    pool = Pool(lambda: examples_from(topics.unlabeled, columns))
    found = suggest(panel, pool, len(NEW), SuggestConfig(by, 1), 0)  # type: ignore[arg-type]
    assert len(found) == len(NEW)
    scores = panel.model.scores([own.example.texts for own in found])
    shares = 1 / (1 + np.exp(-scores.astype(np.float64)))
    for own, row in zip(found, shares, strict=True):
        assert list(own.probabilities.values()) == pytest.approx(row.tolist(), abs=1e-5)
        assert own.guess == tuple(
            name for name, share in zip(panel.task.labels, row, strict=True) if share >= 0.5
        )
        likely = np.maximum(row, 1 - row)
        assert own.prediction.probability == pytest.approx(likely.prod(), abs=1e-5)
        if by == "entropy":
            values = [-(p * math.log(p) + (1 - p) * math.log(1 - p)) for p in row]
        elif by == "margin":
            values = [1 - abs(2 * p - 1) for p in row]
        elif by == "confidence":
            values = [1 - max(p, 1 - p) for p in row]
        else:
            continue
        assert own.value == pytest.approx(sum(values), abs=1e-4)
    assert [own.value for own in found] == sorted((own.value for own in found), reverse=True)


def test_a_file_is_filled_in_and_read_while_it_is_half_done(
    run: str, topics: Files, lively_bert: str, tmp_path: Path
) -> None:
    target = tmp_path / "next.csv"
    asked = ["suggest", run, "--unlabeled", topics.unlabeled, "-n", 4, "-o", target]
    shown = pet(*asked, "--device", "cpu")
    assert shown.code == 0, shown.err
    assert "A cell with ? is not labelled yet." in shown.err
    with target.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["label"] for row in rows] == ["?"] * 4
    assert all(NEW[int(row["id"])] == row["text"] for row in rows)
    # Labelled, none of the labels, and two that wait.
    rows[0]["label"], rows[1]["label"] = "train;food", ""
    write_csv(target, rows)
    again = train(
        topics, lively_bert, tmp_path / "again", "--train", topics.train, "--train", target,
        "--method", "zero-shot", "--patterns", "0",
    )  # fmt: skip
    assert again.code == 0, again.err
    assert f"{target}: 2 rows are not labelled yet and left out." in again.err
    assert kept(tmp_path / "again")[3:] == [["food", "train"], []]
    # What waits is suggested again, what is labelled is not.
    more = pet("suggest", run, "--unlabeled", target, "--train", target, "--device", "cpu")
    assert {json.loads(line)["id"] for line in more.out.splitlines()} == {
        row["id"] for row in rows[2:]
    }
    assert {json.loads(line)["label"] for line in more.out.splitlines()} == {"?"}


def test_empty_cells_are_unknown_on_request(run: str, topics: Files, tmp_path: Path) -> None:
    assert kept(run) == [["food", "room"], ["train"], []]
    for more, n in ((), 3), (("--empty-labels", "unknown"), 2):
        result = pet("evaluate", run, "--test", topics.test, "--json", "-", *more)
        assert result.code == 0, result.err
        assert json.loads(result.out)["n"] == n
        left_out = "1 row is" if n == 3 else "2 rows are"
        assert f"{left_out} not labelled yet and left out." in result.err
    checked = pet("check", "--task", topics.task, "--train", topics.train, "--test", topics.test)
    assert f"note: {topics.train}: 1 row is not labelled yet and left out." in checked.out
    assert f"note: {topics.test}: 1 row is not labelled yet and left out." in checked.out
    only = write_csv(tmp_path / "only.csv", [{"text": "a film", "label": "?"}])
    refused = pet("evaluate", run, "--test", only)
    assert refused.code == 1
    assert "Error: There are no labelled examples to evaluate on." in refused.err


def test_an_output_never_replaces_what_is_read(run: str, topics: Files) -> None:
    before = Path(topics.unlabeled).read_text("utf-8")
    result = pet("suggest", run, "--unlabeled", topics.unlabeled, "-o", topics.unlabeled, "--force")
    assert (result.code, "is the input file" in result.err) == (2, True)
    assert Path(topics.unlabeled).read_text("utf-8") == before


def test_a_failure_leaves_the_labels_of_an_older_file(
    run: str, topics: Files, tmp_path: Path
) -> None:
    target, pool = tmp_path / "next.csv", tmp_path / "pool.jsonl"
    pool.write_text('{"text": "a film", "extra": "\\ud83d"}\n{"text": "=1+1"}\n', "utf-8")
    target.write_text("labels of a person", "utf-8")
    asked = ["suggest", run, "--unlabeled", pool, "-o", target, "--force", "--device", "cpu"]
    broken = pet(*asked, "--column", "text=nothing")
    assert broken.code == 1
    assert target.read_text("utf-8") == "labels of a person"
    assert pet(*asked, "--for-spreadsheets").code == 0
    assert sorted(target.read_text("utf-8").splitlines()) == [
        "'=1+1,,?", "a film,\\ud83d,?", "text,extra,label",
    ]  # fmt: skip
