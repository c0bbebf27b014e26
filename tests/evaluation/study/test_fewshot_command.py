"""The command `pet fewshot`."""

from __future__ import annotations

import csv
import io
import json
import statistics
from pathlib import Path

import pytest
from studies import POOL, TEST
from toy import Files, Result, pet, write_jsonl


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
