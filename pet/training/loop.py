"""The one training loop: it minimises losses over parameters, and knows no model."""

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
from pet.errors import PetError, RunError, memory_told
from pet.progress import Event, Progress, silent
from pet.training.gradients import with_gradients
from pet.training.history import History
from pet.training.job import AnyLoss, Fit, Job, Loss
from pet.training.keeper import Keeper, Saver
from pet.training.schedule import Schedule
from pet.training.snapshot import Best, Snapshot, restore, take
from pet.types import Ints

log = logging.getLogger(__name__)


@contextmanager
def dropout(model: nn.Module, wanted: bool) -> Iterator[None]:
    """Turn a model's dropout on inside this context if ``wanted``.

    The model is in evaluation mode before and after. Without dropout nothing is switched: that
    would take milliseconds, for which a GPU waits.
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
    """Compute losses that share no computation."""
    return [loss() for loss in losses]


def optimise(
    jobs: Sequence[Job[AnyLoss]],
    schedule: Schedule,
    compute: Compute,
    joint: Callable[[Sequence[AnyLoss]], Sequence[Tensor]] = one_by_one,
    keeper: Keeper | None = None,
    progress: Progress = silent,
) -> list[Fit]:
    """Minimise the losses of jobs with AdamW, all jobs step by step.

    Jobs share no parameter. Optimiser, gradient clipping and early stopping are separate, so every
    job ends as it would alone. With a keeper an interrupted optimisation goes on; on a CPU it ends
    with the same numbers, bit for bit, as an uninterrupted one.

    Parameters
    ----------
    jobs : sequence of Job
        Parameters and losses.
    schedule : Schedule
        Steps, rates, clipping.
    compute : Compute
        Device, and the loss scaling of fp16.
    joint : callable
        Computes one loss of every job that has not stopped; shared computation can be done once.
    keeper : Keeper, optional
        Stores snapshots, and gives those of an interrupted optimisation.
    progress : callable
        Told of each job's start, steps, evaluations and end. If it returns True, the job stops
        there and ends with its best parameters, as in early stopping.

    Returns
    -------
    list of Fit
        Figures of every job; their seconds are equal shares of the whole.

    Raises
    ------
    PetError
        When a loss is not finite.
    OutOfMemoryError
        When memory does not suffice even for batches in parts of one row.
    """
    stored = None if keeper is None else keeper.read(len(jobs))
    snapshots: Sequence[Snapshot | None] = stored or [None] * len(jobs)
    earlier = stored[0].seconds if stored else 0.0
    start = time.perf_counter() - earlier

    def clock() -> float:
        return time.perf_counter() - start

    running = [
        _Running(job, schedule, compute, snapshot, progress, clock)
        for job, snapshot in zip(jobs, snapshots, strict=True)
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
        batches = [[next(one.losses) for one in active] for _ in range(schedule.accumulation)]
        with memory_told(f"Training {active[0].stage!r}, step {step}"):
            totals = with_gradients(active, batches, joint, compute)
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
    """A job during its optimisation."""

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
        self._history = History()
        self._asked_to_stop = False
        if resume is not None:
            if resume.step > schedule.max_steps:
                raise RunError(
                    f"{job.stage}: a checkpoint is of step {resume.step}, but there are only "
                    f"{schedule.max_steps}.",
                    "Remove the checkpoint; the same command trains again.",
                )
            self.step = resume.step
            self._asked_to_stop = resume.asked_to_stop
            losses = restore(resume, self._parameters, self._optimiser, self.scaler, self._best)
            self._history = History(losses)
        self._saved = len(self._history)
        skipped = self.step * schedule.accumulation - job.drawn
        self.losses = islice(job.losses, skipped, None) if skipped else job.losses
        self._tell("start")

    @property
    def stage(self) -> str:
        """The job's name."""
        return self._job.stage

    def forget_gradients(self) -> None:
        """Drop the gradients, some of which may be of a part of a batch only."""
        self._optimiser.zero_grad(set_to_none=True)

    @property
    def has_stopped(self) -> bool:
        """Whether the job stopped early: too many evaluations without gain, or by request."""
        return self._asked_to_stop or self._gains_no_more

    @property
    def _gains_no_more(self) -> bool:
        return self._best.looks_without_gain >= self._schedule.patience

    def update(self, rate: float, loss: Tensor) -> None:
        """Take a step with the gradients, at a share ``rate`` of the peak rates."""
        schedule = self._schedule
        for group, peak in zip(self._optimiser.param_groups, self._peaks, strict=True):
            group["lr"] = peak * rate
        self.scaler.unscale_(self._optimiser)
        nn.utils.clip_grad_norm_(self._parameters, schedule.clip_norm)
        self.scaler.step(self._optimiser)
        self.scaler.update()
        self.forget_gradients()
        self._history.append(loss)
        self.step += 1
        self._tell("step", loss=loss, rate=schedule.learning_rate * rate)
        evaluates = self.step % schedule.eval_every == 0 or self.step == schedule.max_steps
        if self._job.evaluate is not None and evaluates:
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
        """Return a snapshot of this job."""
        loss = _mean(self._history.since(self._saved))
        self._saved = len(self._history)
        snapshot = take(
            self.step, self._clock(), loss, self._history.since(0), self._parameters,
            self._optimiser, self.scaler, self._best,
        )  # fmt: skip
        return replace(snapshot, asked_to_stop=self._asked_to_stop)

    def fit(self, seconds: float, earlier: float) -> Fit:
        """Restore the best parameters, and return the figures."""
        self._best.restore()
        steps = len(self._history)
        tail = _mean(self._history.since(max(0, steps - max(1, steps // 10))))
        score = self._best.score
        self._tell("end", loss=tail, figures={} if score is None else {"best_score": score})
        return Fit(self.step, tail, seconds, score, earlier)


def _mean(losses: Tensor) -> float:
    mean = losses.mean().item() if len(losses) else 0.0
    if not math.isfinite(mean):
        raise PetError(
            "Training diverged: the loss is not a number.",
            "Use a smaller `--learning-rate`, or `--precision fp32`.",
        )
    return mean


def shuffled_batches(
    count: int,
    size: int,
    generator: np.random.Generator,
    weights: NDArray[np.float64] | None = None,
) -> Iterator[Ints]:
    """Yield batches of row numbers without end; each epoch has a new order and may end short.

    With weights (N,) of mean 1, a row is in an epoch as often as its weight says: a weight of 1.3
    is once, or twice in three of ten epochs. So the mean loss is the weighted one, whatever the
    loss is made of. Rows are drawn by systematic sampling (Madow 1949).
    """
    rows = np.arange(count)
    while True:
        if weights is not None:
            ends = np.floor(np.cumsum(weights) + generator.random()).astype(np.int64)
            rows = np.repeat(np.arange(count), np.diff(ends, prepend=0))
        order = rows[generator.permutation(len(rows))]
        for start in range(0, len(order), size):
            yield order[start : start + size]


def class_weights(labels: Ints, n_labels: int, weighting: str) -> Tensor | None:
    """Return weights (C,) of the loss: inverse frequencies, of mean 1 over examples; or None."""
    if weighting == "none":
        return None
    # scikit-learn's `compute_class_weight` refuses labels that no example has.
    counts = np.bincount(labels, minlength=n_labels).clip(min=1)
    return torch.tensor(len(labels) / (n_labels * counts), dtype=torch.float32)
