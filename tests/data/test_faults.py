"""Faults: with a place to tell them, a row that cannot be read costs none of the others."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from films import columns

from pet.config.files import Reading
from pet.data import Example, Fault, examples_and_rows
from pet.data.documents import documents_from
from pet.data.faults import read_errors
from pet.errors import DataError

JSON_LINES = """{"text": "good", "label": "positive"}
{"text": "cut off
["a list"]
{"text": " ", "label": "positive"}
{"text": "fine", "label": "superb"}
{"text": "bad", "label": "negative"}
"""
TABLE = """text,label
good,positive
one, two,positive
,positive
bad,negative
"""


def test_every_faulty_row_is_told_and_all_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(JSON_LINES, "utf-8")
    faults: list[Fault] = []
    read = list(examples_and_rows(path, columns(), on_fault=faults.append))
    assert [example for example, _ in read] == [
        Example({"text": "good"}, "positive"),
        Example({"text": "bad"}, "negative"),
    ]
    assert [fault.where for fault in faults] == [f"{path}, row {number}" for number in (2, 3, 4, 5)]
    for fault, message in zip(
        faults,
        ["not JSON", "expected a JSON object", "the text is empty", "unknown label 'superb'"],
        strict=True,
    ):
        assert message in str(fault.error)
        assert fault.where in str(fault.error)
    assert [dict(fault.row) for fault in faults] == [
        {}, {}, {"text": " ", "label": "positive"}, {"text": "fine", "label": "superb"},
    ]  # fmt: skip


def test_a_line_in_another_encoding_costs_no_other_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"text": "a"}\n{"text": "caf\xe9"}\n{"text": "b"}\n')
    faults: list[Fault] = []
    read = examples_and_rows(path, columns(labels="ignored"), on_fault=faults.append)
    assert [example.texts["text"] for example, _ in read] == ["a", "b"]
    assert "line 2: byte 14 is not UTF-8" in str(faults[0].error)
    with pytest.raises(DataError, match="line 2: byte 14 is not UTF-8"):
        list(examples_and_rows(path, columns(labels="ignored")))


def test_a_tables_faulty_rows_are_told_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(TABLE, "utf-8")
    faults: list[Fault] = []
    read = list(examples_and_rows(path, columns(), on_fault=faults.append))
    assert [example.texts["text"] for example, _ in read] == ["good", "bad"]
    assert [fault.where for fault in faults] == [f"{path}, row 2", f"{path}, row 3"]
    assert "3 cells, but the header names 2" in str(faults[0].error)


def test_faults_come_before_the_rows_after_them() -> None:
    rows: list[Any] = [{"text": ""}, {"text": "a"}, "no mapping", {"text": "b"}, {"text": None}]
    order: list[str] = []
    for example, _ in examples_and_rows(
        rows, columns(labels="ignored"), on_fault=lambda fault: order.append(fault.where)
    ):
        order.append(example.texts["text"])
    assert order == ["row 1", "a", "row 3", "b", "row 5"]


def test_without_a_place_to_tell_them_the_first_fault_is_raised(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(JSON_LINES, "utf-8")
    rows = examples_and_rows(path, columns())
    assert next(rows)[0] == Example({"text": "good"}, "positive")
    with pytest.raises(DataError, match="row 2: not JSON"):
        next(rows)
    with pytest.raises(DataError, match="row 2: not JSON"):
        list(documents_from(path))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    ("ending", "content"),
    [
        ("jsonl", b'{"text": "a"}\n{"text": "caf\xe9"}\n{"text": "b"}\n'),
        ("csv", b"text,id\na,1\ncaf\xe9,2\nb,3\n"),
        ("csv", b'text,id\n"a",1\n"caf\xe9\nand, tea",2\n"b",3\n'),
        ("tsv", b'text\tid\na\t1\n"caf\nna\xefve"\t2\nb\t3\n'),
        ("txt", b"a\ncaf\xe9\nb\n"),
    ],
)
def test_a_byte_that_is_not_utf8_costs_its_row_only(
    tmp_path: Path, ending: str, content: bytes, mark: bytes
) -> None:
    path = tmp_path / f"rows.{ending}"
    path.write_bytes(mark + content)
    for reading in (Reading(), Reading(encoding="utf-8")):
        faults: list[Fault] = []
        read = examples_and_rows(path, columns(labels="ignored"), reading, faults.append)
        assert [example.texts["text"] for example, _ in read] == ["a", "b"]
        (fault,) = faults
        assert fault.where in (f"{path}, row 2", f"{path}, line 2")
        assert "is not UTF-8" in str(fault.error)


def test_a_header_that_is_not_utf8_is_the_whole_files_fault(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"text,caf\xe9\na,1\n")
    faults: list[Fault] = []
    with pytest.raises(DataError, match="line 1: byte 9 is not UTF-8"):
        list(examples_and_rows(path, columns(labels="ignored"), on_fault=faults.append))
    assert not faults


@pytest.mark.parametrize(
    ("content", "texts", "n_faults"),
    [
        ('"bad" film,1\nb,2\n"c, d",3\n', ["b", "c, d"], 1),
        ('a,0\n"The 5" disk",1\n"so" so,2\nb,3\n', ["a", "b"], 2),
    ],
)
def test_a_stray_quote_costs_its_row_only(
    tmp_path: Path, content: str, texts: list[str], n_faults: int
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,id\n" + content, "utf-8")
    faults: list[Fault] = []
    read = examples_and_rows(path, columns(labels="ignored"), on_fault=faults.append)
    assert [example.texts["text"] for example, _ in read] == texts
    assert ["closes before the cell ends" in str(fault.error) for fault in faults] == (
        [True] * n_faults
    )


@pytest.mark.parametrize(
    "content",
    [
        '"He said "hi\nthere",1\nb,2\n',
        '"He said "hi, she\nwent on, then\nthere",1\nb,2\n',
        '"He said "no", and left\nthe room, then\ncame back",1\n"b",2\n',
        '"He said "no, and\n",1\nb,2\n',
    ],
)
def test_after_a_stray_quote_no_rest_of_a_cell_becomes_a_row(tmp_path: Path, content: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,id\n" + content, "utf-8")
    read = examples_and_rows(path, columns(labels="ignored"), on_fault=lambda fault: None)
    with pytest.raises(DataError, match="row 1 .*closes before the cell ends"):
        list(read)


def test_a_text_file_with_the_name_of_a_gzip_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "fake.csv.gz"
    path.write_text("text,label\na,b\n", "utf-8")
    told = pytest.raises(DataError, match=r"no gzip file.*\n.*take \.gz off its name")
    with told, read_errors(path), gzip.open(path) as stream:
        stream.read()
