"""The list of a finished folder has one line for each file, as `sha256sum -c` expects."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pet.errors import RunError
from pet.runs import RunFolder
from pet.runs.checksums import Checksums


def failed(folder: Path) -> list[str]:
    """Names of the lines that `sha256sum -c` would call failed."""
    lines = [line.split("  ") for line in (folder / "SHA256SUMS").read_text("utf-8").splitlines()]
    return [
        name
        for value, name in lines
        if not (folder / name).exists()
        or hashlib.sha256((folder / name).read_bytes()).hexdigest() != value
    ]


def written(folder: Path) -> RunFolder:
    run = RunFolder.start(folder, {"asked": 1})
    for step in range(3):
        run.write_text("members/a/checkpoint.safetensors", f"step {step}")
        run.write_json(run.metrics, {"step": step})
    run.remove("members/a/checkpoint.safetensors")
    run.write_json("members/a/member.json", {})
    return run


def test_a_finished_run_passes(tmp_path: Path) -> None:
    run = written(tmp_path)
    assert failed(tmp_path)
    run.settle()
    assert failed(tmp_path) == []
    assert run.checksums.names() == ["run.json", "metrics.json", "members/a/member.json"]
    assert run.read_json(run.metrics) == {"step": 2}


def test_what_is_missing_or_damaged_is_not_forgotten(tmp_path: Path) -> None:
    run = written(tmp_path)
    (tmp_path / "members/a/member.json").unlink()
    (tmp_path / "metrics.json").write_text("{}", "utf-8")
    run.settle()
    assert {*failed(tmp_path)} == {"members/a/member.json", "metrics.json"}
    with pytest.raises(RunError, match="not what was written"):
        run.read_json(run.metrics)


def test_the_list_is_not_read_again_after_ones_own_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder.start(tmp_path, {"asked": 1})
    run.checksums.names()
    reads: list[Path] = []
    whole = Path.read_text

    def counted(path: Path, *args: str, **more: str) -> str:
        reads.append(path)
        return whole(path, *args, **more)

    monkeypatch.setattr(Path, "read_text", counted)
    for number in range(5):
        run.write_json(f"members/{number}/member.json", {"n": number})
    assert reads == []
    other = Checksums(tmp_path)  # another process
    (tmp_path / "metrics.json").write_text("{}", "utf-8")
    other.note({"metrics.json": tmp_path / "metrics.json"})
    run.write_json("ensemble.json", {})
    names = ["run.json", *(f"members/{n}/member.json" for n in range(5))]
    assert run.checksums.names() == [*names, "metrics.json", "ensemble.json"]
