"""The one training loop. It knows nothing of models: it is given losses and parameters."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any, Generic, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pet.device import Compute
from pet.errors import PetError
from pet.progress import Event, Progress, silent
from pet.training.job import AnyLoss, Fit, Job, Loss
from pet.training.keeper import Keeper, Saver
from pet.training.schedule import Schedule
from pet.training.snapshot import Best, Snapshot, restore, take

log = logging.getLogger(__name__)


@contextmanager
def dropout(model: nn.Module, wanted: bool) -> Iterator[None]:
    """Let a model, which is in evaluation mode, have its dropout where it is wanted.

    Otherwise nothing is done: to switch every module takes milliseconds, which a GPU waits for.
    """
    if not wanted:
        yield
        return
    model.train()
    try:
        yield
    finally:
        model.eval()


def one_by_one(losses: Sequence[Loss]) -> Sequence[Tensor]:
    """Compute losses that have nothing in common."""
    return [loss() for loss in losses]


def optimise(
    jobs: Sequence[Job[AnyLoss]],
    schedule: Schedule,
    compute: Compute,
    joint: Callable[[Sequence[AnyLoss]], Sequence[Tensor]] = one_by_one,
    keeper: Keeper | None = None,
    progress: Progress = silent,
) -> list[Fit]:
    """Minimise the losses of jobs that share no parameter with AdamW, all of them step by step.

    Each has an optimiser, a clipped gradient and early stopping of its own, so it ends as it would
    alone. With a keeper it goes on from where it was cut off; on a CPU it ends with the same
    numbers, bit for bit, as one that was not.

    Parameters
    ----------
    jobs : sequence of Job
        What is optimised.
    schedule : Schedule
        Steps, rates, clipping.
    compute : Compute
        For the loss scaling of fp16.
    joint : callable
        Computes a loss of every job that has not stopped: what they share, once.
    keeper : Keeper, optional
        Gives the snapshots to go on from, where there are some, and is given new ones.
    progress : callable
        Told of each job's start, steps, evaluations and end. A job of which it returns True stops
        there, as after too many evaluations without gain, and ends at its best evaluation.

    Returns
    -------
    list of Fit
        Their seconds are equal shares of the whole.

    Raises
    ------
    PetError
        When a loss is not a number any more.
    """
    read = None if keeper is None else keeper.read(len(jobs))
    before: Sequence[Snapshot | None] = read or [None] * len(jobs)
    earlier = read[0].seconds if read else 0.0
    start = time.perf_counter() - earlier

    def clock() -> float:
        return time.perf_counter() - start

    running = [
        _Running(job, schedule, compute, snapshot, progress, clock)
        for job, snapshot in zip(jobs, before, strict=True)
    ]
    step = max(one.step for one in running)
    saver = None
    if keeper is not None:
        saver = Saver(keeper, lambda: [one.snapshot() for one in running], step)
    while (used := schedule.used(step, clock())) < schedule.max_steps:
        active = [one for one in running if not one.has_stopped]
        if not active:
            break
        step += 1
        totals = [torch.zeros((), device=compute.device) for _ in active]
        for _ in range(schedule.accumulation):
            losses = joint([next(one.losses) for one in active])
            losses = [loss / schedule.accumulation for loss in losses]
            torch.autograd.backward(
                [one.scaler.scale(loss) for one, loss in zip(active, losses, strict=True)]
            )
            for total, loss in zip(totals, losses, strict=True):
                total += loss.detach()
        for one, total in zip(active, totals, strict=True):
            one.update(schedule.rate(used), total)
        if saver is not None:
            saver.after(step)
    if saver is not None:
        saver.finish(step)
    share = 1 / len(jobs)
    seconds = clock()
    return [one.fit(seconds * share, earlier * share) for one in running]


class _Running(Generic[AnyLoss]):
    """A job while it is optimised."""

    def __init__(
        self,
        job: Job[AnyLoss],
        schedule: Schedule,
        compute: Compute,
        resume: Snapshot | None,
        progress: Progress,
        clock: Callable[[], float],
    ) -> None:
        self._job, self._schedule = job, schedule
        self._progress, self._clock = progress, clock
        self._parameters = [parameter for group in job.groups for parameter in group.parameters]
        self._optimiser = torch.optim.AdamW(
            [
                {"params": list(group.parameters), "lr": schedule.learning_rate * group.rate_factor}
                for group in job.groups
            ],
            weight_decay=schedule.weight_decay,
            fused=True,
        )
        self._peaks = [group["lr"] for group in self._optimiser.param_groups]
        self.scaler = compute.gradient_scaler()
        self._best = Best(self._parameters)
        self.step = 0
        self._history: list[Tensor] = []
        self._asked_to_stop = False
        if resume is not None:
            self.step = resume.step
            self._asked_to_stop = resume.asked_to_stop
            self._history = restore(
                resume, self._parameters, self._optimiser, self.scaler, self._best
            )
        self._saved = len(self._history)
        skipped = self.step * schedule.accumulation - job.drawn
        self.losses = islice(job.losses, skipped, None) if skipped else job.losses
        self._tell("start")

    @property
    def has_stopped(self) -> bool:
        """True where it has not gained for too long, or was asked to stop."""
        return self._asked_to_stop or self._gains_no_more

    @property
    def _gains_no_more(self) -> bool:
        return self._best.looks_without_gain >= self._schedule.patience

    def update(self, rate: float, loss: Tensor) -> None:
        """Take a step at a share of the peak rates; the gradients are there."""
        schedule = self._schedule
        for group, peak in zip(self._optimiser.param_groups, self._peaks, strict=True):
            group["lr"] = peak * rate
        self.scaler.unscale_(self._optimiser)
        nn.utils.clip_grad_norm_(self._parameters, schedule.clip_norm)
        self.scaler.step(self._optimiser)
        self.scaler.update()
        self._optimiser.zero_grad(set_to_none=True)
        self._history.append(loss)
        self.step += 1
        self._tell("step", loss=loss, rate=schedule.learning_rate * rate)
        looks = self.step % schedule.eval_every == 0 or self.step == schedule.max_steps
        if self._job.evaluate is not None and looks:
            score = self._job.evaluate()
            self._best.see(score)
            if self._gains_no_more:
                log.info("stopped at step %d: no gain on the development examples", self.step)
            self._tell("evaluation", figures={"score": score})

    def _tell(self, moment: Literal["start", "step", "evaluation", "end"], **more: Any) -> None:
        schedule = self._schedule
        event = Event(
            self._job.stage, moment, self.step, schedule.max_steps, **more,
            seconds=self._clock(), max_seconds=schedule.max_seconds,
        )  # fmt: skip
        asked = self._progress(event) is True
        if asked and moment != "end" and not self.has_stopped:
            log.info("%s: asked to stop after step %d", self._job.stage, self.step)
            self._asked_to_stop = True

    def snapshot(self) -> Snapshot:
        """Take down where it stands."""
        loss = _mean(self._history[self._saved :])
        self._saved = len(self._history)
        taken = take(
            self.step, self._clock(), loss, self._history, self._parameters, self._optimiser,
            self.scaler, self._best,
        )  # fmt: skip
        return replace(taken, asked_to_stop=self._asked_to_stop)

    def fit(self, seconds: float, earlier: float) -> Fit:
        """Go back to its best parameters, and tell what it did."""
        self._best.restore()
        tail = _mean(self._history[-max(1, len(self._history) // 10) :])
        score = self._best.score
        self._tell("end", loss=tail, figures={} if score is None else {"best_score": score})
        return Fit(self.step, tail, seconds, score, earlier)


def _mean(losses: Sequence[Tensor]) -> float:
    mean = torch.stack(list(losses)).mean().item() if losses else 0.0
    if not math.isfinite(mean):
        raise PetError(
            "Training diverged: the loss is not a number.",
            "Use a smaller `--learning-rate`, or `--precision fp32`.",
        )
    return mean


def shuffled_batches(
    count: int, size: int, generator: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Yield index batches for ever: every epoch a new order, the last batch of one may be short."""
    while True:
        order = generator.permutation(count)
        for start in range(0, count, size):
            yield order[start : start + size]


def class_weights(labels: NDArray[np.int64], n_labels: int, how: str) -> Tensor | None:
    """Weights (C,) of the loss: None, or inverse frequencies with mean 1 over the examples."""
    if how == "none":
        return None
    # scikit-learn's `compute_class_weight` refuses labels that no example has.
    counts = np.bincount(labels, minlength=n_labels).clip(min=1)
    return torch.tensor(len(labels) / (n_labels * counts), dtype=torch.float32)
