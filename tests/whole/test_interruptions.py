"""A full disk or Ctrl-C loses nothing that was finished."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mishaps import counted, refused
from toy import Files, train
from toy import pet as command

from pet.pipeline import from_members


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, tiny_bert: str) -> Callable[..., Path]:
    """Function from options to a run that nothing has disturbed; each is trained once."""

    @cache
    def run(*more: str) -> Path:
        files = Files.write(tmp_path_factory.mktemp("uninterrupted"))
        result = train(
            files, tiny_bert, files.folder / "run", "--unlabeled", files.unlabeled, *more
        )
        assert result.code == 0, result.err
        return files.folder / "run"

    return run


def assert_same(run: Path, other: Path, files: Files) -> None:
    outputs = [
        command("predict", folder, "--input", files.unlabeled).out for folder in (run, other)
    ]
    assert outputs[0]
    assert outputs[0] == outputs[1]
    weights = "classifier/model.safetensors"
    assert (run / weights).read_bytes() == (other / weights).read_bytes()


def no_space(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def finished_members(run: Path) -> list[str]:
    return sorted(path.parent.name for path in run.glob("members/*/member.json"))


def test_a_full_disk_keeps_finished_members_and_the_rerun_does_not_repeat_them(
    files: Files,
    tiny_bert: str,
    monkeypatch: pytest.MonkeyPatch,
    uninterrupted: Callable[..., Path],
) -> None:
    run, more = files.folder / "run", ["--unlabeled", files.unlabeled]
    names = counted(monkeypatch)
    replace = os.replace

    def fail_late(source: Any, target: Any, **named: Any) -> None:
        if str(target).endswith("pattern-2/weights.safetensors"):
            no_space()
        replace(source, target, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail_late)
        result = train(files, tiny_bert, run, *more)
    refused(result, "pattern-2", "No space left on device", "What was finished before is kept")
    assert finished_members(run) == ["pattern-0", "pattern-1"]
    assert not (run / "members/pattern-2/weights.safetensors").exists()
    again = train(files, tiny_bert, run, *more)
    assert again.code == 0, again.err
    assert names == ["pattern-0", "pattern-1", "pattern-2", "pattern-2", "pattern-3"]
    assert_same(run, uninterrupted(), files)


def test_a_full_disk_while_labelling_text_keeps_the_trained_member(
    files: Files,
    tiny_bert: str,
    monkeypatch: pytest.MonkeyPatch,
    uninterrupted: Callable[..., Path],
) -> None:
    run, more = files.folder / "run", ["--unlabeled", files.unlabeled, "--patterns", "0-1"]
    names = counted(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(np, "save", no_space)
        refused(train(files, tiny_bert, run, *more), "scores", "No space left on device")
    assert finished_members(run) == ["pattern-0", "pattern-1"]
    assert not (run / "members/pattern-0/scores").exists()
    assert train(files, tiny_bert, run, *more).code == 0
    assert names == ["pattern-0", "pattern-1"]
    assert_same(run, uninterrupted("--patterns", "0-1"), files)


def test_a_file_that_the_system_will_not_take_is_one_message(files: Files, tiny_bert: str) -> None:
    # The real thing: weights are written in Rust, whose errors are not OSErrors.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
    try:
        result = train(files, tiny_bert, files.folder / "run", "--patterns", "0")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    refused(result, "pattern-0/weights.safetensors: cannot be written", "File too large")
    assert finished_members(files.folder / "run") == []
    assert train(files, tiny_bert, files.folder / "run", "--patterns", "0").code == 0


def test_ctrl_c_in_the_distillation_keeps_all_members(
    files: Files,
    tiny_bert: str,
    monkeypatch: pytest.MonkeyPatch,
    uninterrupted: Callable[..., Path],
) -> None:
    run, more = files.folder / "run", ["--unlabeled", files.unlabeled, "--patterns", "0-1"]

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(from_members, "distil", interrupted)
        result = train(files, tiny_bert, run, *more)
    assert (result.code, result.out) == (130, "")
    assert result.err.strip().startswith("Interrupted. What was finished is kept")
    assert finished_members(run) == ["pattern-0", "pattern-1"]
    names = counted(monkeypatch)
    assert train(files, tiny_bert, run, *more).code == 0
    assert names == []
    assert_same(run, uninterrupted("--patterns", "0-1"), files)


WAITS = """
import os, signal, time
from pathlib import Path
import torch
from pet.members import executing

torch.cpu.get_capabilities = dict  # fp32, as in the process of the tests

# A shell's background jobs, which tests may be among, are started with the signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

def train_member(backbone, spec, *more):
    if spec.name == "pattern-2":
        Path(os.environ["REACHED"]).touch()
        time.sleep(600)  # until the signal
    return original(backbone, spec, *more)

original, executing.train_member = executing.train_member, train_member
from pet.cli import main
main()
"""


def test_ctrl_c_is_one_message_and_the_rerun_gives_what_an_uninterrupted_run_gives(
    files: Files,
    tiny_bert: str,
    monkeypatch: pytest.MonkeyPatch,
    uninterrupted: Callable[..., Path],
) -> None:
    run, reached = files.folder / "run", files.folder / "reached"
    more = ["--unlabeled", files.unlabeled]
    arguments = [
        sys.executable, "-c", WAITS, "train", "--task", files.task, "--train", files.train,
        "--backbone", tiny_bert, "--max-steps", "2", "--distill-epochs", "1", "--device", "cpu",
        "-o", str(run), *more,
    ]  # fmt: skip
    own = {"OMP_NUM_THREADS": str(torch.get_num_threads()), "REACHED": str(reached)}
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **own},
    ) as process:  # fmt: skip
        while not reached.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert (process.returncode, out) == (130, "")
    assert err.strip() == (
        "Interrupted. What was finished is kept; the same command goes on from there.\n"
        "Finished: 2 of 9 stages."
    )
    assert finished_members(run) == ["pattern-0", "pattern-1"]
    names = counted(monkeypatch)
    assert train(files, tiny_bert, run, *more).code == 0
    assert names == ["pattern-2", "pattern-3"]
    assert_same(run, uninterrupted(), files)


def test_a_mistyped_backbone_can_be_corrected_in_the_same_folder(
    files: Files, tiny_bert: str
) -> None:
    run = files.folder / "run"
    refused(train(files, f"{tiny_bert}-misspelt", run, "--patterns", "0"), "cannot be loaded")
    assert train(files, tiny_bert, run, "--patterns", "0").code == 0
    refused(
        train(files, tiny_bert, run, "--patterns", "1"), "settings.patterns: [0] there, [1] now"
    )
    # Where it is computed is no part of what was asked; in which precision is.
    assert "finished before" in train(files, tiny_bert, run, "--patterns", "0").err
    again = train(files, tiny_bert, run, "--patterns", "0", "--device", "auto")
    assert "finished before" in again.err
    refused(
        train(files, tiny_bert, run, "--patterns", "0", "--precision", "bf16"),
        "settings.backbone.precision",
    )
