"""Progress of a training: every moment is told once, with the right figures, and may end it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from optimising import Memory, optimise_one
from torch import Tensor, nn

from pet.device import Compute
from pet.progress import Event, Progress, counted, silent
from pet.runs import RunFolder
from pet.training import Checkpoint, Fit, Group, Job, Loss, Schedule, checkpoints, optimise
from pet.training.loop import shuffled_batches

CPU = Compute(torch.device("cpu"), "fp32")


def job(number: int, looks: Sequence[float] = (), drawn: int = 0) -> tuple[Job[Loss], nn.Parameter]:
    """A regression with noise of torch's generator; evaluations are given."""
    generator = np.random.default_rng(number)
    inputs = torch.from_numpy(generator.normal(size=(12, 3))).float()
    weight = nn.Parameter(torch.ones(3) * (number + 2))
    left = iter(looks)

    def loss_of(rows: Any) -> Tensor:
        return ((inputs[rows] + torch.randn(len(rows), 3) / 9) @ weight - 1).square().mean()

    losses = (partial(loss_of, rows) for rows in shuffled_batches(12, 5, generator))
    group = Group([weight], 3.0)
    evaluate = (lambda: next(left)) if looks else None
    return Job([group], losses, f"job {number}", evaluate, drawn), weight


def go(
    schedule: Schedule, looks: Sequence[float] = (), progress: Progress = silent, **more: Any
) -> tuple[Fit, list[float]]:
    torch.manual_seed(5)
    one, weight = job(0, looks)
    (fit,) = optimise([one], schedule, CPU, progress=progress, **more)
    return fit, weight.tolist()


@pytest.mark.parametrize("accumulation", [1, 3])
def test_steps_are_those_of_a_naive_loop(accumulation: int) -> None:
    steps, peak = 7, 0.05
    schedule = Schedule(steps, peak, accumulation, warmup=0.3)
    told: list[Event] = []
    go(schedule, progress=told.append)
    torch.manual_seed(5)
    one, weight = job(0)
    naive = torch.optim.AdamW([weight], lr=0.0, weight_decay=0.01)
    expected = []
    for step in range(steps):
        rising = 0.3 * steps
        share = (step + 1) / (rising + 1) if step < rising else (steps - step) / (steps - rising)
        loss = torch.stack([next(one.losses)() for _ in range(accumulation)]).mean()
        loss.backward()
        nn.utils.clip_grad_norm_([weight], 1.0)
        naive.param_groups[0]["lr"] = 3.0 * peak * share
        naive.step()
        naive.zero_grad()
        expected.append((step + 1, peak * share, loss.item()))
    first, *between, last = told
    assert (first.moment, first.step, last.moment, last.step) == ("start", 0, "end", steps)
    assert {event.moment for event in between} == {"step"}
    assert {(event.stage, event.total) for event in told} == {("job 0", steps)}
    for event, (step, rate, value) in zip(between, expected, strict=True):
        assert event.step == step
        assert event.rate == pytest.approx(rate)
        assert event.loss is not None
        assert float(event.loss) == pytest.approx(value, rel=1e-5)
    seconds = [event.seconds for event in told]
    assert None not in seconds
    assert seconds == sorted(seconds)  # type: ignore[type-var]


def test_evaluations_are_told_after_their_step_and_the_best_at_the_end() -> None:
    told: list[Event] = []
    fit, _ = go(Schedule(7, 0.05, eval_every=3), [0.2, 0.6, 0.4], told.append)
    seen = [(event.step, dict(event.figures)) for event in told if event.moment == "evaluation"]
    assert seen == [(3, {"score": 0.2}), (6, {"score": 0.6}), (7, {"score": 0.4})]
    moments = [(event.moment, event.step) for event in told]
    assert moments.index(("evaluation", 3)) == moments.index(("step", 3)) + 1
    assert told[-1].figures == {"best_score": 0.6}
    assert told[-1].loss == fit.loss


def test_jobs_that_are_optimised_together_have_stages_of_their_own() -> None:
    told: list[Event] = []
    looks = [[0.5] * 8, [0.1, 0.5, 0.5, 0.9, 0.9, 0.9, 0.9, 0.9]]
    jobs = [job(number, own)[0] for number, own in enumerate(looks)]
    optimise(jobs, Schedule(8, 0.1, eval_every=1, patience=2), CPU, progress=told.append)
    for stage, steps in (("job 0", 3), ("job 1", 6)):
        counts = Counter(event.moment for event in told if event.stage == stage)
        assert counts == {"start": 1, "step": steps, "evaluation": steps, "end": 1}


# A hook that asks for a stop


def at(moment: str, step: int, told: list[Event] | None = None) -> Progress:
    """Ask for a stop at a moment of a step."""

    def stop(event: Event) -> bool:
        if told is not None:
            told.append(event)
        return (event.moment, event.step) == (moment, step)

    return stop


@pytest.mark.parametrize(("moment", "step"), [("step", 5), ("evaluation", 6), ("start", 0)])
def test_a_stop_ends_the_training_right_there(moment: str, step: int) -> None:
    told: list[Event] = []
    fit, _ = go(Schedule(20, 0.05, eval_every=3), [0.1] * 7, at(moment, step, told))
    assert fit.steps == step
    assert max(event.step for event in told) == step
    assert (told[-1].moment, told[-1].total) == ("end", 20)


def test_a_stop_keeps_the_best_parameters() -> None:
    schedule = Schedule(20, 0.05, eval_every=2, patience=9)
    _, best = go(schedule, [0.1, 0.9, 0.3], at("step", 4))
    fit, stopped = go(schedule, [0.1, 0.9, 0.3, 0.4], at("step", 7))
    assert (fit.steps, fit.best_score) == (7, 0.9)
    assert stopped == best
    # Where nothing was evaluated, those of the last step.
    memory = Memory()
    go(Schedule(20, 0.05), keeper=memory)
    _, last = go(Schedule(20, 0.05), progress=at("step", 4))
    assert last == memory.taken[3].tensors["weight.0"].tolist()


def test_only_the_job_that_is_asked_stops() -> None:
    def stop(event: Event) -> bool:
        return (event.stage, event.step) == ("job 0", 2)

    fits = optimise([job(0)[0], job(1)[0]], Schedule(6, 0.05), CPU, progress=stop)
    assert [fit.steps for fit in fits] == [2, 6]


def test_what_is_not_true_stops_nothing() -> None:
    def note(event: Event) -> Any:
        return [event]

    assert go(Schedule(4, 0.05), progress=note)[0].steps == 4


def test_a_job_that_was_stopped_stays_so_when_the_others_go_on(tmp_path: Path) -> None:
    checkpoint = Checkpoint(RunFolder.start(tmp_path, {}))

    def ends(progress: Progress) -> list[tuple[int, float, list[float]]]:
        torch.manual_seed(5)
        pairs = [job(0), job(1)]
        fits = optimise(
            [one for one, _ in pairs], Schedule(8, 0.05), CPU, keeper=checkpoint, progress=progress
        )
        return [
            (fit.steps, fit.loss, weight.tolist())
            for fit, (_, weight) in zip(fits, pairs, strict=True)
        ]

    def stop(event: Event) -> bool:
        return (event.stage, event.step) == ("job 0", 2)

    def stop_and_die(event: Event) -> bool:
        if (event.stage, event.step) == ("job 1", 5):
            raise KeyboardInterrupt
        return stop(event)

    expected = ends(stop)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoints, "EVERY_SECONDS", None)
        ends(stop_and_die)
    assert ends(silent) == expected
    assert [steps for steps, *_ in expected] == [2, 8]


# Nothing depends on who listens


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(1, 9), listens=st.booleans(), looks=st.booleans())
def test_a_training_that_goes_on_has_the_same_numbers_whoever_listens(
    cut: int, listens: bool, looks: bool
) -> None:
    told: list[Event] = []

    def listen(event: Event) -> None:
        told.append(event)
        assert event.loss is None or float(event.loss) >= 0

    scores = [0.3, 0.5, 0.4, 0.6] if looks else []
    schedule = Schedule(10, 0.05, 2, eval_every=3)
    memory = Memory()
    expected = go(schedule, scores, silent, keeper=memory)
    snapshot = memory.taken[min(cut, len(memory.taken)) - 1]
    again = go(schedule, scores[cut // 3 :], listen if listens else silent, keeper=Memory(snapshot))
    assert again[1] == expected[1]
    assert (again[0].steps, again[0].loss, again[0].best_score) == (
        expected[0].steps, expected[0].loss, expected[0].best_score,
    )  # fmt: skip
    if listens:
        steps = [event.step for event in told if event.moment == "step"]
        assert (told[0].moment, told[0].step) == ("start", cut)
        assert steps == list(range(cut + 1, 11))


def test_no_step_waits_for_a_loss_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = 0

    def counting(plain: Callable[..., Any]) -> Callable[..., Any]:
        def read(*given: Any) -> Any:
            nonlocal reads
            reads += 1
            return plain(*given)

        return read

    for name in ("item", "tolist", "__float__", "__bool__", "cpu"):
        monkeypatch.setattr(Tensor, name, counting(getattr(Tensor, name)))

    def reads_in(steps: int, progress: Progress) -> int:
        nonlocal reads
        reads = 0
        parameter = nn.Parameter(torch.zeros(1))
        losses = itertools.repeat(parameter.sum)
        optimise_one([Group([parameter])], losses, Schedule(steps, 0.1), CPU, progress=progress)
        return reads

    assert reads_in(30, silent) == reads_in(3, silent)
    assert reads_in(30, lambda event: None) == reads_in(3, silent)
    assert reads_in(30, lambda event: event.loss is not None and float(event.loss) > 9) >= 30


def test_a_clock_that_ends_a_training_is_told_with_every_event() -> None:
    told: list[Event] = []
    fit, _ = go(Schedule(10**9, 0.05, max_seconds=0.05), progress=told.append)
    assert 0 < fit.steps < 10**9
    assert {event.max_seconds for event in told} == {0.05}
    assert told[-1].seconds is not None
    assert told[-1].seconds >= 0.05


def test_a_pass_is_told_as_its_things_are_done_with() -> None:
    told: list[Event] = []
    seen = []
    for thing in counted(["ab", "c", "def"], told.append, "letters", 6, len):
        seen.append((thing, told[-1].step))
    assert seen == [("ab", 0), ("c", 2), ("def", 3)]
    assert [(event.moment, event.step) for event in told] == [
        ("start", 0), ("step", 2), ("step", 3), ("step", 6), ("end", 6),
    ]  # fmt: skip
    assert {(event.stage, event.total) for event in told} == {("letters", 6)}
