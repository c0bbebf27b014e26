"""Members on a frozen backbone that are trained in one pass: each as if it were alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from killing import Killed
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from toy import Files, labelled_rows, toy_task, train, unlabelled_rows

from pet import PVP, Example, Task, Verbalizer
from pet.backbone import MaskedLM
from pet.config import TrainingConfig
from pet.data import Data, Pool
from pet.device import Compute
from pet.members import (
    MemberResult,
    MemberSet,
    PatternSpec,
    executing,
    train_member,
    train_together,
    training_groups,
)
from pet.members import store as member_store
from pet.members.work import Work
from pet.runs import RunFolder
from pet.scoring.soft.template import SoftSpec
from pet.training import Checkpoint, Fit, Group, Job, Loss, Schedule, checkpoints, optimise
from pet.training.loop import shuffled_batches

CPU = Compute(torch.device("cpu"), "fp32")
TASK = toy_task()
TRAIN = [Example({"text": row["text"]}, row["label"]) for row in labelled_rows()]
TEXTS = [{"text": row["text"]} for row in unlabelled_rows()]
POOL = Pool(lambda: iter([Example(texts) for texts in TEXTS]))
FAST = TrainingConfig(max_steps=6, batch_size=3, scope="prompt", prompt_rate=0.01)
WORDS = TASK.pvps[0].verbalizers[0]
ANSWER = Verbalizer({"yes": ["good"], "no": ["bad"]})
SPELLED = Verbalizer({"negative": ["dull"], "positive": ["super", "great"]})


def spec(
    name: str, pattern: str, kind: str, words: Verbalizer = WORDS, seed: int = 1, **more: Any
) -> PatternSpec:
    training = replace(FAST, **more)
    soft = SoftSpec(kind, seed=seed)
    return PatternSpec(name, 0, PVP(pattern, words), seed, training, 64, soft=soft)


def different(**more: Any) -> list[PatternSpec]:
    """Members that differ in all that they may."""
    mixed = spec("e", "{soft:2} {text} all in all {mask}", "prompt-tuning", seed=5, **more)
    assert mixed.soft is not None
    mixed = replace(mixed, soft=replace(mixed.soft, mixture=2))
    return [
        spec("a", "{soft:3} {text} {mask}", "prompt-tuning", **more),
        spec("b", "{text} {soft:'it was'} {mask} .", "words", seed=2, **more),
        spec("c", "{soft:2} {text} {mask} {soft:2}", "deep", SPELLED, seed=3, **more),
        spec("d", "{soft:2} {text} : {mask}", "p-tuning", seed=4, **more),
        spec("f", "{soft:2} {text} ; {mask}", "prefix", seed=6, **more),
        mixed,
    ]


def close(found: MemberResult, expected: MemberResult) -> None:
    assert found.weights.keys() == expected.weights.keys()
    for name, tensor in expected.weights.items():
        torch.testing.assert_close(found.weights[name], tensor, atol=1e-4, rtol=1e-4)
    for name in ("name", "steps", "accuracy_before", "accuracy_after", "trained", "frozen"):
        assert getattr(found, name) == getattr(expected, name)
    assert found.loss == pytest.approx(expected.loss, abs=1e-4)
    np.testing.assert_allclose(found.offsets, expected.offsets, atol=1e-5)  # type: ignore[arg-type]


def identical(found: MemberResult, expected: MemberResult) -> None:
    for name, tensor in expected.weights.items():
        assert torch.equal(found.weights[name], tensor), name
    for name in ("steps", "loss", "accuracy_before", "accuracy_after", "offsets"):
        assert getattr(found, name) == getattr(expected, name)


# The loop


def job(number: int, looks: Sequence[float]) -> Job[Loss]:
    """A regression with draws and evaluations of its own."""
    generator = np.random.default_rng(number)
    inputs = torch.from_numpy(generator.normal(size=(12, 3))).float()
    weight = nn.Parameter(torch.ones(3) * number)
    seen = iter(looks)

    def loss_of(rows: Any) -> Tensor:
        return (inputs[rows] @ weight - 1).square().mean() * 9

    losses = (partial(loss_of, rows) for rows in shuffled_batches(12, 5, generator))
    return Job([Group([weight])], losses, f"job {number}", lambda: next(seen))


def ends(own: Sequence[Job[Loss]], fits: Sequence[Fit]) -> list[Any]:
    values = [one.groups[0].parameters[0].tolist() for one in own]
    told = [(fit.steps, fit.loss, fit.best_score) for fit in fits]
    return list(zip(values, told, strict=True))


@given(
    scores=st.lists(
        st.lists(st.sampled_from([0.1, 0.5, 0.9]), min_size=8, max_size=8), min_size=1, max_size=4
    ),
    patience=st.integers(1, 3),
    accumulation=st.integers(1, 2),
)
@settings(max_examples=30, deadline=None)
def test_jobs_in_lock_step_end_where_each_would_alone(
    scores: list[list[float]], patience: int, accumulation: int
) -> None:
    schedule = Schedule(8, 0.1, accumulation, eval_every=1, patience=patience)
    own = [job(*numbered) for numbered in enumerate(scores)]
    together = ends(own, optimise(own, schedule, CPU))
    for number, found in enumerate(together):
        one = job(number, scores[number])
        assert [found] == ends([one], optimise([one], schedule, CPU))


def test_those_that_stopped_are_not_computed_any_more() -> None:
    active: list[int] = []

    def joint(losses: Sequence[Loss]) -> list[Tensor]:
        active.append(len(losses))
        return [loss() for loss in losses]

    own = [job(0, [0.5] * 8), job(1, [0.1, 0.5, 0.5, 0.9, 0.9, 0.9, 0.9, 0.9])]
    fits = optimise(own, Schedule(8, 0.1, eval_every=1, patience=2), CPU, joint)
    assert [fit.steps for fit in fits] == [3, 6]
    assert active == [2, 2, 2, 1, 1, 1]


# Members


@pytest.mark.parametrize("changes", [{}, {"accumulation": 2, "class_weight": "balanced"}])
def test_members_trained_together_are_what_each_is_alone(
    backbone: MaskedLM, changes: dict[str, Any]
) -> None:
    specs = different(**changes)
    together = train_together(backbone, specs, Work(TASK, Data(TRAIN, pool=POOL)))
    for own, found in zip(specs, together, strict=True):
        close(found, train_member(backbone, own, Work(TASK, Data(TRAIN, pool=POOL))))
        assert found.steps == 6


@pytest.mark.gpu
def test_members_trained_together_on_a_gpu_are_those_of_a_cpu(
    backbone: MaskedLM, lively_bert: str
) -> None:
    gpu = MaskedLM.load(lively_bert, "cuda", "fp32")
    specs = [own for own in different() if own.soft is not None and own.soft.kind != "p-tuning"]
    together = train_together(gpu, specs, Work(TASK, Data(TRAIN, pool=POOL)))
    for own, found in zip(specs, together, strict=True):
        expected = train_member(backbone, own, Work(TASK, Data(TRAIN, pool=POOL)))
        assert found.loss == pytest.approx(expected.loss, abs=1e-2)
        assert found.accuracy_after == pytest.approx(expected.accuracy_after, abs=0.11)


def test_each_stops_early_on_its_own(backbone: MaskedLM) -> None:
    specs = different(eval_every=1, patience=2, max_steps=12, prompt_rate=0.05)
    dev = TRAIN[::3]
    together = train_together(backbone, specs, Work(TASK, Data(TRAIN, dev)))
    assert len({found.steps for found in together}) > 1
    for own, found in zip(specs, together, strict=True):
        close(found, train_member(backbone, own, Work(TASK, Data(TRAIN, dev))))


def test_a_step_of_all_is_one_forward_pass(
    backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Compute, "pass_cost", 10**6)  # rows of all lengths in one, as on a GPU
    passes: list[int] = []

    def count(body: Any, args: Any, kwargs: Any) -> None:
        if torch.is_grad_enabled():
            passes.append(len(kwargs["inputs_embeds"]))

    specs = [own for own in different() if own.name in ("a", "b", "d")]
    handle = backbone.body.register_forward_pre_hook(count, with_kwargs=True)
    train_together(backbone, specs, Work(TASK, Data(TRAIN)))
    handle.remove()
    assert passes == [9, 9, 9, 3, 9, 9]  # ten examples are three batches of three and one of one


def test_members_that_leave_the_backbone_alone_score_in_one_pass(
    backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Compute, "pass_cost", 10**6)
    specs = [own for own in different() if own.name in ("a", "b", "d")]
    results = train_together(backbone, specs, Work(TASK, Data(TRAIN)))
    weights = {own.name: own.weights for own in results}
    offsets = {own.name: own.offsets for own in results}
    members = MemberSet(backbone, TASK, specs, weights, offsets)
    expected = [
        MemberSet(backbone, TASK, [own], weights, offsets).scores(TEXTS)[0] for own in specs
    ]
    calls: list[int] = []
    handle = backbone.body.register_forward_pre_hook(lambda *_: calls.append(1))
    found = members.scores(TEXTS)
    handle.remove()
    assert len(calls) == -(-27 * 3 * 10 // 1024)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


class _Waits(TorchDispatchMode):
    """Counts operations whose result has a size that a GPU must be waited for to know."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = func.overloadpacket.__name__
        masks = [
            own
            for part in args[1:2]
            for own in (part if isinstance(part, list | tuple) else [])
            if isinstance(own, Tensor) and own.dtype == torch.bool
        ]
        if name in ("nonzero", "masked_select") or ("index" in name and masks):
            self.found.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("negatives", [1, None])
def test_a_step_waits_for_no_size(
    backbone: MaskedLM, negatives: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Compute, "pass_cost", 10**6)  # rows of all lengths in one, as on a GPU
    waits = []
    for steps in (2, 7):
        if negatives is None:
            specs, task = different(max_steps=steps), TASK
        else:
            asking = PVP("{text} {soft} {label} ? {mask}", ANSWER)
            task = Task("toy", [*TASK.labels, "else"], ["text"], [asking])
            training = replace(FAST, max_steps=steps, negatives=negatives)
            specs = [
                PatternSpec(name, 0, asking, 1, training, 64, soft=SoftSpec("words"))
                for name in ("a", "b")
            ]
        with _Waits() as mode:
            train_together(backbone, specs, Work(task, Data(TRAIN)))
        waits.append(len(mode.found))
    assert waits[0] == waits[1], mode.found


# Groups


@given(
    sizes=st.lists(st.sampled_from([1, 2, 4]), max_size=9),
    kinds=st.lists(
        st.sampled_from(["prompt", "spelled", "full", "dropout", "hard"]), min_size=9, max_size=9
    ),
    budget=st.sampled_from([64, 128, 256, 1024]),
)
@settings(max_examples=60, deadline=None)
def test_groups_are_alike_and_fit(
    backbone: MaskedLM, sizes: list[int], kinds: list[str], budget: int
) -> None:
    specs = []
    # "dull" is four tokens, "super" five.
    spelled = Verbalizer({"negative": ["bad", "dull"], "positive": ["super"]})

    def tokens(own: PatternSpec) -> int:
        return own.training.batch_size * 64 * (3 if own.pvp.verbalizers == (spelled,) else 1)

    for number, (size, kind) in enumerate(zip(sizes, kinds, strict=False)):
        words = spelled if kind == "spelled" else WORDS
        own = spec(str(number), "{soft} {text} {mask}", "words", words, batch_size=size)
        if kind == "full":
            own = replace(own, training=replace(own.training, scope="full"))
        if kind == "dropout":
            own = replace(own, training=replace(own.training, dropout=True))
        specs.append(replace(own, soft=None) if kind == "hard" else own)
    groups = list(training_groups(specs, backbone, budget))
    found = [own for group in groups for own in group]
    assert sorted(found, key=specs.index) == specs
    assert all(sorted(group, key=specs.index) == list(group) for group in groups)
    for group in groups:
        if len(group) > 1:
            assert len({own.training.batch_size for own in group}) == 1
            assert all(own.soft and own.training.scope == "prompt" for own in group)
            assert not any(own.training.dropout for own in group)
            assert sum(map(tokens, group)) <= budget
    frozen = [group for group in groups if group[0].soft and group[0].training.scope == "prompt"]
    frozen = [group for group in frozen if not group[0].training.dropout]
    for training in {group[0].training for group in frozen}:
        alike = [group for group in frozen if group[0].training == training]
        for one, other in pairwise(alike):  # no two that follow each other could have been one
            assert sum(map(tokens, [*one, *other])) > budget


# Runs


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Write a checkpoint after every step, and die at one."""
    left = [10**9]
    plain = nn.utils.clip_grad_norm_

    def clip(*args: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return plain(*args, **more)

    monkeypatch.setattr(nn.utils, "clip_grad_norm_", clip)
    monkeypatch.setattr(checkpoints, "EVERY_SECONDS", None)
    return lambda steps: left.__setitem__(0, steps)


def test_a_group_goes_on_from_its_checkpoint_exactly(
    backbone: MaskedLM, tmp_path: Path, dying: Callable[[int], None]
) -> None:
    specs = different(eval_every=1, patience=2, max_steps=8, prompt_rate=0.05)
    more = (backbone, specs, Work(TASK, Data(TRAIN, TRAIN[::3])))
    expected = train_together(*more)
    checkpoint = Checkpoint(RunFolder.start(tmp_path, {}), "members/a")
    for steps in (7, 6):  # of the members, all counted
        dying(steps)
        with pytest.raises(Killed):
            train_together(*more, checkpoint=checkpoint)
    dying(10**9)
    assert checkpoint.read(3) is None
    found = train_together(*more, checkpoint=checkpoint)
    for one, other in zip(found, expected, strict=True):
        identical(one, other)


def figures(run: Path) -> dict[str, Any]:
    found = {}
    for file in sorted(run.glob("members/*/member.json")):
        found[file.parent.name] = json.loads(file.read_text())
        found[file.parent.name].pop("seconds")
    return found


GROUP = ("--patterns", "0,1", "--repetitions", "2", "--soft", "prompt-tuning", "--scope", "prompt",
         "--soft-slots", "3", "--batch-size", "2", "--max-length", "64")  # fmt: skip


def test_a_run_trains_a_group_as_one_and_goes_on_when_it_is_cut_off(
    files: Files, tiny_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    plain = executing.train_together

    def counting(backbone: Any, specs: Any, *more: Any) -> Any:
        sizes.append(len(specs))
        return plain(backbone, specs, *more)

    monkeypatch.setattr(executing, "train_together", counting)
    assert train(files, tiny_bert, tmp_path / "whole", *GROUP).code == 0
    assert sizes == [4]
    expected = figures(tmp_path / "whole")
    assert len(expected) == 4

    # Cut off while the members are written: two are there.
    write = member_store.MemberStore._write

    def cut(self: Any, spec: PatternSpec, result: MemberResult) -> None:
        if spec.name == "pattern-1-0":
            raise KeyboardInterrupt
        write(self, spec, result)

    with monkeypatch.context() as patch:
        patch.setattr(member_store.MemberStore, "_write", cut)
        assert train(files, tiny_bert, tmp_path / "cut", *GROUP).code == 130
    assert list(figures(tmp_path / "cut")) == ["pattern-0-0", "pattern-0-1"]
    assert train(files, tiny_bert, tmp_path / "cut", *GROUP).code == 0
    assert figures(tmp_path / "cut") == expected
    assert sizes == [4, 4, 4]
    assert not list(tmp_path.rglob("checkpoint.safetensors"))
    for file in (tmp_path / "whole").glob("members/*/weights.safetensors"):
        other = tmp_path / "cut" / file.relative_to(tmp_path / "whole")
        assert other.read_bytes() == file.read_bytes()

    # One after the other they are the same up to rounding.
    monkeypatch.setattr(Compute, "token_budget", 1)
    assert train(files, tiny_bert, tmp_path / "alone", *GROUP).code == 0
    assert sizes == [4, 4, 4]
    for name, own in figures(tmp_path / "alone").items():
        assert own["loss"] == pytest.approx(expected[name]["loss"], abs=1e-4)
        assert own["accuracy_after"] == expected[name]["accuracy_after"]
