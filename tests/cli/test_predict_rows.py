"""Rows of `pet predict`: all columns come back, and a row that cannot be read costs no other."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import os
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from toy import Files, Result, pet, rows_of, write_csv, write_jsonl

from pet.cli import main

ROWS: list[dict[str, Any]] = [
    {"id": 7, "text": "  the film was good ", "label": "old", "note": None},
    {"id": 8, "text": "a sad room", "label": "", "note": [1, {"a": "b"}]},
]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def shares(rows: list[dict[str, Any]]) -> list[float]:
    return [row["probability"] for row in rows]


# --- columns ------------------------------------------------------------------------------------


def test_all_columns_come_back_as_they_were_with_the_prediction_after_them(
    distilled: str, tmp_path: Path
) -> None:
    source = write_jsonl(tmp_path / "ids.jsonl", ROWS)
    rows = rows_of(pet("predict", distilled, "--input", source).out)
    for row, given in zip(rows, ROWS, strict=True):
        assert list(row) == [
            "id", "text", "label", "note", "predicted_label", "probability", "probabilities",
        ]  # fmt: skip
        assert {name: row[name] for name in given} == given
        assert row["predicted_label"] in ("negative", "positive")


def test_a_table_keeps_its_columns_in_order_and_its_text(distilled: str, tmp_path: Path) -> None:
    rows = [
        {"id": "7", "text": "  the film was good ", "channel": "a,b"},
        {"id": "08", "text": "line\nbreak", "channel": ""},
    ]
    source = write_csv(tmp_path / "ids.csv", rows)
    assert pet("predict", distilled, "--input", source, "-o", tmp_path / "out.csv").code == 0
    made = table(tmp_path / "out.csv")
    assert list(made[0]) == [
        "id", "text", "channel", "label", "probability", "p(negative)", "p(positive)",
    ]  # fmt: skip
    assert [{name: row[name] for name in rows[0]} for row in made] == rows


def test_names_that_are_taken_get_a_prefix_and_the_output_can_be_an_input(
    distilled: str, files: Files, tmp_path: Path
) -> None:
    once, twice = tmp_path / "once.csv", tmp_path / "twice.csv"
    assert pet("predict", distilled, "--input", files.test, "-o", once).code == 0
    assert list(table(once)[0]) == [
        "text", "label", "predicted_label", "probability", "p(negative)", "p(positive)",
    ]  # fmt: skip
    assert pet("predict", distilled, "--input", once, "-o", twice).code == 0
    first, second = table(once), table(twice)
    assert [{name: row[name] for name in first[0]} for row in second] == first
    assert list(second[0])[6:] == [
        "predicted_predicted_label", "predicted_probability", "predicted_p(negative)",
        "predicted_p(positive)",
    ]  # fmt: skip
    assert second[0]["predicted_probability"] == first[0]["probability"]


def test_columns_of_later_rows_are_kept_too(distilled: str, tmp_path: Path) -> None:
    source = write_jsonl(
        tmp_path / "odd.jsonl",
        [{"text": "a film"}, *[{"text": f"film {n}"} for n in range(40)], {"text": "b", "late": 1}],
    )
    assert pet("predict", distilled, "--input", source, "-o", tmp_path / "out.csv").code == 0
    made = table(tmp_path / "out.csv")
    assert list(made[0])[:2] == ["text", "late"]
    assert (made[0]["late"], made[-1]["late"]) == ("", "1")
    # A stream cannot be looked through before: its first rows tell the columns.
    stream = Path(source).read_bytes()
    shown = pet("predict", distilled, "--input", "-", stdin=stream)
    assert (shown.code, rows_of(shown.out)[-1]["late"]) == (0, 1)
    refused = pet("predict", distilled, "--input", "-", "-o", tmp_path / "s.csv", stdin=stream)
    assert refused.code == 1
    assert "A row has the column 'late', which the first rows of the input lack." in refused.err
    assert len(table(tmp_path / "s.csv")) == 41


def test_every_format_that_can_be_written_has_the_same_rows(distilled: str, tmp_path: Path) -> None:
    from pet.data.formats import written_endings
    from pet.data.readers import rows_of as read

    source = write_csv(
        tmp_path / "in.csv", [{"id": "1", "text": "a film"}, {"id": "2", "text": "é"}]
    )
    expected: list[list[str]] = []
    for ending in [*written_endings(), ".csv.gz"]:
        output = tmp_path / f"out{ending}"
        result = pet("predict", distilled, "--input", source, "-o", output)
        assert result.code == 0, result.err
        made = [
            [row["id"], row["text"], row["label"], f"{float(row['probability']):.6f}"]
            for _, row in read(output)
        ]
        expected = expected or made
        assert made == expected, ending
    assert gzip.decompress((tmp_path / "out.csv.gz").read_bytes()).startswith(b"id,text,label,")


# --- rows that cannot be read -------------------------------------------------------------------

FAULTY = """{"id": 1, "text": "the film was good"}
{"id": 2, "text": " "}
{"id": 3, "text": "cut off
{"id": 4, "text": "a sad room"}
"""


def faulty(distilled: str, tmp_path: Path, *more: str) -> Result:
    (tmp_path / "in.jsonl").write_text(FAULTY, "utf-8")
    return pet("predict", distilled, "--input", tmp_path / "in.jsonl", *more)


def test_a_faulty_row_stops_after_the_rows_before_it(distilled: str, tmp_path: Path) -> None:
    result = faulty(distilled, tmp_path)
    assert result.code == 1
    assert [row["id"] for row in rows_of(result.out)] == [1]
    assert result.err.startswith(f"Error: {tmp_path / 'in.jsonl'}, row 2, column 'text'")


def test_a_faulty_row_can_be_left_out(distilled: str, tmp_path: Path) -> None:
    result = faulty(distilled, tmp_path, "--on-error", "skip")
    assert result.code == 0
    assert [row["id"] for row in rows_of(result.out)] == [1, 4]
    assert result.err.startswith("2 rows could not be read and are left out:\n")
    assert (
        "      1  column 'text': the text is empty. Fill it in or remove the row. (row 2)"
        in result.err
    )
    assert "      1  not JSON: " in result.err


def test_a_faulty_row_can_be_written_without_a_label(distilled: str, tmp_path: Path) -> None:
    result = faulty(distilled, tmp_path, "--on-error", "null")
    assert result.code == 0
    rows = rows_of(result.out)
    assert [row.get("id") for row in rows] == [1, 2, None, 4]
    assert [row["label"] is None for row in rows] == [False, True, True, False]
    place = f"{tmp_path / 'in.jsonl'}, row "
    assert rows[1] == {"id": 2, "text": " ", "label": None, "probability": None,
                       "probabilities": None, "error": f"{place}2, column 'text': the text is "
                       "empty. Fill it in or remove the row."}  # fmt: skip
    assert rows[2]["error"].startswith(f"{place}3: not JSON: ")
    assert "2 rows could not be read and are without a label" in result.err
    plain = rows_of(faulty(distilled, tmp_path, "--on-error", "skip").out)
    assert [rows[0], rows[3]] == plain
    assert (
        faulty(distilled, tmp_path, "--on-error", "null", "-o", str(tmp_path / "o.csv")).code == 0
    )
    assert [row["label"] == "" for row in table(tmp_path / "o.csv")] == [False, True, True, False]


def test_what_cannot_be_read_any_further_ends_after_the_rows_before_it(
    distilled: str, tmp_path: Path
) -> None:
    content = gzip.compress(
        "".join(json.dumps({"text": f"film {n}"}) + "\n" for n in range(3000)).encode()
    )
    (tmp_path / "cut.jsonl.gz").write_bytes(content[: len(content) // 2])
    for mode in ("stop", "skip"):
        result = pet("predict", distilled, "--input", tmp_path / "cut.jsonl.gz", "--on-error", mode)
        assert result.code == 1
        assert "damaged" in result.err
        assert len(rows_of(result.out)) > 1024


def test_if_no_row_can_be_read_that_is_an_error(distilled: str, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"wrong": "a"}, {"wrong": "b"}])
    for mode in ("skip", "null"):
        result = pet("predict", distilled, "--input", source, "--on-error", mode)
        assert result.code == 1
        assert "None of 2 rows could be read:\n      2  no column" in result.err
        assert "--column text=COLUMN" in result.err
    assert pet("predict", distilled, "--input", "-", "--on-error", "skip").code == 0


def test_an_input_that_cannot_be_read_leaves_an_older_output(
    distilled: str, tmp_path: Path
) -> None:
    output = tmp_path / "old.csv"
    output.write_text("old", "utf-8")
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": ""}])
    assert pet("predict", distilled, "--input", source, "-o", output).code == 1
    assert output.read_text("utf-8") == "old"


def test_half_a_character_in_another_column_costs_nothing(distilled: str, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "a film", "note": "\\ud83d"}\n', "utf-8")
    for name in ("out.jsonl", "out.csv"):
        assert pet("predict", distilled, "--input", source, "-o", tmp_path / name).code == 0
    assert json.loads((tmp_path / "out.jsonl").read_bytes())["note"] == "\ud83d"
    assert table(tmp_path / "out.csv")[0]["note"] == "\\ud83d"


def test_a_row_with_a_cell_too_many_keeps_the_others(distilled: str, tmp_path: Path) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("id,text\n7,a film\n8,so sad, really\n", "utf-8")
    call = ("predict", distilled, "--input", source, "-o", output)
    result = pet(*call, "--on-error", "null")
    assert (result.code, f"2 rows are in {output}." in result.err) == (0, True)
    good, bad = table(output)
    assert (good["id"], good["error"], bad["id"], bad["text"]) == ("7", "", "8", "so sad")
    assert bad["label"] == ""
    assert bad["error"].startswith(f"{source}, row 2: 3 cells, but the header names 2. Put a ")
    stopped = pet(*call)
    assert stopped.code == 1
    assert stopped.err.endswith(
        "1 row is written. To go on after rows that cannot be read, give --on-error skip or null.\n"
    )
    assert "error" not in table(output)[0]
    assert pet("--quiet", *call, "--on-error", "skip").err.startswith("1 row could not be read")


@pytest.mark.parametrize("model", ["distilled", "ensemble"])
def test_texts_that_the_backbone_cannot_read_are_counted(
    model: str, request: pytest.FixtureRequest
) -> None:
    run = request.getfixturevalue(model)
    result = pet("predict", run, "--text", "这部电影很好看", "--text", "a good film")
    assert result.code == 0
    assert "In 1 of the 2 texts most tokens are unknown to the model's backbone" in result.err
    assert pet("predict", run, "--text", "a good film").err == ""


# --- --text, spreadsheets, slow streams ---------------------------------------------------------


def test_texts_can_be_given_as_options(distilled: str) -> None:
    result = pet("predict", distilled, "--text", "a good film", "--text", " so sad")
    rows = rows_of(result.out)
    assert [row["text"] for row in rows] == ["a good film", " so sad"]
    stream = b'{"text": "a good film"}\n{"text": " so sad"}\n'
    assert rows == rows_of(pet("predict", distilled, "--input", "-", stdin=stream).out)
    for arguments in ((), ("--text", "a", "--input", "-")):
        refused = pet("predict", distilled, *arguments)
        assert (refused.code, "--input or --text" in refused.err) == (2, True)
    assert pet("predict", distilled, "--text", " ").code == 1


def test_cells_that_a_spreadsheet_would_run_are_marked_on_request(
    distilled: str, tmp_path: Path
) -> None:
    cells = ["=HYPERLINK(1)", "+1+1", "-1-1", "@SUM(1)", "\t=1", "-0.5", "+49", "fine", "1=1"]
    source = write_csv(tmp_path / "in.csv", [{"text": "film", "=a": cell} for cell in cells])
    plain, safe = tmp_path / "plain.csv", tmp_path / "safe.csv"
    assert pet("predict", distilled, "--input", source, "-o", plain).code == 0
    assert [row["=a"] for row in table(plain)] == cells
    arguments = ("--input", source, "-o", safe, "--for-spreadsheets")
    assert pet("predict", distilled, *arguments).code == 0
    assert [row["'=a"] for row in table(safe)] == [
        "'=HYPERLINK(1)", "'+1+1", "'-1-1", "'@SUM(1)", "'\t=1", "-0.5", "+49", "fine", "1=1",
    ]  # fmt: skip
    refused = pet("predict", distilled, "--input", source, "--for-spreadsheets")
    assert (refused.code, ".csv and .tsv" in refused.err) == (2, True)


def test_the_first_rows_of_a_slow_stream_come_before_the_others_are_written(
    distilled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_end, write_end = os.pipe()
    shown, first = io.StringIO(), threading.Event()
    monkeypatch.setattr(shown, "flush", lambda: shown.getvalue() and first.set())
    arrived: list[bool] = []

    def feed() -> None:
        with os.fdopen(write_end, "wb", buffering=0) as stream:
            for number in range(16):
                stream.write(b'{"text": "film %d"}\n' % number)
            arrived.append(first.wait(60))
            stream.write(b'{"text": "the last"}\n')

    monkeypatch.setattr(sys, "argv", ["pet", "predict", distilled, "--input", "-"])
    feeder = threading.Thread(target=feed)
    feeder.start()
    with os.fdopen(read_end, "rb") as stream:
        given = io.TextIOWrapper(stream, "utf-8")
        with mock.patch.object(sys, "stdin", given), mock.patch.object(sys, "stdout", shown):
            main()
    feeder.join()
    assert arrived == [True]
    assert len(rows_of(shown.getvalue())) == 17


@pytest.mark.parametrize(
    "command", ["evaluate RUN --test TEST", "explain RUN --text a", "suggest RUN --unlabeled TEST"]
)
def test_other_commands_say_at_once_that_they_load(
    command: str, distilled: str, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {"RUN": distilled, "TEST": files.test}
    errors = io.StringIO()
    monkeypatch.setattr(errors, "isatty", lambda: True)
    monkeypatch.setattr(sys, "argv", ["pet", *(places.get(n, n) for n in command.split())])
    with mock.patch.object(sys, "stderr", errors), mock.patch.object(sys, "stdout", io.StringIO()):
        main()
    assert errors.getvalue().startswith(f"Loading {distilled} ...\n")


def test_a_person_who_waits_is_told_what_is_loaded(
    distilled: str, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    for isatty, said in ((True, f"Loading {distilled} ..."), (False, "")):
        errors, out = io.StringIO(), io.StringIO()
        monkeypatch.setattr(errors, "isatty", lambda isatty=isatty: isatty)
        monkeypatch.setattr(sys, "argv", ["pet", "predict", distilled, "--input", files.test])
        with mock.patch.object(sys, "stderr", errors), mock.patch.object(sys, "stdout", out):
            main()
        assert errors.getvalue().split("\n")[0] == said
        assert ("| 0/3 [" in errors.getvalue()) == isatty


def test_what_json_lacks_is_written_so_that_other_programs_can_read_it(
    distilled: str, tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow")
    from pet.data.formats import rows_writer

    day = datetime(2024, 1, 2)
    row = {"text": "a film", "when": day, "score": math.nan, "tags": ["a"], "new": True}
    source = tmp_path / "in.parquet"
    with (
        source.open("w", encoding="utf-8") as stream,
        rows_writer(stream, source.name, list(row)) as write,
    ):
        write(row)
    for name in ("out.csv", "out.jsonl"):
        result = pet("predict", distilled, "--input", source, "-o", tmp_path / name)
        assert result.code == 0, result.err

    def refuse(constant: str) -> None:
        raise AssertionError(constant)  # NaN is no JSON

    (made,) = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    given = {name: json.loads(made, parse_constant=refuse)[name] for name in row}
    assert given == {**row, "when": "2024-01-02 00:00:00", "score": None}
    (cells,) = table(tmp_path / "out.csv")
    assert {name: cells[name] for name in row} == {
        "text": "a film", "when": "2024-01-02 00:00:00", "score": "", "tags": '["a"]',
        "new": "true",
    }  # fmt: skip
