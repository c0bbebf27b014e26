"""Options of reading: they reach every command that reads files, and wrong ones end at once."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest
from toy import Files, labelled_rows, pet, rows_of, train

from pet.cli import COMMANDS
from pet.cli.reading_options import label_mapping
from pet.errors import DataError, UsageError

OPTIONS = {"--format", "--delimiter", "--encoding", "--quoting"}
READING = {"check", "train", "predict", "evaluate", "patterns", "suggest", "fewshot", "verbalize",
           "templates", "adapt", "init", "label"}  # fmt: skip


def options_of(command: str) -> set[str]:
    parameters = import_module(f"pet.cli.{command}").command.params
    return {option for parameter in parameters for option in parameter.opts}


def test_every_command_that_reads_files_has_the_options_of_reading() -> None:
    assert {command for command in COMMANDS if options_of(command) >= OPTIONS} == READING
    mapped = {command for command in COMMANDS if "--label-map" in options_of(command)}
    assert mapped == READING - {"adapt"}


@pytest.fixture
def odd(files: Files, tmp_path: Path) -> dict[str, str]:
    """The toy rows in files of another encoding, delimiter, header and with class numbers."""
    numbers = {"negative": "0", "positive": "1"}
    rows = [f"{row['text']} é^{numbers[row['label']]}" for row in labelled_rows()]
    made = {}
    for name in ("train", "test", "pool"):
        path = tmp_path / f"{name}.dat"
        path.write_bytes("\n".join([" Text ^LABEL", *rows]).encode("cp1252"))
        made[name] = str(path)
    return made


ODD = ("--format", "csv", "--delimiter", "^", "--encoding", "cp1252")
NAMED = ("--label-map", "0=negative,1=positive")


def test_a_run_and_its_predictions_take_files_of_any_kind(
    odd: dict[str, str], files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    own = Files(files.folder, files.task, odd["train"], odd["pool"], odd["test"])
    run = tmp_path / "run"
    result = train(own, tiny_bert, run, "--test", odd["test"], "--dev", odd["test"], "--patterns",
                   "0", *ODD, *NAMED)  # fmt: skip
    assert result.code == 0, result.err
    predicted = pet("predict", run, "--input", odd["pool"], *ODD)
    assert [row[" Text "] for row in rows_of(predicted.out)] == [
        f"{row['text']} é" for row in labelled_rows()
    ]
    evaluated = pet("evaluate", run, "--test", odd["test"], "--json", "-", *ODD, *NAMED)
    assert json.loads(evaluated.out)["n"] == len(labelled_rows())
    for ending in ("parquet", "tsv.gz"):
        output = tmp_path / f"out.{ending}"
        assert pet("predict", run, "--input", odd["pool"], *ODD, "-o", output).code == 0
        again = pet("predict", run, "--input", output, "--column", "text= Text ")
        assert [row[" Text "] for row in rows_of(again.out)] == [
            row[" Text "] for row in rows_of(predicted.out)
        ], again.err


def test_check_reads_them_too_and_says_what_class_numbers_need(
    odd: dict[str, str], files: Files, tiny_bert: str
) -> None:
    command = ("check", "--task", files.task, "--train", odd["train"], "--backbone", tiny_bert)
    assert "positive" in pet(*command, *ODD, *NAMED).out
    refused = pet(*command, *ODD)
    assert refused.code == 1
    assert "--label-map" in refused.out + refused.err


def test_standard_input_may_be_any_format(files: Files, tiny_bert: str, tmp_path: Path) -> None:
    table = "text;label\n" + "".join(f"{r['text']};{r['label']}\n" for r in labelled_rows())
    pool = table.encode("utf-16")
    result = pet(
        "train", "--task", files.task, "--train", files.train, "--unlabeled", "-",
        "--format", "csv", "--backbone", tiny_bert, "--max-steps", 2, "--distill-epochs", 1,
        "--patterns", "0",
        "--device", "cpu", "-o", tmp_path / "run", stdin=pool,
    )  # fmt: skip
    # The labelled file is JSON lines by its name, whatever standard input is.
    assert result.code == 0, result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--encoding", "gbk18030"], "Unknown encoding 'gbk18030'.\n  Did you mean 'gb18030'?"),
        (["--test", "s3://bucket/test.csv"], "s3://bucket/test.csv: addresses are not read."),
        (["--delimiter", "::"], "A delimiter is one character, not '::'."),
        (["--label-map", "0:bad"], "no such file, and no pairs"),
        (["--label-map", "0=bad,0=good"], "the label '0' is given two names"),
        (["--label-map", "0=posative"], "--label-map names the unknown label 'posative'"),
    ],
)
def test_a_wrong_option_ends_with_one_message(
    files: Files, options: list[str], message: str
) -> None:
    result = pet("check", "--task", files.task, "--train", files.train, *options)
    assert result.code == (1 if "--test" in options else 2), result.err
    assert message in result.err


def test_a_wrong_pair_in_a_file_is_an_error_of_use(tmp_path: Path) -> None:
    path = tmp_path / "map.txt"
    path.write_text("0=bad\n1:good\n", "utf-8")
    with pytest.raises(UsageError) as caught:
        label_mapping(str(path))
    assert str(caught.value) == f"{path}: expected pairs such as 0=bad, found '1:good'."


def test_a_label_map_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("0 = not, really\n\n1=good\n", "utf-8")
    assert label_mapping(str(path)) == {"0": "not, really", "1": "good"}
    path = tmp_path / "labels.json"
    path.write_text('\ufeff{"0": "bad"}', "utf-8")
    assert label_mapping(str(path)) == {"0": "bad"}
    for content in ("[1]", '{"0": 1}', "{"):
        path.write_text(content, "utf-8")
        with pytest.raises(DataError, match=r"labels\.json: expected"):
            label_mapping(str(path))
    with pytest.raises(UsageError, match="expected pairs such as 0=bad, found 'x'"):
        label_mapping("0=a,x")
