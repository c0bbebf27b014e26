"""Folders and text files: a text a file, a text a line, and where nothing can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from films import columns, read

from pet.config.files import Reading
from pet.data import Example, Fault, examples_and_rows
from pet.data.documents import documents_from
from pet.errors import DataError

GOOD, BAD = Example({"text": "good"}, "positive"), Example({"text": "bad"}, "negative")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {
        "negative/1.txt": "bad\n", "positive/20news": "good", "positive/.hidden.txt": "x",
        "positive/notes.md": "# not a text",
    }.items():  # fmt: skip
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(text, "utf-8")
    return tmp_path / "data"


def test_a_folder_for_every_label_is_read(folder: Path) -> None:
    assert read(folder) == [BAD, GOOD]
    rows = [dict(row) for _, row in examples_and_rows(str(folder), columns())]
    assert rows[0] == {"text": "bad\n", "file": "negative/1.txt", "label": "negative"}
    (folder / "positive" / "2.txt").write_bytes("好".encode("utf-16"))
    assert read(folder)[1] == Example({"text": "好"}, "positive")
    assert set(documents_from(folder)) == {"bad", "good", "好"}


def test_a_faulty_text_is_named_by_its_file(folder: Path) -> None:
    (folder / "negative" / "0.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match=r"negative/0.txt, line 1: byte 4 is not UTF-8"):
        read(folder)
    assert read(folder, columns(), Reading(encoding="cp1252"))[0].texts["text"] == "café"
    (folder / "negative" / "0.txt").write_bytes(b" ")
    with pytest.raises(DataError, match=r"negative/0.txt, column 'text': the text is empty"):
        read(folder)


def test_a_faulty_text_costs_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in {"0.txt": b"caf\xe9", "2.txt": b"locked", "3.txt": b"awful"}.items():
        (folder / "negative" / name).write_bytes(content)
    opened = Path.open

    def refuse(path: Path, *args: Any, **options: Any) -> Any:
        if path.name == "2.txt":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)
    faults: list[Fault] = []
    rows = examples_and_rows(folder, columns(), on_fault=faults.append)
    assert [example.texts["text"] for example, _ in rows] == ["bad", "awful", "good"]
    assert [fault.where for fault in faults] == [str(folder / f"negative/{n}.txt") for n in (0, 2)]
    assert "negative/2.txt: cannot be read: Permission denied" in str(faults[1].error)


def test_texts_outside_of_folders_have_no_label(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("good", "utf-8")
    assert read(tmp_path, columns(labels="optional")) == [Example({"text": "good"})]
    with pytest.raises(DataError, match="no label in column 'label'"):
        read(tmp_path)


def test_a_folder_without_texts_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a directory without texts"):
        read(tmp_path)
    (tmp_path / "rows.csv").write_text("text\n")
    with pytest.raises(DataError, match=r"Give one file, such as .*rows\.csv"):
        read(tmp_path)
    (tmp_path / "dataset_dict.json").write_text("{}")
    with pytest.raises(DataError, match="Write hf:.*:SPLIT"):
        read(tmp_path)


def test_a_text_file_is_lines_a_table_or_lines_with_labels(tmp_path: Path) -> None:
    path = tmp_path / "rows.txt"
    texts = columns(labels="ignored")
    path.write_text("good\n\nbad; really, I mean it\n", "utf-8")
    assert [e.texts["text"] for e in read(path, texts)] == ["good", "bad; really, I mean it"]
    path.write_text("__label__positive good\n__label__negative  bad\n", "utf-8")
    assert read(path) == [GOOD, BAD]
    assert [e.texts["text"] for e in read(path, texts)] == ["good", "bad"]
    path.write_text("text\tlabel\ngood\tpositive\nbad\tnegative\n", "utf-8")
    assert read(path) == [GOOD, BAD]
    assert [e.texts["text"] for e in read(path, texts)] == ["good", "bad"]
    path.write_text("I was charged twice for this\tpositive\nbad\tnegative\n", "utf-8")
    with pytest.raises(DataError, match="The first line looks like data: add a header"):
        read(path)


@pytest.mark.parametrize(
    "address", ["https://example.com/x.csv", "s3://bucket/x.csv", "https:/example.com/x.csv"]
)
def test_addresses_are_not_files(address: str) -> None:
    for reader in (read, lambda source: list(documents_from(source))):
        with pytest.raises(DataError, match="addresses are not read"):
            reader(address)


def test_missing_columns_are_named_at_once_and_a_missing_header_is_guessed(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("body,category\ngood,positive\n", "utf-8")
    with pytest.raises(DataError) as caught:
        read(path)
    message = str(caught.value)
    assert "no columns 'text' and 'label'; found 'body', 'category'" in message
    assert "columns={'text': 'COLUMN'} and columns={'label': 'COLUMN'}" in message
    for first in ("I was charged twice for this again,billing", "fine,positive"):
        path.write_text(f"{first}\nbad,negative\n", "utf-8")
        with pytest.raises(
            DataError, match="first line looks like data: add a header, such as text,label"
        ):
            read(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", "review_body,negative,positive\nbad,1,0\n"),  # a column for every label
        ("rows.jsonl", '{"what the customer said in the end": "bad", "positive": 1}\n'),
    ],
)
def test_a_header_is_not_missed_where_there_is_one(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    with pytest.raises(DataError) as caught:
        read(path)
    assert "add a header" not in str(caught.value)
    assert "columns={'text': 'COLUMN'}" in str(caught.value)


@pytest.mark.parametrize(
    "header", ["Text,Label", " text, label ", "TEXT,label", "\ufefftext,label"]
)
def test_headers_are_found_whatever_their_case_and_blanks(tmp_path: Path, header: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"{header}\ngood,positive\n", "utf-8")
    assert read(path) == [GOOD]
    path.write_text("Text,TEXT,label\ngood,bad,positive\n", "utf-8")
    with pytest.raises(DataError, match="no column 'text'"):
        read(path)


def test_messages_stay_short_whatever_a_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    names = ",".join(f"column {n} " + "x" * 300 for n in range(2_000))
    path.write_text(names + "\n" + "a," * 1_999 + "a\n", "utf-8")
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "good", "label": "' + "x" * 30_000 + '"}\n', "utf-8")
    lists = tmp_path / "lists.jsonl"
    lists.write_text('{"text": [' + "1," * 9_999 + "1]}\n", "utf-8")
    for file, message in (
        (path, "and 19.. more"),
        (rows, "unknown label"),
        (lists, "expected text"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            read(file)
        assert len(str(caught.value)) < 800 + len(str(file))
