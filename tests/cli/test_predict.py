"""`pet predict`, `pet evaluate` and `pet explain` on runs of the command."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from toy import PAIR_TASK_FILE, Files, pet, rows_of, train, write_csv, write_jsonl


def test_predict_writes_probabilities_that_sum_to_one_and_match_the_label(
    distilled: str, files: Files
) -> None:
    for row in rows_of(pet("predict", distilled, "--input", files.unlabeled).out):
        shares = row["probabilities"]
        assert isinstance(shares, dict)
        assert sum(shares.values()) == pytest.approx(1, abs=2e-6)
        assert row["label"] == max(shares, key=lambda label: shares[label])
        assert row["probability"] == shares[row["label"]]


def test_predict_gives_the_same_to_jsonl_csv_and_standard_output(
    distilled: str, files: Files, tmp_path: Path
) -> None:
    shown = rows_of(pet("predict", distilled, "--input", files.test).out)
    for name in ("out.jsonl", "out.csv"):
        result = pet("predict", distilled, "--input", files.test, "-o", tmp_path / name)
        assert (result.code, result.out) == (0, "")
    assert rows_of((tmp_path / "out.jsonl").read_text("utf-8")) == shown
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [row["text"] for row in table] == [row["text"] for row in shown]
    assert [row["label"] for row in table] == [row["label"] for row in shown]
    assert [float(row["probability"]) for row in table] == [row["probability"] for row in shown]
    assert list(table[0]) == [
        "text", "label", "predicted_label", "probability", "p(negative)", "p(positive)",
    ]  # fmt: skip
    assert [row["predicted_label"] for row in table] == [row["predicted_label"] for row in shown]


def test_predict_reads_standard_input_in_both_formats(distilled: str) -> None:
    first = pet("predict", distilled, "--input", "-", stdin='{"text": "a café"}\n'.encode())
    second = pet(
        "predict", distilled, "--input", "-", "--format", "csv", stdin="text\na café\n".encode()
    )
    assert first.code == second.code == 0
    assert rows_of(first.out) == rows_of(second.out)
    assert rows_of(first.out)[0]["text"] == "a café"


def test_predict_of_nothing_is_nothing(distilled: str) -> None:
    result = pet("predict", distilled, "--input", "-", stdin=b"")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_a_pair_task_reads_its_columns(tiny_bert: str, tmp_path: Path) -> None:
    task = tmp_path / "pair.py"
    task.write_text(PAIR_TASK_FILE, "utf-8")
    rows = [
        {"question": "was it good", "text_b": "yes it was", "label": "yes"},
        {"question": "was it good", "text_b": "a red train", "label": "no"},
    ]
    data = write_jsonl(tmp_path / "pairs.jsonl", rows)
    files = Files(tmp_path, str(task), data, data, data)
    assert train(files, tiny_bert, tmp_path / "run", "--unlabeled", data).code == 0
    renamed = [{"q": row["question"], "a": row["text_b"]} for row in rows]
    other = write_csv(tmp_path / "renamed.csv", renamed)
    first = pet("predict", tmp_path / "run", "--input", data)
    second = pet(
        "predict", tmp_path / "run", "--input", other, "--column", "question=q",
        "--column", "answer=a",
    )  # fmt: skip
    assert first.code == 0, first.err
    assert [row["probabilities"] for row in rows_of(first.out)] == [
        row["probabilities"] for row in rows_of(second.out)
    ]
    assert list(rows_of(first.out)[0])[:2] == ["question", "text_b"]
    assert list(rows_of(second.out)[0])[:2] == ["q", "a"]
    given = [word for row in rows for word in ("--text", row["question"], "--text", row["text_b"])]
    third = pet("predict", tmp_path / "run", *given)
    assert list(rows_of(third.out)[0])[:2] == ["question", "answer"]
    assert [row["probabilities"] for row in rows_of(third.out)] == [
        row["probabilities"] for row in rows_of(first.out)
    ]
    refused = pet("predict", tmp_path / "run", *given[:2])
    assert (refused.code, "Give --text <question> --text <answer>" in refused.err) == (2, True)
    shown = pet("explain", tmp_path / "run", "--text", "was it good", "--text", "yes it was")
    assert "was it good | ____, yes it was" in shown.out


def test_evaluate_shows_a_table_and_writes_json(
    distilled: str, files: Files, tmp_path: Path
) -> None:
    result = pet("evaluate", distilled, "--test", files.test, "--json", tmp_path / "figures.json")
    figures = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert figures["n"] == 3
    assert figures.keys() >= {"accuracy", "macro_f1", "ece", "n", "per_class", "confusion"}
    assert f"accuracy {100 * figures['accuracy']:.1f}" in result.out
    assert f"calibration error {figures['ece']:.3f}  examples 3" in result.out
    assert "true \\ predicted" in result.out


def test_evaluate_prints_nothing_but_json_when_asked_for_it_on_standard_output(
    distilled: str, files: Files
) -> None:
    result = pet("evaluate", distilled, "--test", files.test, "--json", "-")
    assert json.loads(result.out)["n"] == 3
    assert result.err == ""


def test_evaluate_tells_examples_that_the_run_was_trained_on(
    distilled: str, files: Files, tmp_path: Path
) -> None:
    rows = [{"text": "the film was sad", "label": "negative"}, {"text": "new", "label": "positive"}]
    data = write_jsonl(tmp_path / "mixed.jsonl", rows)
    for model in (distilled, f"{distilled}/classifier"):
        result = pet("evaluate", model, "--test", data)
        assert f"1 of the 2 examples are ones that {model} was trained on" in result.err
        figures = json.loads(pet("evaluate", model, "--test", data, "--json", "-").out)
        assert figures["training_examples"] == 1
    clean = pet("evaluate", distilled, "--test", files.test, "--json", "-")
    assert (clean.err, json.loads(clean.out)["training_examples"]) == ("", 0)
    moved = tmp_path / "moved"
    shutil.copytree(Path(distilled, "classifier"), moved)
    alone = pet("evaluate", moved, "--test", data, "--json", "-")
    assert json.loads(alone.out)["training_examples"] is None


def test_explain_shows_patterns_words_and_votes_of_a_distilled_run(distilled: str) -> None:
    result = pet("explain", distilled, "--text", "the food was cold", "--words", 1)
    assert result.code == 0
    assert "pattern-1: Just ____! the food was cold" in result.out
    table = result.out.split("member ")[-1].splitlines()
    assert [line.split()[0] for line in table[2:]] == [
        *(f"pattern-{number}" for number in range(4)), "ensemble",
    ]  # fmt: skip
    assert ", " not in result.out.split("____.\n")[1].splitlines()[0]


def test_explain_works_on_an_ensemble_run_and_its_saved_classifier(ensemble: str) -> None:
    first = pet("explain", ensemble, "--text", "a sad film")
    second = pet("explain", f"{ensemble}/classifier", "--text", "a sad film")
    assert first.code == second.code == 0
    assert first.out == second.out
    # The vote of the ensemble is the prediction itself.
    shares = [float(share) for share in first.out.splitlines()[-1].split()[-2:]]
    assert f"{max(shares):.1f}%" in first.out.splitlines()[0]


def test_explain_of_a_distilled_classifier_alone_says_where_the_patterns_are(
    distilled: str,
) -> None:
    result = pet("explain", f"{distilled}/classifier", "--text", "a sad film")
    assert result.code == 0
    assert "%" in result.out
    assert "name its run folder" in result.out


def test_the_classifier_folder_is_all_that_predict_needs(
    distilled: str, files: Files, tmp_path: Path
) -> None:
    expected = pet("predict", distilled, "--input", files.test).out
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for file in Path(distilled, "classifier").iterdir():
        (moved / file.name).write_bytes(file.read_bytes())
    assert pet("predict", moved, "--input", files.test).out == expected


def test_a_reader_that_goes_away_is_no_error_message(distilled: str, tmp_path: Path) -> None:
    data = write_jsonl(tmp_path / "many.jsonl", ({"text": f"film {n}"} for n in range(1500)))
    script = "from pet.cli import main; main()"
    command = [sys.executable, "-c", script, "predict", distilled, "--input", data]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
