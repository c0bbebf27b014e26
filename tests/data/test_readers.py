"""Rows from files of every format, and the place of what is wrong with one."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from pathlib import Path

import pytest
from films import EXPECTED, ROWS, columns, read, write_csv
from hypothesis import given, settings
from hypothesis import strategies as st

from pet.config.files import Reading
from pet.data import (
    Example,
    examples_from,
)
from pet.errors import DataError


def write_jsonl(path: Path, rows: list[dict[str, str]] = ROWS) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


# --- formats ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".tsv", ".JSONL"])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte-order-mark"])
def test_every_format_gives_the_same_examples(
    tmp_path: Path, ending: str, compressed: bool, start: bytes
) -> None:
    path = tmp_path / f"rows.v2{ending}"
    write_jsonl(path) if ending.lower() == ".jsonl" else write_csv(
        path, "\t" if ending == ".tsv" else ","
    )
    content = start + path.read_bytes()
    path.write_bytes(content)
    if compressed:
        path = tmp_path / f"rows.v2{ending}.gz"
        path.write_bytes(gzip.compress(content))
    assert read(path) == EXPECTED
    assert read(str(path)) == EXPECTED


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_line_ends_of_any_system_are_read(tmp_path: Path, ends: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(f"text,label{ends}good,positive{ends}{ends}bad,negative{ends}".encode())
    assert read(path) == [
        Example({"text": "good"}, "positive"),
        Example({"text": "bad"}, "negative"),
    ]


def test_blank_lines_of_jsonl_are_skipped_but_counted(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('\n{"text": "good"}\n \n{"text": ""}\n')
    with pytest.raises(DataError, match="row 4, column 'text': the text is empty"):
        read(path, columns(labels="ignored"))


def test_csv_field_longer_than_the_csv_modules_own_limit_is_read(tmp_path: Path) -> None:
    long = "word " * 40_000
    path = tmp_path / "rows.csv"
    path.write_text(f'text,label\n"{long}",positive\n')
    previous = csv.field_size_limit(131_072)
    try:
        assert read(path)[0].texts["text"] == long.strip()
    finally:
        csv.field_size_limit(previous)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1)
        .map(str.strip)
        .filter(bool),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([".csv", ".tsv", ".jsonl"]),
)
def test_any_text_survives_a_file(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], ending: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    rows = [{"text": text, "label": "positive"} for text in texts]
    if ending == ".jsonl":
        write_jsonl(path, rows)
    else:
        with path.open("w", encoding="utf-8", newline="") as stream:
            delimiter = "\t" if ending == ".tsv" else ","
            writer = csv.DictWriter(stream, ["text", "label"], delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
    assert [example.texts["text"] for example in read(path)] == texts


def test_format_option_wins_over_the_file_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.data"
    write_csv(path)
    assert read(path, reading=Reading(".csv")) == EXPECTED


@pytest.mark.parametrize("name", ["rows.docx", "rows", "rows.gz", "rows.doc.gz"])
def test_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("text\ngood\n")
    with pytest.raises(DataError, match=r"expected a file that ends in \.jsonl, \.csv, \.tsv"):
        read(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.csv: cannot be read: No such file"):
        read(tmp_path / "absent.csv")


@pytest.mark.parametrize("damage", ["cut", "no gzip", "flipped"])
def test_damaged_gzip_file_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "rows.jsonl.gz"
    content = gzip.compress(b'{"text": "good", "label": "positive"}\n' * 100)
    path.write_bytes(
        {
            "cut": content[:-12],
            "no gzip": b"text",
            "flipped": content[:12] + b"\xff\xff\xff" + content[15:],
        }[damage]
    )
    with pytest.raises(DataError, match=r"rows\.jsonl\.gz: "):
        read(path)


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for ending, write in ((None, write_jsonl), (".csv", write_csv)):
        path = tmp_path / "stdin"
        write(path)
        stdin = io.TextIOWrapper(io.BytesIO(path.read_bytes()))
        monkeypatch.setattr(sys, "stdin", stdin)
        assert read("-", reading=ending and Reading(ending)) == EXPECTED


# --- what is wrong with a file, and where -------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.jsonl", b'{"text": "a"}\n{"text": "\xe9"}\n', r"r\.jsonl, line 2: byte 11 is not"),
        ("r.csv", b"text,label\na,positive\n\xff,positive\n", r"r\.csv, line 3: byte 1 is not"),
        ("r.jsonl", b'{"text": "a"}\n{"text": \n', r"r\.jsonl, row 2: not JSON: Expecting value"),
        ("r.jsonl", b'{"text": "a"}\n["b"]\n', r"row 2: expected a JSON object, found \['b'\]"),
        ("r.jsonl", b'{"txt": "a"}\n', r"no column 'text' .* found 'txt'(?s:.*)columns={'text': "),
        ("r.jsonl", b"{}\n", "row 1: no column 'text' .* found nothing"),
        ("r.jsonl", b'{"text": 3}\n', "row 1, column 'text': expected text, found 3"),
        ("r.jsonl", b'{"text": null}\n', "row 1, column 'text': the text is empty"),
        ("r.jsonl", b'{"text": "a"}\n{"text": " \\n "}\n', "row 2, column 'text': the text is"),
        ("r.jsonl", b'{"text": "ab\\ud83d"}\n', "row 1, column 'text': character 3 is half of a"),
        ("r.csv", b"text,label\na,positive\n,negative\n", "row 2, column 'text': the text is"),
        ("r.csv", b"label,text\npositive\n", "row 1, column 'text': the text is empty"),
        ("r.csv", b"label,text\npositive,Good, not bad\n", "row 1: 3 cells, but the header"),
        ("r.csv", b"words\na\n", "row 1: no column 'text' for the field 'text'; found 'words'"),
        ("r.csv", b"text\na\rb\n", "row 1 .line 2.: a carriage return inside a cell"),
    ],
)  # fmt: skip
def test_faulty_row_is_refused_with_its_place(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(path, columns(labels="ignored"))


def test_empty_cells_beyond_the_header_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\ngood,positive,,\n")
    assert read(path) == [Example({"text": "good"}, "positive")]


def test_rows_before_a_faulty_one_are_still_given(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "good", "label": "positive"}\nno json\n')
    stream = examples_from(path, columns())
    assert next(stream).label == "positive"
    with pytest.raises(DataError, match="row 2"):
        next(stream)
