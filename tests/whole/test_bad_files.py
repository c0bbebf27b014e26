"""Every fault of a data file ends in one message that names the place."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from mishaps import counted, refused
from toy import TASK_FILE, Files, train, write_jsonl

ROW = '{"text": "good", "label": "positive"}\n'


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        (
            "a.jsonl",
            ROW + '{"text": "x", "label": "positiv"}\n',
            ["a.jsonl, row 2: unknown label 'positiv'", "Did you mean 'positive'?"],
        ),
        (
            "a.jsonl",
            ROW + '{"review": "x", "label": "positive"}\n',
            ["a.jsonl, row 2", "no column 'text'", "found 'review', 'label'", "--column text="],
        ),
        (
            "a.csv",
            "review,label\nx,positive\n",
            ["a.csv, row 1", "no column 'text'", "--column text=COLUMN"],
        ),
        ("a.csv", "text,stars\nx,positive\n", ["a.csv, row 1", "--column label=COLUMN"]),
        (
            "a.jsonl",
            ROW + '{"text": " \\n", "label": "positive"}\n',
            ["a.jsonl, row 2, column 'text': the text is empty", "remove the row"],
        ),
        ("a.jsonl", ROW + '{"text": "x", "label": ""}\n', ["a.jsonl, row 2", "'label'"]),
        ("a.jsonl", '{"text": 7, "label": "positive"}\n', ["a.jsonl, row 1", "found 7"]),
        (
            "a.jsonl",
            ROW.encode() + b'{"text": "caf\xe9", "label": "positive"}\n',
            ["a.jsonl, line 2: byte 14 is not UTF-8", "--encoding NAME"],
        ),
        ("a.jsonl", ROW + '{"text": \n', ["a.jsonl, row 2: not JSON"]),
        ("a.jsonl", "[1, 2]\n", ["a.jsonl, row 1: expected a JSON object"]),
        ("a.docx", "whatever", ["a.docx", ".jsonl, .csv, .tsv", "Convert it"]),
        ("a.jsonl.gz", "not compressed", ["a.jsonl.gz", "gzip"]),
        ("a.jsonl.gz", gzip.compress(ROW.encode() * 999)[:-9], ["a.jsonl.gz", "damaged"]),
        (
            "a.jsonl",
            "",
            [
                "a.jsonl: expected labelled examples, found no row.",
                'such as {"text": "...", "label": "negative"}',
            ],
        ),
        ("a.csv", "text,label\n", ["a.csv: expected labelled examples, found no row."]),
        ("a.jsonl", ROW * 3, ["the label 'positive'", "at least two", "'negative'"]),
    ],
)
def test_a_faulty_file_is_named_with_its_row_and_the_remedy(
    name: str, content: str | bytes, parts: list[str], files: Files, tiny_bert: str
) -> None:
    path = files.folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    own = Files(files.folder, files.task, str(path), "", "")
    refused(train(own, tiny_bert, files.folder / "run"), *parts)


def test_a_faulty_unlabelled_file_is_found_before_any_training(
    files: Files, tiny_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = counted(monkeypatch)
    pool = files.folder / "pool.jsonl"
    pool.write_text('{"text": "a"}\n' * 50 + '{"txt": "b"}\n', "utf-8")
    result = train(files, tiny_bert, files.folder / "run", "--unlabeled", pool)
    refused(result, "pool.jsonl, row 51", "--column text=COLUMN")
    assert names == []


@pytest.mark.parametrize("option", ["--train", "--unlabeled", "--dev"])
def test_a_missing_file_is_named(option: str, files: Files, tiny_bert: str) -> None:
    result = train(files, tiny_bert, files.folder / "run", option, files.folder / "nowhere.jsonl")
    refused(result, "nowhere.jsonl", "No such file")


def test_a_folder_is_not_a_file(files: Files, tiny_bert: str) -> None:
    (files.folder / "data.jsonl").mkdir()
    own = Files(files.folder, files.task, str(files.folder / "data.jsonl"), "", "")
    refused(train(own, tiny_bert, files.folder / "run"), "data.jsonl", "a directory without texts")


def test_fewer_examples_than_labels_names_the_labels_without_any(
    tmp_path: Path, tiny_bert: str
) -> None:
    rows = [{"text": "one", "label": "entity"}, {"text": "two", "label": "human"}]
    data = write_jsonl(tmp_path / "few.jsonl", rows)
    files = Files(tmp_path, "trec", data, "", "")
    result = train(files, tiny_bert, tmp_path / "run")
    refused(result, "2 labelled examples are fewer", "6 labels", "'abbreviation', 'description'")


def test_a_label_without_examples_is_told_but_not_refused(files: Files, tiny_bert: str) -> None:
    task = TASK_FILE.replace(
        '"positive": ["good", "great"]', '"positive": ["good"], "so-so": ["maybe"]'
    )
    task = task.replace('labels=["negative", ', 'labels=["so-so", "negative", ')
    Path(files.task).write_text(task, "utf-8")
    result = train(files, tiny_bert, files.folder / "run", "--patterns", "0")
    assert result.code == 0
    assert result.err.count("no labelled example of 'so-so'") == 1


def test_more_shots_than_there_are_name_the_count(files: Files, tiny_bert: str) -> None:
    result = train(files, tiny_bert, files.folder / "run", "--shots", 6)
    refused(result, "Label 'negative' has 5 different examples", "--shots 5")
