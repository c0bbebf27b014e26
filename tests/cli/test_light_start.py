"""Help, lists and errors about names come before anything heavy is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pet.cli import COMMANDS
from pet.config import Settings, deciding
from pet.task import load_task

HEAVY = ("torch", "numpy", "scipy", "sklearn", "transformers", "tokenizers")
# All calls in one process: whatever a call loads stays, and is told once, of the first call.
_RUN = f"""
import contextlib, io, json, sys
from pet.cli import main

seen = set()
for call in json.load(sys.stdin):
    sys.argv, code, said, shown = ["pet", *call], 0, io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(shown):
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
    loaded = {{name for name in {HEAVY} if name in sys.modules}} - seen
    seen |= loaded
    print(json.dumps([code, said.getvalue(), sorted(loaded)]))
"""
TRAIN = ("train", "--task", "reviews", "-o", "new", "--train")
CALLS = [
    ("--help",),
    ("--version",),
    ("tasks",),
    ("tasks", "reviews"),
    ("tasks", "revews"),
    *((command, "--help") for command in COMMANDS),
    ("tain",),
    ("train", "there.jsonl"),
    ("train", "--task", "typo", "-o", "new"),
    ("train", "--task", "there.jsonl", "-o", "new"),
    ("train", "--task", "reviews", "-o", "run", "--max-steps", "6"),
    ("train", "--task", "missing.py", "-o", "new"),
    ("train", "--task", "reviews", "-o", "new", "--method", "typo"),
    ("train", "--task", "reviews", "-o", "new", "--readout", "typo"),
    ("train", "--task", "reviews", "-o", "new", "--max-steps", "-1"),
    ("train", "--task", "reviews", "-o", "new", "--patterns", "99"),
    ("train", "--task", "reviews", "-o", "new", "--verbalizer", "typo"),
    (*TRAIN, "missing.jsonl"),
    (*TRAIN, "there.jsonl", "--unlabeled", "missing.jsonl"),
    (*TRAIN, "there.jsonl", "--test", "missing.jsonl"),
    ("check", "--task", "reviews", "--train", "missing.jsonl"),
    ("patterns", "--task", "reviews", "--train", "missing.jsonl"),
    ("templates", "--task", "reviews", "--train", "missing.jsonl"),
    ("verbalize", "--task", "reviews", "--train", "missing.jsonl"),
    ("suggest", "--task", "typo", "--unlabeled", "there.jsonl"),
    ("suggest", "missing", "--unlabeled", "missing.jsonl"),
    ("fewshot", "--task", "typo", "--train", "there.jsonl", "--test", "there.jsonl"),
    ("fewshot", "--task", "sst2", "--train", "there.jsonl", "--test", "missing.jsonl"),
    ("fewshot", "--task", "sst2", "--train", "a", "--test", "b", "--methods", "typo"),
    ("fewshot", "--task", "sst2", "--train", "a", "--test", "b", "--baseline", "typo"),
    ("adapt", "pet-mini", "--text", "missing.txt", "-o", "new"),
    ("predict", "missing", "--input", "missing.jsonl"),
    ("predict", "missing", "--input", "there.jsonl"),
    ("predict", "--bank", "missing", "--input", "there.jsonl"),
    ("evaluate", "missing", "--test", "missing.jsonl"),
    ("evaluate", "missing", "--test", "there.jsonl"),
    ("explain", "missing", "--text", "Lovely."),
    ("suggest", "missing", "--unlabeled", "there.jsonl"),
    ("bank", "missing"),
    ("bank", "new", "--add", "missing"),
    ("report", "missing"),
]


FINE = (["tasks"], ["tasks", "reviews"])


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], Any]:
    """Exit code, standard error and newly loaded modules of every call."""
    folder = tmp_path_factory.mktemp("calls")
    (folder / "there.jsonl").write_text("")
    asked = {"task": load_task("reviews").to_dict(), "settings": deciding(Settings())}
    (folder / "run").mkdir()
    (folder / "run/run.json").write_text(json.dumps({"asked": asked}))
    (folder / "run/metrics.json").write_text("{}")
    path = os.pathsep.join([str(Path(__file__).resolve().parents[2]), *sys.path])
    result = subprocess.run(
        [sys.executable, "-c", _RUN],
        input=json.dumps(CALLS),
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert result.returncode == 0, result.stderr
    return dict(zip(CALLS, map(json.loads, result.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_nothing_heavy_is_loaded(
    call: tuple[str, ...], outcomes: dict[tuple[str, ...], Any]
) -> None:
    code, said, loaded = outcomes[call]
    assert loaded == [], said
    if call[-1] in ("--help", "--version") or [*call] in FINE:
        assert (code, said) == (0, "")
    else:
        assert code in (1, 2)
        assert said


def test_a_model_is_loaded_without_scikit_learn() -> None:
    script = "import sys, pet.model; print('sklearn' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.check_output([sys.executable, "-c", script], cwd=root, text=True) == "False\n"
