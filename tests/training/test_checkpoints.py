"""A training that was cut off ends with the numbers of one that was not, bit by bit."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from killing import Killed, killed_again_and_again, same_files
from optimising import Memory, optimise_one
from torch import Tensor, nn
from toy import Files, labelled_rows, pet, toy_task, unlabelled_rows

from pet import Example
from pet.backbone import MaskedLM
from pet.config import Settings, TrainingConfig
from pet.data import Data, Pool
from pet.device import Compute
from pet.errors import RunError
from pet.members import PatternSpec, Work, train_member
from pet.pipeline import asked, run
from pet.runs import RunFolder
from pet.scoring.soft.patterns import with_slots
from pet.scoring.soft.template import SoftSpec
from pet.training import Checkpoint, Fit, Group, Loss, Schedule, checkpoints
from pet.training.loop import shuffled_batches
from pet.training.snapshot import Snapshot

CPU = Compute(torch.device("cpu"), "fp32")
TASK = toy_task()
TRAIN = [Example({"text": row["text"]}, row["label"]) for row in labelled_rows()]
TEXTS = [{"text": row["text"]} for row in unlabelled_rows()]
POOL = Pool(lambda: iter([Example(texts) for texts in TEXTS]))


def problem(
    schedule: Schedule, scores: list[float] | None, compute: Compute = CPU, **more: Any
) -> tuple[Fit, list[Tensor]]:
    """A regression with noise of torch's generator, batches of numpy's, and given evaluations."""
    torch.manual_seed(3)
    inputs, truth = torch.randn(24, 3), torch.randn(24)
    weight, bias = nn.Parameter(torch.randn(3)), nn.Parameter(torch.zeros(1))
    batches = shuffled_batches(24, 5, np.random.default_rng(1))

    def loss_of(rows: Any) -> Tensor:
        noise = torch.randn(len(rows), 3)
        return ((inputs[rows] + noise) @ weight + bias - truth[rows]).square().mean()

    losses: Iterator[Loss] = (partial(loss_of, rows) for rows in batches)
    resume = getattr(more.get("keeper"), "resume", None)
    done = resume.step if resume else 0
    looks = itertools.count(done // schedule.eval_every)
    fit = optimise_one(
        [Group([weight]), Group([bias], 3.0)],
        losses,
        schedule,
        compute,
        (lambda: scores[next(looks)]) if scores else None,
        **more,
    )
    return fit, [weight.detach(), bias.detach()]


@settings(max_examples=40, deadline=None)
@given(
    cut=st.integers(1, 12),
    accumulation=st.integers(1, 3),
    eval_every=st.integers(1, 5),
    patience=st.integers(1, 3),
    scores=st.none() | st.lists(st.sampled_from([0.1, 0.5, 0.9]), min_size=13, max_size=13),
    precision=st.sampled_from(["fp32", "fp16"]),
)
def test_an_optimisation_goes_on_from_any_step_exactly(
    cut: int,
    accumulation: int,
    eval_every: int,
    patience: int,
    scores: list[float] | None,
    precision: str,
) -> None:
    compute = Compute(torch.device("cpu"), precision)
    schedule = Schedule(12, 0.05, accumulation, eval_every=eval_every, patience=patience)
    memory = Memory()
    expected, values = problem(schedule, scores, compute, keeper=memory)
    snapshot = memory.taken[min(cut, len(memory.taken)) - 1]
    fit, found = problem(schedule, scores, compute, keeper=Memory(snapshot))
    assert (fit.steps, fit.loss, fit.best_score) == (
        expected.steps,
        expected.loss,
        expected.best_score,
    )
    assert all(torch.equal(a, b) for a, b in zip(values, found, strict=True))
    assert fit.earlier == snapshot.seconds <= fit.seconds


@pytest.mark.parametrize(("slow", "expected"), [(0.0, [10, 20, 30, 40, 50, 60]), (1.5, [10, 40])])
def test_snapshots_are_seconds_apart_and_a_small_share_of_the_time(
    slow: float, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 0.0
    parameter = nn.Parameter(torch.zeros(1))
    steps: list[int] = []

    def loss() -> Tensor:
        nonlocal clock
        clock += 1.0  # a step takes a second
        return parameter.sum()

    class Slow(Memory):
        def write(self, snapshots: Sequence[Snapshot]) -> None:
            nonlocal clock
            steps.append(snapshots[0].step)
            clock += slow

    monkeypatch.setattr(time, "perf_counter", lambda: clock)
    keeper = Slow(every_seconds=10.0)
    optimise_one(
        [Group([parameter])], itertools.repeat(loss), Schedule(65, 0.1), CPU, keeper=keeper
    )
    assert steps == expected


def test_a_checkpoint_gives_back_what_it_was_given(tmp_path: Path) -> None:
    folder = RunFolder.start(tmp_path, {})
    checkpoint = Checkpoint(folder, "members/a")
    assert checkpoint.read_all() is None
    tensors = {"weight.0": torch.randn(3, 2).T, "losses": torch.arange(7.0)}
    snapshot = Snapshot(7, 2.5, 0.5, tensors, {"scale": 2.0}, 0.75, 1)
    checkpoint.write([snapshot], {"rows": torch.arange(3)}, before={"loss": 1.0})
    assert (tmp_path / "members" / "a" / "checkpoint.safetensors").is_file()
    found = checkpoint.read_all()
    assert found is not None
    (again,), beside, more = found
    assert {**vars(again), "tensors": None} == {**vars(snapshot), "tensors": None}
    assert all(torch.equal(again.tensors[name], tensors[name]) for name in tensors)
    assert torch.equal(beside["rows"], torch.arange(3))
    assert more == {"before": {"loss": 1.0}}
    checkpoint.remove()
    checkpoint.remove()
    assert checkpoint.read(1) is None


def test_a_checkpoint_of_other_parameters_or_no_checkpoint_is_refused(tmp_path: Path) -> None:
    def fit(size: int) -> Fit:
        parameter = nn.Parameter(torch.zeros(size))
        losses = itertools.repeat(parameter.sum)
        return optimise_one([Group([parameter])], losses, Schedule(3, 0.1), CPU, keeper=checkpoint)

    checkpoint = Checkpoint(RunFolder.start(tmp_path, {}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "EVERY_SECONDS", None)
        fit(2)
    assert fit(2).steps == 3
    with pytest.raises(RunError, match=r"other shapes(?s:.)*Start over with force"):
        fit(3)


@pytest.mark.parametrize("cut", [0, 7, 100, -1])
def test_a_damaged_checkpoint_is_told_and_the_training_starts_again(
    cut: int, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = Checkpoint(RunFolder.start(tmp_path, {}))
    monkeypatch.setattr(checkpoints, "EVERY_SECONDS", None)
    expected, values = problem(Schedule(5, 0.05), None, keeper=checkpoint)
    file = tmp_path / checkpoint.name
    content = bytearray(file.read_bytes()[: cut or None])
    if not cut:
        content[-5] ^= 4  # one bit of a weight, or of the optimiser's state
    file.write_bytes(content)
    fit, found = problem(Schedule(5, 0.05), None, keeper=checkpoint)
    assert re.search("damaged: .*It is removed, and the training starts again", caplog.text)
    assert (fit.steps, fit.loss, fit.earlier) == (expected.steps, expected.loss, 0.0)
    assert all(torch.equal(a, b) for a, b in zip(values, found, strict=True))


@pytest.fixture(scope="module")
def backbone(tiny_bert: str) -> MaskedLM:
    return MaskedLM.load(tiny_bert, "cpu", "fp32")


@pytest.mark.parametrize(
    "changes",
    [
        {"dropout": True, "accumulation": 2},
        {"scope": "head"},
        {"scope": "bias", "lm_weight": 0.3},
        {"eval_every": 2, "patience": 2, "class_weight": "balanced"},
        {"scope": "prompt", "soft": SoftSpec("p-tuning", mixture=2), "eval_every": 3},
        {"scope": "prompt", "soft": SoftSpec("prefix")},
    ],
)
def test_a_member_goes_on_from_its_checkpoint_exactly(
    changes: Any, backbone: MaskedLM, tmp_path: Path, dying: Callable[[int], None]
) -> None:
    values = {"max_steps": 7, "batch_size": 3, "learning_rate": 1e-2, **changes}
    soft, pvp = values.pop("soft", None), TASK.pvps[0]
    if soft is not None:
        pvp = pvp.with_pattern(with_slots(pvp.pattern, 3), soft.kind)
    spec = PatternSpec("m", 0, pvp, 5, TrainingConfig(**values), 64, soft=soft)
    dev = TRAIN[::3] if "eval_every" in changes else ()
    more = (backbone, spec, Work(TASK, Data(TRAIN, dev, POOL)))
    expected = train_member(*more)
    checkpoint = Checkpoint(RunFolder.start(tmp_path, {}), "members/m")
    for _ in range(2):  # killed twice, each time three steps further
        dying(3)
        with pytest.raises(Killed):
            train_member(*more, checkpoint=checkpoint)
    dying(10**9)
    found = train_member(*more, checkpoint=checkpoint)
    assert found.weights.keys() == expected.weights.keys()
    assert all(torch.equal(found.weights[n], expected.weights[n]) for n in found.weights)
    for name in ("steps", "loss", "accuracy_before", "accuracy_after", "offsets"):
        assert getattr(found, name) == getattr(expected, name)


@pytest.mark.parametrize(
    ("method", "calibrate"),
    [("pet", "agreement"), ("single", "folds"), ("fine-tune", "folds"), ("ipet", "agreement")],
)
def test_a_run_that_is_killed_again_and_again_ends_as_one_that_was_not(
    method: str, calibrate: str, tiny_bert: str, tmp_path: Path, dying: Callable[[int], None]
) -> None:
    how = Settings.from_flat(
        {
            "method": method, "backbone": tiny_bert, "device": "cpu", "precision": "fp32",
            "max_steps": 3, "patterns": (0, 1), "distill_epochs": 3, "distill_batch_size": 8,
            "generations": 1, "temper": calibrate, "folds": 3,
        }
    )  # fmt: skip
    data = Data([] if method == "ipet" else TRAIN, (), POOL)

    def go(folder: Path) -> None:
        run(TASK, how, data, RunFolder.start(folder, asked(TASK, how, data)))

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    go(whole)
    killed_again_and_again(lambda: go(cut), cut, dying, (2, 1, 4, 3))
    files = same_files(cut, whole)
    assert [file for file in files if file.suffix == ".safetensors"]


# Real processes

SCRIPT = (
    "from pet.training import checkpoints as c; c.EVERY_SECONDS = None; "
    "from pet.cli import main; main()"
)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["pet", "ipet"])
def test_a_process_killed_at_random_moments_ends_with_the_same_numbers(
    method: str, tiny_bert: str, tmp_path: Path
) -> None:
    files = Files.write(tmp_path)
    arguments = [
        "train", "--task", files.task, "--unlabeled", files.unlabeled, "--test", files.test,
        "--backbone", tiny_bert, "--method", method, "--patterns", "0-1", "--generations", "1",
        "--max-steps", "40", "--distill-epochs", "20", "--distill-batch-size", "4", "--device",
        "cpu", *(["--train", files.train] if method == "pet" else []),
    ]  # fmt: skip
    assert pet(*arguments, "-o", tmp_path / "whole").code == 0
    command = [sys.executable, "-c", SCRIPT, *arguments, "-o", str(tmp_path / "cut")]
    moments, kills, started = random.Random(method), 0, time.monotonic()
    longest = 0.0
    while True:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        # Most of a short process is its start: kill mostly after something new was written.
        before = state(tmp_path / "cut")
        begun = time.monotonic()
        while process.poll() is None and state(tmp_path / "cut") == before:
            time.sleep(0.01)
        longest = max(longest, time.monotonic() - begun)
        time.sleep(moments.random() * 0.3)
        if kills < 25:
            process.send_signal(moments.choice([signal.SIGKILL, signal.SIGTERM]))
        _, err = process.communicate(timeout=600)
        if process.returncode == 0:
            break
        assert process.returncode in (-signal.SIGKILL, -signal.SIGTERM), err
        kills += 1
    assert kills >= 20, (kills, time.monotonic() - started)
    for name in ("metrics.json", "ensemble.json"):
        assert figures(tmp_path / "cut" / name) == figures(tmp_path / "whole" / name)
    for file in (tmp_path / "whole").rglob("*.safetensors"):
        other = tmp_path / "cut" / file.relative_to(tmp_path / "whole")
        assert file.read_bytes() == other.read_bytes()
    outputs = [
        pet("predict", tmp_path / name, "--input", files.unlabeled).out for name in ("cut", "whole")
    ]
    assert outputs[0] == outputs[1] != ""


def state(folder: Path) -> list[tuple[str, int]]:
    """Names and times of what is in a folder, which may change meanwhile."""
    found = []
    for file in sorted(folder.rglob("*")):
        try:
            found.append((str(file), file.stat().st_mtime_ns))
        except FileNotFoundError:
            continue
    return found


def figures(file: Path) -> Any:
    """A JSON file without its times."""

    def without_times(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: without_times(v) for k, v in value.items() if "seconds" not in k}
        return [without_times(v) for v in value] if isinstance(value, list) else value

    return without_times(json.loads(file.read_text("utf-8")))
