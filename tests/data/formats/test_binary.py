"""Parquet, Arrow, Feather and Excel files: read and written row by row."""

from __future__ import annotations

import datetime
import sys
import tracemalloc
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from films import EXPECTED, ROWS, columns, read

from pet.config.files import Reading
from pet.data import Example, examples_and_rows, examples_from
from pet.data.formats import columnar
from pet.data.formats.writing import rows_writer
from pet.errors import DataError

BINARY = ["parquet", "arrow", "feather", "xlsx"]


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]], names: list[str]) -> None:
    with (
        path.open("w", encoding="utf-8", newline="") as stream,
        rows_writer(stream, path.name, names) as write,
    ):
        for row in rows:
            write(row)


def rows_in(path: Path) -> list[dict[str, Any]]:
    found = examples_and_rows(path, columns(labels="ignored"))
    return [dict(row) for _, row in found]


@pytest.mark.parametrize("ending", BINARY)
def test_tabs_quotes_and_line_ends_are_read_back(tmp_path: Path, ending: str) -> None:
    given = ['a\tb "q"\nnew', "a\rb", "a\r\n", '"', "\t.", "'=1"]
    path = tmp_path / f"o.{ending}"
    write_rows(path, [{"text": text, "n": "2"} for text in given], ["text", "n"])
    found = [row["text"] for row in rows_in(path)]
    if ending == "xlsx":  # XML knows one line end
        given = [text.replace("\r\n", "\n").replace("\r", "\n") for text in given]
    assert found == given


def test_what_pet_says_about_a_workbook_is_told_as_it_is(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["text", "text", "label"])
    book.save(tmp_path / "twice.xlsx")
    with pytest.raises(DataError) as caught:
        read(tmp_path / "twice.xlsx")
    message = str(caught.value)
    assert message.startswith(
        f"{tmp_path / 'twice.xlsx'}: the header names the column 'text' twice"
    )
    assert "cannot be read" not in message


# As others write them


@pytest.mark.parametrize("compression", ["", ".gz", ".zst"])
def test_files_of_pandas_polars_and_arrow_are_read(tmp_path: Path, compression: str) -> None:
    frame, table = pd.DataFrame(ROWS), pa.Table.from_pylist(ROWS)
    frame.to_parquet(tmp_path / "pandas.parquet")
    frame.astype({"label": "category"}).to_parquet(tmp_path / "category.parquet")
    frame.to_feather(tmp_path / "pandas.feather")
    pl.DataFrame(ROWS).write_parquet(tmp_path / "polars.parquet")
    pl.DataFrame(ROWS).write_ipc(tmp_path / "polars.arrow")
    with pa.ipc.new_stream(tmp_path / "stream.arrow", table.schema) as stream:
        stream.write_table(table)
    frame.to_excel(tmp_path / "pandas.xlsx", index=False)
    pl.DataFrame(ROWS).to_pandas().to_excel(tmp_path / "with_index.xlsx")
    for path in list(tmp_path.iterdir()):
        if compression:
            path = compressed(path, compression)
        assert read(path) == EXPECTED, path.name


def compressed(path: Path, ending: str) -> Path:
    from pet.data.formats.compression import compressing

    target = path.with_name(path.name + ending)
    with target.open("wb") as stream, compressing(target.name, stream) as inner:
        inner.write(path.read_bytes())
    return target


def test_class_numbers_of_hugging_face_have_their_names(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    names = datasets.ClassLabel(names=["positive", "negative"])
    features = datasets.Features({"text": datasets.Value("string"), "label": names})
    rows = {"text": ["good", "bad"], "label": [0, 1]}
    datasets.Dataset.from_dict(rows, features).to_parquet(tmp_path / "rows.parquet")
    expected = [Example({"text": "good"}, "positive"), Example({"text": "bad"}, "negative")]
    assert read(tmp_path / "rows.parquet") == expected


def test_class_numbers_without_names_need_a_label_map(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["good", "bad"], "label": [1, 0]}).to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(
        DataError, match=r"unknown label '1'; the task's labels are names(?s:.*)map"
    ):
        read(tmp_path / "rows.parquet")
    named = Reading(label_map={"0": "negative", "1": "positive"})
    found = read(tmp_path / "rows.parquet", columns(), named)
    assert [example.label for example in found] == ["positive", "negative"]


def test_numbers_in_the_columns_of_a_workbook_are_texts_where_texts_are_wanted(
    tmp_path: Path,
) -> None:
    book = openpyxl.Workbook()
    book.active.title = "notes"
    book.active.append(["nothing here"])
    sheet = book.create_sheet("data")
    date = datetime.datetime(2024, 5, 1)
    header = ["Text ", "label", "id", "when"]
    for row in (header, [2024, "positive", 7, date], [], [True, "negative"]):
        sheet.append(row)
    book.save(tmp_path / "rows.xlsx")
    found = list(examples_and_rows(tmp_path / "rows.xlsx", columns()))
    assert [example.texts["text"] for example, _ in found] == ["2024", "TRUE"]
    assert found[0][1] == {"Text ": "2024", "label": "positive", "id": 7, "when": date}
    assert found[1][1]["id"] is None


@pytest.mark.parametrize("ending", BINARY)
def test_a_damaged_or_foreign_file_is_one_message(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows.{ending}"
    write_rows(path, ROWS, ["text", "label"])
    whole = path.read_bytes()
    for content in (b"", b"text,label\n", whole[:-30], whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=rf"rows\.{ending}: cannot be read as"):
            read(path)


@pytest.mark.parametrize("ending", BINARY)
def test_a_missing_package_is_named_with_the_command(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"rows.{ending}"
    path.write_bytes(b"PAR1")
    for package in ("pyarrow", "pyarrow.parquet", "pyarrow.feather", "openpyxl", "zstandard"):
        monkeypatch.setitem(sys.modules, package, None)
    for file in (path, compressed_stub(tmp_path)):
        with pytest.raises(DataError, match=r"pip install 'pet-fewshot\[files\]'"):
            read(file)


def compressed_stub(folder: Path) -> Path:
    (folder / "rows.csv.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    return folder / "rows.csv.zst"


# As we write them


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "tsv", *BINARY, "csv.gz", "json.zip"])
def test_every_format_that_is_written_is_read_back(tmp_path: Path, ending: str) -> None:
    rows = [{**row, "id": n, "share": n / 3} for n, row in enumerate(ROWS)]
    path = tmp_path / f"rows.{ending}"
    write_rows(path, rows, list(rows[0]))
    assert read(path) == EXPECTED
    back = rows_in(path)
    assert [list(row) for row in back] == [list(row) for row in rows]
    kept = ending not in ("csv", "tsv", "csv.gz")
    assert [row["id"] for row in back] == ([0, 1, 2] if kept else ["0", "1", "2"])
    assert float(back[1]["share"]) == pytest.approx(1 / 3)


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_columns_are_typed_by_their_first_rows_and_odd_ones_are_text(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columnar, "_ROWS_A_GROUP", 2)
    path = tmp_path / f"rows.{ending}"
    rows = [
        {"text": "a", "late": None, "mixed": 1, "labels": ["x"], "share": 0.5, "map": {"k": 1}},
        {"text": "b\ud83d", "late": None, "mixed": "one", "labels": [], "share": None, "map": None},
        {"text": "c", "late": 3, "mixed": None, "labels": None, "share": 1, "map": "{}"},
    ]
    write_rows(path, rows, list(rows[0]))
    back = rows_in(path)
    assert [row["text"] for row in back] == ["a", "b\\ud83d", "c"]
    assert [row["late"] for row in back] == [None, None, "3"]
    assert [row["mixed"] for row in back] == ["1", "one", None]
    assert [row["labels"] for row in back] == [["x"], [], None]
    assert [row["share"] for row in back] == [0.5, None, 1.0]
    assert [row["map"] for row in back] == ['{"k": 1}', None, "{}"]
    if ending == "parquet":
        assert pq.ParquetFile(path).num_row_groups == 2
    with pytest.raises(DataError, match=r"Column 'share': a cell is no double"):
        write_rows(path, [*rows, {"text": "d", "share": "much"}], list(rows[0]))


def test_a_workbook_holds_no_formula_and_cuts_no_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.xlsx"
    write_rows(path, [{"text": '=HYPERLINK("x")\x07', "label": "@SUM(1)"}], ["text", "label"])
    cells = list(openpyxl.load_workbook(path).active.iter_rows())[1]
    assert [(cell.value, cell.data_type) for cell in cells] == [
        ('=HYPERLINK("x")\ufffd', "s"),
        ("@SUM(1)", "s"),
    ]
    with pytest.raises(DataError, match=r"Row 1, column 'text': an Excel cell holds 32767"):
        write_rows(path, [{"text": "x" * 40_000}], ["text"])


def test_memory_does_not_grow_with_what_is_written_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columnar, "_ROWS_A_GROUP", 500)
    path = tmp_path / "rows.parquet"
    random = np.random.default_rng(0)
    tracemalloc.start()
    try:
        rows = ({"text": random.bytes(1000).hex()} for _ in range(4_000))
        write_rows(path, rows, ["text"])
        assert sum(1 for _ in examples_from(path, columns(labels="ignored"))) == 4_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5e6  # of 8 MB


def test_a_workbook_that_claims_to_have_a_password_is_one_message(tmp_path: Path) -> None:
    path = tmp_path / "rows.xlsx"
    write_rows(path, ROWS, ["text", "label"])
    content, mark = bytearray(path.read_bytes()), b"PK\x01\x02"
    at = content.find(mark)
    while at >= 0:  # a flipped bit in the archive's list of files does it
        content[at + 8] |= 1
        at = content.find(mark, at + 4)
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as an Excel workbook"):
        read(path)
