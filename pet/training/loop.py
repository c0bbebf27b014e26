"""The one training loop. It knows nothing of models: it is given losses and parameters."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pet.device import Compute
from pet.errors import PetError
from pet.training.schedule import Schedule
from pet.training.snapshot import Best, Snapshot, restore, take

log = logging.getLogger(__name__)

# What is random in a loss is drawn before it is yielded, the model runs when it is called: so a
# training that goes on skips the losses of before without computing them.
Loss = Callable[[], Tensor]
AnyLoss = TypeVar("AnyLoss", bound=Loss)


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


@dataclass(frozen=True)
class Fit:
    """What an optimisation did: steps taken, mean loss of its last tenth, seconds.

    ``earlier`` of the seconds were spent before it was cut off and went on.
    """

    steps: int
    loss: float
    seconds: float
    best_score: float | None = None
    earlier: float = 0.0


@dataclass(frozen=True)
class Group:
    """Parameters that share a multiple of the learning rate."""

    parameters: Sequence[nn.Parameter]
    rate_factor: float = 1.0


@dataclass(frozen=True)
class Job(Generic[AnyLoss]):
    """Something that is optimised.

    Parameters
    ----------
    groups : sequence of Group
        What is trained.
    losses : iterator of callables
        Yields, as often as it is asked, a function that computes one scalar loss; whatever numpy
        draws for it is drawn before it is yielded.
    evaluate : callable, optional
        Higher is better; the parameters end at its best value.
    progress : callable, optional
        Told the steps done and their total.
    """

    groups: Sequence[Group]
    losses: Iterator[AnyLoss]
    evaluate: Callable[[], float] | None = None
    progress: Callable[[int, int], None] | None = None


def optimise(
    groups: Sequence[Group],
    losses: Iterator[Loss],
    schedule: Schedule,
    compute: Compute,
    evaluate: Callable[[], float] | None = None,
    progress: Callable[[int, int], None] | None = None,
    save: Callable[[Snapshot], None] | None = None,
    resume: Snapshot | None = None,
) -> Fit:
    """Minimise the losses of one job; see `Job` and `optimise_together`."""
    job = Job(groups, losses, evaluate, progress)
    save_all = None if save is None else lambda snapshots: save(snapshots[0])
    going_on = None if resume is None else [resume]
    return optimise_together([job], schedule, compute, save=save_all, resume=going_on)[0]


def one_by_one(losses: Sequence[Loss]) -> Sequence[Tensor]:
    """Compute losses that have nothing in common."""
    return [loss() for loss in losses]


def optimise_together(
    jobs: Sequence[Job[AnyLoss]],
    schedule: Schedule,
    compute: Compute,
    joint: Callable[[Sequence[AnyLoss]], Sequence[Tensor]] = one_by_one,
    save: Callable[[Sequence[Snapshot]], None] | None = None,
    resume: Sequence[Snapshot] | None = None,
) -> list[Fit]:
    """Minimise the losses of jobs that share no parameter with AdamW, all of them step by step.

    Each has an optimiser, a clipped gradient and early stopping of its own, so it ends as it would
    alone.

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
    save : callable, optional
        Given a snapshot of every job when they are due; without ``save_seconds`` also after the
        last step.
    resume : sequence of Snapshot, optional
        Go on from there; the losses must go on from the same place.

    Returns
    -------
    list of Fit
        Their seconds are equal shares of the whole.

    Raises
    ------
    PetError
        When a loss is not a number any more.
    """
    earlier = resume[0].seconds if resume else 0.0
    start = time.perf_counter() - earlier
    before: Sequence[Snapshot | None] = resume or [None] * len(jobs)
    running = [_Running(job, schedule, compute, own) for job, own in zip(jobs, before, strict=True)]
    step = saved = max(one.step for one in running)
    due = time.perf_counter() + (schedule.save_seconds or 0.0)

    def snapshots() -> list[Snapshot]:
        return [one.snapshot(time.perf_counter() - start) for one in running]

    while (used := schedule.used(step, time.perf_counter() - start)) < schedule.max_steps:
        active = [one for one in running if not one.has_stopped]
        if not active:
            break
        step += 1
        totals = [torch.zeros((), device=compute.device) for _ in active]
        for _ in range(schedule.accumulation):
            losses = joint([next(one.job.losses) for one in active])
            losses = [loss / schedule.accumulation for loss in losses]
            torch.autograd.backward(
                [one.scaler.scale(loss) for one, loss in zip(active, losses, strict=True)]
            )
            for total, loss in zip(totals, losses, strict=True):
                total += loss.detach()
        for one, total in zip(active, totals, strict=True):
            one.update(schedule.rate(used), total)
        if save is not None and step % schedule.save_every == 0 and time.perf_counter() >= due:
            due, saved = _saved(lambda: save(snapshots()), schedule), step
    if save is not None and step > saved and time.perf_counter() >= due:
        save(snapshots())
    share = 1 / len(jobs)
    seconds = time.perf_counter() - start
    return [one.fit(seconds * share, earlier * share) for one in running]


class _Running(Generic[AnyLoss]):
    """A job while it is optimised."""

    def __init__(
        self, job: Job[AnyLoss], schedule: Schedule, compute: Compute, resume: Snapshot | None
    ) -> None:
        self.job = job
        self._schedule = schedule
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
        if resume is not None:
            self.step = resume.step
            self._history = restore(
                resume, self._parameters, self._optimiser, self.scaler, self._best
            )
        self._saved = len(self._history)

    @property
    def has_stopped(self) -> bool:
        """Whether it has not gained for too long."""
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
        if self.job.progress is not None:
            self.job.progress(self.step, schedule.max_steps)
        looks = self.step % schedule.eval_every == 0 or self.step == schedule.max_steps
        if self.job.evaluate is not None and looks:
            self._best.see(self.job.evaluate())
            if self.has_stopped:
                log.info("stopped at step %d: no gain on the development examples", self.step)

    def snapshot(self, seconds: float) -> Snapshot:
        """Where it stands."""
        loss = _mean(self._history[self._saved :])
        self._saved = len(self._history)
        return take(
            self.step, seconds, loss, self._history, self._parameters, self._optimiser,
            self.scaler, self._best,
        )  # fmt: skip

    def fit(self, seconds: float, earlier: float) -> Fit:
        """Go back to its best parameters, and tell what it did."""
        self._best.restore()
        tail = _mean(self._history[-max(1, len(self._history) // 10) :])
        return Fit(self.step, tail, seconds, self._best.score, earlier)


def _saved(save: Callable[[], None], schedule: Schedule) -> float:
    """Save, and return when the next time is due, so that saving stays a small share."""
    start = time.perf_counter()
    save()
    end = time.perf_counter()
    if schedule.save_seconds is None:
        return end
    return end + max(schedule.save_seconds, 20 * (end - start))


def _mean(losses: Sequence[Tensor]) -> float:
    mean = torch.stack(list(losses)).mean().item() if losses else 0.0
    if not math.isfinite(mean):
        raise PetError(
            "Training diverged: the loss is not a number.",
            "Use a smaller --learning-rate, or --precision fp32.",
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
