"""The same command again: the same numbers, and nothing done twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from toy import Files, pet, train


@pytest.mark.parametrize("method", ["pet", "head", "fine-tune"])
def test_the_same_command_gives_the_same_numbers_bit_for_bit(
    method: str, files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    more = ["--method", method, "--unlabeled", files.unlabeled, "--patterns", "0-1"]
    outputs = []
    for name in ("a", "b"):
        assert train(files, tiny_bert, tmp_path / name, *more).code == 0
        outputs.append(pet("predict", tmp_path / name, "--input", files.unlabeled).out)
        weights = tmp_path / name / "classifier"
        outputs[-1] += str([hash(f.read_bytes()) for f in sorted(weights.rglob("*.safetensors"))])
    assert outputs[0] == outputs[1]


def test_another_seed_gives_other_numbers(
    distilled: str, files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    more = ["--unlabeled", files.unlabeled, "--seed", 14]
    assert train(files, tiny_bert, tmp_path / "run", *more).code == 0
    outputs = [
        pet("predict", run, "--input", files.test).out for run in (distilled, tmp_path / "run")
    ]
    assert outputs[0] != outputs[1]


def test_quiet_says_nothing_on_standard_error(files: Files, tiny_bert: str, tmp_path: Path) -> None:
    # A process of its own: nothing that libraries write there may slip by.
    command = [
        sys.executable, "-c", "from pet.cli import main; main()", "-q", "train",
        "--task", files.task, "--train", files.train, "--unlabeled", files.train,
        "--shots", "2", "--backbone", tiny_bert, "--max-steps", "1", "--distill-epochs", "1",
        "--patterns", "0", "-o", str(tmp_path / "run"),
    ]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "classifier" in result.stdout


def test_a_finished_run_is_not_done_again(files: Files, tiny_bert: str, tmp_path: Path) -> None:
    first = train(files, tiny_bert, tmp_path / "run", "--unlabeled", files.unlabeled)
    stamps = {f: f.stat().st_mtime_ns for f in (tmp_path / "run").rglob("*.safetensors")}
    again = train(files, tiny_bert, tmp_path / "run", "--unlabeled", files.unlabeled)
    assert "was finished before" in again.err
    assert "was finished before" not in first.err
    assert first.out == again.out
    assert stamps == {f: f.stat().st_mtime_ns for f in stamps}


def test_what_a_kill_at_the_very_end_left_is_removed(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    how = ["--unlabeled", files.unlabeled, "--patterns", "0"]
    assert train(files, tiny_bert, tmp_path / "run", *how).code == 0
    left = tmp_path / "run" / "checkpoint.safetensors"
    left.write_bytes(b"of the distillation")
    assert "was finished before" in train(files, tiny_bert, tmp_path / "run", *how).err
    assert not left.exists()


def test_a_finished_run_can_still_be_tested(ensemble: str, files: Files, tiny_bert: str) -> None:
    again = train(files, tiny_bert, ensemble, "--test", files.test)
    assert "was finished before" in again.err
    assert "test accuracy" in again.out


def test_other_settings_or_data_in_the_same_folder_are_refused_with_the_difference(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert train(files, tiny_bert, run, "--method", "zero-shot").code == 0
    before = pet("predict", run, "--input", files.test).out
    result = train(files, tiny_bert, run, "--method", "zero-shot", "--seed", 5)
    assert result.code == 1
    assert "settings.seed: 13 there, 5 now" in result.err
    assert "--force" in result.err
    result = train(files, tiny_bert, run, "--method", "zero-shot", "--shots", 2)
    assert "data.train.n: 10 there, 4 now" in result.err
    assert pet("predict", run, "--input", files.test).out == before


def test_force_starts_over_and_keeps_what_is_not_the_runs(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert train(files, tiny_bert, run).code == 0
    (run / "notes.txt").write_text("mine", "utf-8")
    result = train(files, tiny_bert, run, "--method", "single", "--force")
    assert result.code == 0, result.err
    assert (run / "notes.txt").read_text("utf-8") == "mine"
    assert [path.name for path in (run / "members").iterdir()] == ["pattern-0"]
