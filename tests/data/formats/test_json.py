"""JSON: lines, arrays and columns; what a parser cannot take is one message."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from films import EXPECTED, ROWS, columns, read
from hypothesis import given, settings
from hypothesis import strategies as st

from pet.data import examples_and_rows, examples_from
from pet.data.formats import json_rows
from pet.errors import DataError

COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}
SHAPES = {
    "array": json.dumps(ROWS),
    "pretty": json.dumps(ROWS, indent=1, ensure_ascii=False),
    "one after the other": "\n\n".join(json.dumps(row, indent=2) for row in ROWS),
    "lines": "\n".join(map(json.dumps, ROWS)),
    "columns": json.dumps(COLUMNS),
    "pandas": json.dumps({n: dict(enumerate(values)) for n, values in COLUMNS.items()}),
    "data": json.dumps({"version": "1.0", "data": ROWS}),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_json_is_read_however_it_is_laid_out(tmp_path: Path, shape: str) -> None:
    path = tmp_path / "rows.json"
    path.write_text(SHAPES[shape], "utf-8")
    assert read(path) == EXPECTED


def test_an_array_in_a_file_of_lines_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    for shape in ("array", "pretty"):
        path.write_text("\n" + SHAPES[shape], "utf-8")
        assert read(path) == EXPECTED


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"text": st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)},
            optional={"more": st.recursive(st.integers() | st.text(max_size=3), st.lists)},
        ),
        max_size=4,
    ),
    size=st.integers(1, 40),
)
def test_an_array_is_the_same_in_pieces_of_any_size(rows: list[Any], size: int) -> None:
    text = json.dumps(rows, ensure_ascii=False)
    pieces = iter([text[at : at + size] for at in range(0, len(text), size)])
    taken = json_rows._top_level("t", json_rows._Text("t", "", pieces))
    assert [row for _, row in taken] == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"text": "a", "text": "b"}', "row 1: the key 'text' is given twice"),
        ('{"text": "a", "n": ' + "1" * 5000 + "}", "row 1: a number has too many digits"),
        ('{"text": "a", "n": ' + "[" * 100_000 + "}", "row 1: .* nested too deep"),
        ("[1, 2]", "row 1: expected a JSON object, found 1"),
        ('[{"text": "a"} {"text": "b"}]', "row 1: the array is not closed after it"),
        ('[{"text": "a"}', "row 1: the array is not closed after it"),
        ('[{"text": "a"}] []', "more text after the array"),
        ('[{"text": "a"}, {"text": ]', "row 2: not JSON: Expecting value"),
        ('{"text": ["a", "b"], "label": ["positive"]}', "columns of one length, found: 'text' 2"),
        ('"' + "x" * 30_000 + '"', "expected a JSON object, found 'x{190,200}"),
    ],
    ids=range(10),
)
@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_what_is_wrong_is_one_short_message(
    tmp_path: Path, text: str, message: str, ending: str
) -> None:
    path = tmp_path / f"rows.{ending}"
    path.write_text(text, "utf-8")
    if ending == "jsonl" and "one length" in message:
        message = "expected text, found"  # a row, whose cells are lists
    with pytest.raises(DataError, match=message) as caught:
        read(path, columns(labels="ignored"))
    assert len(str(caught.value)) < 600 + len(str(path))


def test_a_faulty_line_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    deep = '{"text": ' + "[" * 100_000
    long = '{"text": ' + "9" * 5000 + "}"
    lines = ['{"text": "a"}', deep, '{"text": "b"}', long, '{"text": "c"}']
    path.write_text("\n".join(lines), "utf-8")
    told: list[Any] = []
    found = [e for e, _ in examples_and_rows(path, columns(labels="ignored"), on_fault=told.append)]
    assert [example.texts["text"] for example in found] == ["a", "b", "c"]
    assert [fault.where.rpartition(" ")[2] for fault in told] == ["2", "4"]


def test_memory_does_not_grow_with_an_array(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"text": "good " * 400}] * 4_000), "utf-8")
    tracemalloc.start()
    try:
        assert sum(1 for _ in examples_from(path, columns(labels="ignored"))) == 4_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3e6  # of 8 MB


@pytest.mark.parametrize("cell", ["good", True, None, 12, "\u00e9", {"a": [1]}])
def test_a_value_longer_than_can_be_held_is_told_as_that(
    monkeypatch: pytest.MonkeyPatch, cell: Any
) -> None:
    monkeypatch.setattr(json_rows, "LONGEST_LINE", 1000)
    content = json.dumps({"text": [cell] * 20_000}).encode()
    for cut in range(12):  # wherever a piece ends
        with pytest.raises(DataError, match=r"row 1: one JSON value is longer than 1,000 ch.*\n.*"):
            list(json_rows.read_json("t.json", io.BytesIO(b" " * cut + content)))
    with pytest.raises(DataError, match="not JSON: Expecting property name(?s:.*) at character 2"):
        list(json_rows.read_json("t.json", io.BytesIO(b"{x" + content)))
