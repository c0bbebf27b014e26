"""Encodings: read by a mark or by what a person says, and advice that holds."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from films import EXPECTED, ROWS, columns, read, write_csv
from hypothesis import given, settings
from hypothesis import strategies as st

from pet.config.files import Reading
from pet.data.formats import decoding
from pet.data.formats.decoding import decoded_lines, utf8_stream
from pet.errors import DataError, UsageError

GBK = "text,label\r\n房间很干净,positive\r\n服务态度很差,negative\r\n".encode("gb18030")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-be"])
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".json", ".txt"])
def test_a_byte_order_mark_says_the_encoding(tmp_path: Path, encoding: str, ending: str) -> None:
    if ending in (".csv", ".tsv", ".txt"):
        write_csv(tmp_path / "utf8", "," if ending == ".csv" else "\t")
        content = (tmp_path / "utf8").read_text("utf-8")
    elif ending == ".jsonl":
        content = "\n".join(json.dumps(row) for row in ROWS)
    else:
        content = json.dumps(ROWS)
    mark = "" if encoding in ("utf-16", "utf-32") else "\ufeff"
    path = tmp_path / f"rows{ending}"
    path.write_bytes((mark + content).encode(encoding))
    assert read(path) == EXPECTED
    assert read(path, columns(), Reading(encoding="cp1252")) == EXPECTED  # the mark is right


def test_an_encoding_that_is_said_is_used_and_the_advice_to_say_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(GBK)
    with pytest.raises(DataError) as caught:
        read(path)
    message = str(caught.value)
    assert "rows.csv, line 2: byte 1 is not UTF-8" in message
    assert "latin" not in message  # which would read anything, wrongly
    assert "encoding=NAME, such as cp1252" in message
    found = read(path, columns(), Reading(encoding="gb18030"))
    assert [example.texts["text"] for example in found] == ["房间很干净", "服务态度很差"]


def test_bytes_that_are_not_in_the_encoding_are_named_and_rows_before_them_given() -> None:
    path = "rows.txt"
    stream = utf8_stream(path, io.BytesIO(b"caf\xe9\nna\xefve\n\x81\n"), "cp1252")
    lines = decoded_lines(path, stream)
    assert [next(lines), next(lines)] == ["café\n", "naïve\n"]
    with pytest.raises(DataError, match=r"rows.txt, line 3: cannot be read as cp1252"):
        next(lines)


@pytest.mark.parametrize("name", ["gbk18030", "utf9", "base64", "rot13", "idna", "a\0b", ""])
def test_an_unknown_encoding_is_refused_at_once(name: str) -> None:
    with pytest.raises(UsageError, match="Unknown encoding"):
        Reading(encoding=name)
    with pytest.raises(UsageError, match="Did you mean 'gb18030'"):
        Reading(encoding="gbk18030")


def test_utf16_without_a_mark_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("text,label\ngood,positive\n".encode("utf-16-be"))
    with pytest.raises(DataError, match="looks like utf-16-be .*\n.*encoding='utf-16-be'"):
        read(path)
    assert len(read(path, columns(), Reading(encoding="utf-16-be"))) == 1


@settings(max_examples=60, deadline=None)
@given(
    # The mark of UTF-16 and a NUL after it are the mark of UTF-32.
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40),
    st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-8-sig", "gb18030", "utf-7"]),
)
def test_any_text_is_the_same_in_any_encoding(text: str, encoding: str) -> None:
    stream = utf8_stream("t", io.BytesIO(text.encode(encoding)), encoding)
    assert "".join(decoded_lines("t", stream)) == text.removeprefix("\ufeff")


def test_what_is_no_text_is_named_with_the_ending_it_should_have(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    for start, ending in (
        (b"\x1f\x8b\x08\0", "gz"),
        (b"PK\x03\x04", "xlsx"),
        (b"PAR1\x15\4", "par"),
    ):
        path.write_bytes(start + b"\xff\0" * 20)
        with pytest.raises(DataError, match=rf"expected text, found .*(?s:.*)\.{ending}"):
            read(path)


def test_a_line_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(decoding, "LONGEST_LINE", 1000)
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "good"}\n{"text": "' + "x" * 2000, "utf-8")
    with pytest.raises(DataError, match=r"rows.jsonl, line 2: longer than 64 MiB"):
        read(path, columns(labels="ignored"))
