"""Help, lists and errors about names come before anything heavy is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from toy import Files, pet, train

from pet.cli import COMMANDS
from pet.config import BackboneConfig, Settings, deciding
from pet.model import SequenceClassifier, save_model
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


# What labelling by a distilled classifier has no use for; transformers brings some of it along.
UNUSED = (
    "sklearn", "scipy", "pandas", "datasets", "sympy", "accelerate", "transformers",
    "torch._dynamo", "torch.distributed.tensor", "pet.training", "pet.members", "pet.scoring",
    "pet.pipeline", "pet.search", "pet.adaptation", "pet.classifier",
)  # fmt: skip
_RUN_ONE = """
import json, sys
from pet.cli import main
unused = json.loads(sys.argv.pop(1))
sys.argv[0] = "pet"
main()
print([name for name in unused if name in sys.modules])
"""


def run_one(folder: Path, unused: tuple[str, ...], *call: str) -> list[str]:
    """Run a command in a process of its own, which loads none of these; return its lines."""
    path = os.pathsep.join([str(Path(__file__).resolve().parents[2]), *sys.path])
    result = subprocess.run(
        [sys.executable, "-c", _RUN_ONE, json.dumps(unused), *call],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert result.returncode == 0, result.stderr
    *lines, loaded = result.stdout.splitlines()
    assert loaded == "[]"
    return lines


@pytest.mark.parametrize("rows", ["a text", "a file"])
def test_a_classifier_labels_without_what_made_it(
    rows: str, tiny_bert: str, tmp_path: Path
) -> None:
    task = load_task("reviews")
    model, _ = SequenceClassifier.fresh(BackboneConfig(tiny_bert, "cpu"), task, 1)
    save_model(model, tmp_path / "saved")
    given = ("--text", "the film was good")
    if rows == "a file":
        (tmp_path / "rows.jsonl").write_text(json.dumps({"text": given[1]}) + "\n")
        given = ("--input", "rows.jsonl")
    (labelled,) = run_one(tmp_path, UNUSED, "predict", "saved", *given)
    assert json.loads(labelled)["label"] in task.labels


@pytest.mark.parametrize("distilled", [True, False], ids=["classifier", "ensemble"])
def test_an_explanation_needs_no_transformers_and_is_the_same_with_it(
    distilled: bool, files: Files, lively_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = ("--max-steps", "2", "--distill-max-steps", "2", "--patterns", "0")
    quick += ("--unlabeled", files.unlabeled) if distilled else ()
    assert train(files, lively_bert, tmp_path / "run", *quick, "--device", "cpu").code == 0
    call = ("explain", str(tmp_path / "run"), "--text", "the film was good")
    call += ("--device", "cpu", "--precision", "fp32")
    unused = ("sklearn", "pandas", "datasets", "sympy", "accelerate", "transformers")
    found = run_one(tmp_path, unused, *call)
    monkeypatch.setattr("pet.model.sequence_classifier.read_classifier", lambda *_: None)
    monkeypatch.setattr("pet.backbone.families.read_masked_lm", lambda *_: None)
    assert found == pet(*call).out.splitlines()
