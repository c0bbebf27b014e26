"""From a CSV to a model: pet init, and pet train without a task."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from toy import BAD, GOOD, NEW, pet

from pet.task import load_task

QUICK = ("--max-steps", 2, "--distill-max-steps", 2, "--device", "cpu")


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    with (tmp_path / "tickets.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "body", "sort"])
        rows = [(text, "cold") for text in BAD] + [(text, "warm") for text in GOOD]
        writer.writerows((number, text, sort) for number, (text, sort) in enumerate(rows))
    (tmp_path / "pool.csv").write_text("body\n" + "\n".join(NEW) + "\n", "utf-8")
    return tmp_path / "tickets.csv"


@pytest.mark.parametrize("ending", ["py", "toml", "json"])
def test_init_writes_a_task_that_trains(
    ending: str, tickets: Path, tiny_bert: str, tmp_path: Path
) -> None:
    output = tmp_path / f"tickets.{ending}"
    made = pet("init", tickets, "-o", output, "--backbone", tiny_bert, "--device", "cpu")
    assert made.code == 0, made.err
    assert "Texts: text in column 'body'; labels: column 'sort'. Not read: 'id'." in made.err
    assert f"pet train --task {output} --train {tickets} -o runs/tickets" in made.err
    task = load_task(output)
    assert (task.labels, task.columns, task.label_column) == (
        ("cold", "warm"),
        {"text": "body"},
        "sort",
    )
    train = ("--task", output, "--train", tickets, "--backbone", tiny_bert, "-o", tmp_path / "run")
    assert pet("train", *train, "--patterns", "0", *QUICK).code == 0
    again = pet("init", tickets, "-o", output, "--no-refine")
    assert (again.code, "this file exists" in again.err) == (2, True)
    assert pet("init", tickets, "-o", output, "--no-refine", "--force").code == 0
    assert list(load_task(output).pvps[0].verbalizers[0].words["cold"]) == ["cold"]


def test_training_drafts_a_task_keeps_it_and_goes_on(
    tickets: Path, tiny_bert: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    call = ("train", "--train", tickets, "--unlabeled", tmp_path / "pool.csv", *QUICK)
    call += ("--backbone", tiny_bert, "-o", run)
    first = pet(*call)
    assert first.code == 0, first.err
    assert "Drafted the task 'tickets', as none was given." in first.err
    assert f"It is kept in {run / 'task.py'}" in first.err
    kept = load_task(run / "task.py")
    assert kept.to_dict() == json.loads((run / "run.json").read_text())["asked"]["task"]
    assert len(kept.pvps) == 4
    again = pet(*call)
    assert (again.code, "was finished before" in again.err) == (0, True)
    assert "Drafted" not in again.err
    labelled = pet("predict", run, "--input", tickets, "-o", tmp_path / "out.csv")
    assert labelled.code == 0, labelled.err
    with (tmp_path / "out.csv").open(encoding="utf-8") as file:
        assert csv.DictReader(file).fieldnames[:4] == ["id", "body", "sort", "label"]  # type: ignore[index]


def test_standard_input_is_read_for_the_draft_and_for_the_training(
    tickets: Path, tiny_bert: str, tmp_path: Path
) -> None:
    call = ("--train", "-", "--format", "csv", "--backbone", tiny_bert, "--method", "single")
    call += ("--max-steps", 2, "--device", "cpu", "-o", tmp_path / "run")
    made = pet("train", *call, stdin=tickets.read_bytes())
    assert made.code == 0, made.err
    assert load_task(tmp_path / "run" / "task.py").labels == ("cold", "warm")


def test_label_names_alone_are_enough(tickets: Path, tiny_bert: str, tmp_path: Path) -> None:
    pool = tmp_path / "pool.csv"
    made = pet(
        "train", "--labels", "cold, warm", "--unlabeled", pool, "--backbone", tiny_bert,
        "--generations", 1, *QUICK, "-o", tmp_path / "run",
    )  # fmt: skip
    assert made.code == 0, made.err
    assert "--method ipet" in made.err
    assert load_task(tmp_path / "run" / "task.py").labels == ("cold", "warm")


def test_check_shows_the_command_for_a_draft(tickets: Path, tiny_bert: str) -> None:
    shown = pet("check", "--train", tickets, "--backbone", tiny_bert)
    assert shown.code == 0, shown.err
    assert f"Next: pet train --train {tickets}" in shown.out
    assert "note: no task is given: pet train drafts one" in shown.out


def test_numbers_as_labels_get_words_from_examples_or_names(tiny_bert: str, tmp_path: Path) -> None:
    rows = [{"text": text, "label": 0} for text in BAD] + [{"text": t, "label": 1} for t in GOOD]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    made = pet("init", file, "-o", tmp_path / "a.toml", "--backbone", tiny_bert, "--device", "cpu")
    assert "The labels are numbers, which say nothing" in made.err
    assert load_task(tmp_path / "a.toml").labels == ("0", "1")
    named = ("--label-map", "0=bad,1=good", "--no-refine")
    assert pet("init", file, "-o", tmp_path / "b.toml", *named).code == 0
    assert load_task(tmp_path / "b.toml").labels == ("bad", "good")
    again = pet("init", file, "-o", tmp_path / "b.toml", *named, "--force")
    assert f"--train {file} --label-map 0=bad,1=good -o runs/b" in again.err
    alone = pet("init", file, "-o", tmp_path / "c.toml", "--no-refine")
    assert (alone.code, "--label-map 0=NAME" in alone.err) == (1, True)


def test_a_task_that_was_edited_in_the_run_is_not_lost(
    tickets: Path, tiny_bert: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    call = ("train", "--train", tickets, "--backbone", tiny_bert, "--method", "single")
    call += ("--max-steps", 2, "--device", "cpu", "-o", run)
    assert pet(*call).code == 0
    edited = (run / "task.py").read_text("utf-8") + "# mine\n"
    (run / "task.py").write_text(edited, "utf-8")
    (tmp_path / "words.json").write_text('{"cold": ["bad"], "warm": ["good"]}', "utf-8")
    other = pet(*call, "--verbalizer", tmp_path / "words.json")
    assert (other.code, "asked for something else" in other.err) == (1, True)
    assert pet(*call, "--task", run / "task.py", "--force").code == 0
    assert (run / "task.py").read_text("utf-8") == edited
    assert pet(*call, "--force").code == 0
    assert (run / "task-before.py").read_text("utf-8") == edited


def test_standard_input_of_another_format_is_told(tickets: Path, tmp_path: Path) -> None:
    made = pet("init", "--train", "-", "-o", tmp_path / "a.py", stdin=tickets.read_bytes())
    assert made.code == 1
    assert "standard input, row 1" in made.err


def test_label_names_without_texts_are_too_little(tmp_path: Path) -> None:
    made = pet("train", "--labels", "a,b", "-o", tmp_path / "run")
    assert (made.code, "expected --unlabeled FILE" in made.err) == (2, True)
    named = pet("init", "--labels", "a,b", "-o", tmp_path / "my task.toml", "--no-refine")
    assert "--method ipet --unlabeled pool.csv -o 'runs/my task'" in named.err
    assert not (tmp_path / "run").exists()


def test_lists_of_labels_make_a_multi_label_task(tmp_path: Path) -> None:
    rows = [{"text": text, "label": ["a", "b"]} for text in BAD] + [{"text": "x", "label": []}]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert pet("init", file, "-o", tmp_path / "a.toml", "--no-refine").code == 0
    assert load_task(tmp_path / "a.toml").kind == "multi-label"


@pytest.mark.parametrize(
    ("rows", "more", "said"),
    [
        ("text,label\n", (), "expected rows, found none"),
        ("text,label\nx,a\ny,a\n", (), "two or more labels"),
        ("text,label\nx,a\ny,b\n", ("--labels", "a,c"), "unknown label 'b'"),
        ("text,label\nx,a\ny,b\n", ("--column", "label=lable"), "no column 'lable'"),
        ("text,label\nx,A\ny,a\n", (), "--label-map OLD=NEW"),
        ("text,label\n" + "".join(f"x {n},{n}\n" for n in range(30)), (), "too many to learn"),
    ],
)
def test_what_cannot_be_drafted_is_told(
    rows: str, more: tuple[str, ...], said: str, tiny_bert: str, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(rows, "utf-8")
    made = pet("init", file, *more, "-o", tmp_path / "a.py", "--backbone", tiny_bert)
    assert made.code in (1, 2)
    assert said in made.err
    assert not (tmp_path / "a.py").exists()


def test_a_task_and_labels_are_too_much(tickets: Path, tmp_path: Path) -> None:
    both = pet("train", "--task", "reviews", "--labels", "a,b", "-o", tmp_path / "run")
    assert (both.code, "Leave one of them out" in both.err) == (2, True)
    given = pet("init", tickets, "--task", "reviews", "-o", tmp_path / "a.py")
    assert (given.code, "nothing to draft" in given.err) == (2, True)
