"""Banks from the command line."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from banks import MIXED
from toy import pet, write_jsonl

from pet import PromptBank
from pet.errors import DataError
from pet.model import stored_prompts
from pet.model.bank_rows import bank_rows


def test_the_command_lists_adds_and_drops(folder: Path, runs: Path, tmp_path: Path) -> None:
    shown = pet("bank", folder)
    assert shown.code == 0
    lines = {line.split("  ")[0]: line for line in shown.out.splitlines()[2:]}
    assert list(lines) == ["plain", "tags", "topics", "toy"]
    assert "4 prompt-tuning, 4 deep, 4 prefix" in lines["toy"]
    assert "1 hard" in lines["plain"]
    bank = tmp_path / "bank"
    assert pet("bank", bank, "--add", runs / "toy", "--name", "mood").code == 0
    assert pet("bank", bank, "--add", folder / "tags", "--drop", "mood").code == 0
    assert sorted(stored_prompts(bank)) == ["tags"]
    wrong = pet("bank", bank, "--drop", "tag")
    assert wrong.code == 2
    assert "Did you mean 'tags'?" in wrong.err
    assert pet("bank", bank, "--name", "x").code == 2
    assert pet("bank", bank, "--add", tmp_path).code == 1


def test_rows_are_labelled_by_their_task_column(
    bank: PromptBank, folder: Path, tmp_path: Path
) -> None:
    rows = [{"task": name, **texts, "more": 1} for name, texts in MIXED]
    source = write_jsonl(tmp_path / "mixed.jsonl", rows)
    result = pet(
        "predict", "--bank", folder, "--input", source, "--device", "cpu", "--precision", "fp32"
    )
    assert result.code == 0, result.err
    found = [json.loads(line) for line in result.out.splitlines()]
    expected = bank.predict(MIXED)
    for row, (name, texts), own in zip(found, MIXED, expected, strict=True):
        assert list(row) == ["task", *texts, "more", "label", "probability", "probabilities"]
        assert (row["task"], row["label"]) == (
            name, list(own.label) if isinstance(own.label, tuple) else own.label,
        )  # fmt: skip
        assert row["probabilities"] == pytest.approx(own.probabilities, abs=1e-5)


def test_a_table_has_the_columns_of_all_tasks(
    bank: PromptBank, folder: Path, tmp_path: Path
) -> None:
    lines = [{"kind": name, "words": "", "title": "", "body": "", **texts} for name, texts in MIXED]
    for line in lines:
        line["words"] = line.pop("text", "")
    source = write_jsonl(tmp_path / "mixed.jsonl", lines)
    result = pet(
        "predict", "--bank", folder, "--input", source, "-o", tmp_path / "out.csv", "--device",
        "cpu", "--task-column", "kind", "--column", "text=words",
    )  # fmt: skip
    assert result.code == 0, result.err
    found = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    columns = ["kind", "words", "title", "body", "label", "probability"]
    assert sorted(list(found[0])[:6]) == sorted(columns)
    assert list(found[0])[4:6] == columns[4:]
    for row, (name, texts) in zip(found, MIXED, strict=True):
        assert row["kind"] == name
        assert {key: row["words" if key == "text" else key] for key in texts} == texts
        own = {key[2:-1] for key, value in row.items() if key.startswith("p(") and value}
        assert own == set(bank.tasks[name].labels)


@pytest.mark.parametrize(
    ("row", "more", "problem"),
    [
        ({"task": "toys", "text": "x"}, (), "row 2: the bank has no task 'toys'.\n  Did you mean"),
        ({"task": "zzz", "text": "x"}, (), "Known: 'plain', 'tags', 'topics', 'toy'."),
        ({"text": "x"}, (), "no column 'task' that names the row's task"),
        ({"task": "toy", "body": "x"}, (), "no column 'text' for the field 'text'"),
        ({"task": "toy", "text": "x"}, ("--column", "txt=a"), "Did you mean 'text'?"),
        ({"task": "toy", "text": "x"}, ("--task-column", "label"), "no column 'label'"),
    ],
)
def test_rows_that_cannot_be_labelled_are_named(
    folder: Path, tmp_path: Path, row: dict[str, str], more: tuple[str, ...], problem: str
) -> None:
    source = write_jsonl(tmp_path / "rows.jsonl", [{"task": "toy", "text": "fine"}, row])
    result = pet("predict", "--bank", folder, "--input", source, "--device", "cpu", *more)
    assert result.code in (1, 2)
    assert problem in result.err
    assert "Traceback" not in result.err


def test_the_column_of_tasks_may_be_written_in_any_case(bank: PromptBank, tmp_path: Path) -> None:
    source = tmp_path / "mixed.csv"
    source.write_text(" Task ,TEXT\ntoy,fine\nplain,one\n", "utf-8")
    found = [
        (name, example.texts) for (name, example), _ in bank_rows(bank.tasks, source, "task", {})
    ]
    assert found == [("toy", {"text": "fine"}), ("plain", {"text": "one"})]


def test_a_row_that_cannot_be_labelled_costs_no_other(
    bank: PromptBank, folder: Path, tmp_path: Path
) -> None:
    rows = [
        {"task": "toy", "text": "fine"}, {"task": "toys", "text": "fine"},
        {"task": "toy", "text": ""}, {"task": "plain", "text": "one", "id": 4},
    ]  # fmt: skip
    source = write_jsonl(tmp_path / "rows.jsonl", rows)
    device = ("--device", "cpu", "--precision", "fp32")
    for mode, ids in (("skip", [0, 3]), ("null", [0, 1, 2, 3])):
        result = pet("predict", "--bank", folder, "--input", source, "--on-error", mode, *device)
        assert result.code == 0, result.err
        found = [json.loads(line) for line in result.out.splitlines()]
        assert [{key: row[key] for key in rows[n]} for row, n in zip(found, ids, strict=True)] == [
            rows[n] for n in ids
        ]
        made = [row["label"] for row in found if row["label"] is not None]
        wanted = bank.predict([("toy", {"text": "fine"}), ("plain", {"text": "one"})])
        assert made == [own.label for own in wanted]
        assert result.err.startswith("2 rows could not be read")
        assert "the bank has no task 'toys'" in result.err


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"text": "fine"}, "row 2: expected a task's name and its texts by field, found {'text'"),
        (("toy", "fine"), "row 2: expected a task's name"),
        (("toy", {"body": "x"}), "row 2: no column 'text' for the field 'text'"),
        (("toy", {"text": 3}), "row 2, column 'text': expected text, found 3"),
    ],
)
def test_rows_in_python_that_cannot_be_labelled_are_named(
    bank: PromptBank, row: Any, problem: str
) -> None:
    with pytest.raises(DataError) as error:
        bank.predict([("toy", {"text": "fine"}), row])
    assert problem in str(error.value)


def test_the_files_of_a_bank_can_be_read_by_whoever_reads_its_folder(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            assert file.stat().st_mode & 0o444 == file.parent.stat().st_mode & 0o444


def test_a_bank_whose_backbone_has_moved_says_how_to_name_it(
    folder: Path, tiny_bert: str, tmp_path: Path
) -> None:
    moved = tmp_path / "bank"
    shutil.copytree(folder, moved)
    for record in moved.glob("*/prompt.json"):
        plain = json.loads(record.read_text("utf-8"))
        plain["backbone"]["name"] = str(tmp_path / "gone")
        record.write_text(json.dumps(plain), "utf-8")
        (record.parent / "SHA256SUMS").unlink()
    source = write_jsonl(tmp_path / "rows.jsonl", [{"task": "toy", "text": "fine"}])
    result = pet("predict", "--bank", moved, "--input", source)
    assert result.code == 1
    assert "the backbone that it was made for cannot be loaded" in result.err
    assert "with --backbone" in result.err
    assert result.err.count("Error: ") == 1
    found = pet("predict", "--bank", moved, "--input", source, "--backbone", tiny_bert)
    assert found.code == 0, found.err


def test_nothing_can_be_dropped_from_no_bank(tmp_path: Path) -> None:
    result = pet("bank", tmp_path / "none", "--drop", "toy")
    assert result.code == 1
    assert "no prompts are here" in result.err


def test_a_model_or_a_bank_but_not_both(folder: Path, runs: Path, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "rows.jsonl", [{"task": "toy", "text": "fine"}])
    for arguments in ((), (runs / "toy", "--bank", folder), (runs / "toy", "--backbone", "x")):
        assert pet("predict", *arguments, "--input", source).code == 2
    nothing = pet("predict", "--bank", tmp_path / "none", "--input", source)
    assert nothing.code == 1
    assert "expected a prompt bank" in nothing.err
