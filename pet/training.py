"""The one training loop. It knows nothing of models: it is given losses and parameters."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pet.device import Compute
from pet.errors import PetError
from pet.snapshot import Best, Snapshot, restore, take

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
# What is random in a loss is drawn before it is yielded, the model runs when it is called: so a
# training that goes on skips the losses of before without computing them.
Loss = Callable[[], Tensor]


def silent(stage: str, done: int, total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class Schedule:
    """How an optimisation goes.

    ``max_steps`` counts optimiser steps; the rate rises for ``warmup`` (a share of them) and then
    falls to zero, on a line or on half a cosine. ``eval_every`` and ``patience`` matter only where
    there is something to evaluate on. ``max_seconds`` ends the optimisation earlier, and the rate
    then follows the clock instead of the steps. ``save_every`` counts steps between snapshots;
    where ``save_seconds`` is given they are also that far apart, and further where saving is slow.
    """

    max_steps: int
    learning_rate: float
    accumulation: int = 1
    weight_decay: float = 0.01
    warmup: float = 0.1
    clip_norm: float = 1.0
    eval_every: int = 20
    patience: int = 3
    decay: Literal["linear", "cosine"] = "linear"
    max_seconds: float | None = None
    save_every: int = 500
    save_seconds: float | None = None


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
    """Minimise the losses with AdamW.

    Parameters
    ----------
    groups : sequence of Group
        What is trained.
    losses : iterator of callables
        Yields, as often as it is asked, a function that computes one scalar loss; whatever numpy
        draws for it is drawn before it is yielded.
    schedule : Schedule
        Steps, rates, clipping.
    compute : Compute
        For the loss scaling of fp16.
    evaluate : callable, optional
        Higher is better; the parameters end at its best value.
    progress : callable
        Told the steps done and their total.
    save : callable, optional
        Given a snapshot when one is due; without ``save_seconds`` also after the last step.
    resume : Snapshot, optional
        Go on from there; the losses must go on from the same place.

    Raises
    ------
    PetError
        When the loss is not a number any more.
    """
    earlier = resume.seconds if resume else 0.0
    start = time.perf_counter() - earlier
    parameters = [parameter for group in groups for parameter in group.parameters]
    optimiser = torch.optim.AdamW(
        [
            {"params": list(group.parameters), "lr": schedule.learning_rate * group.rate_factor}
            for group in groups
        ],
        weight_decay=schedule.weight_decay,
        fused=True,
    )
    peaks = [group["lr"] for group in optimiser.param_groups]
    scaler = compute.gradient_scaler()
    best = Best(parameters)
    step, history = 0, []
    if resume is not None:
        step, history = resume.step, restore(resume, parameters, optimiser, scaler, best)
    saved = len(history)
    due = time.perf_counter() + (schedule.save_seconds or 0.0)

    def snapshot() -> Snapshot:
        loss, seconds = _mean(history[saved:]), time.perf_counter() - start
        return take(step, seconds, loss, history, parameters, optimiser, scaler, best)

    while (used := _used(step, time.perf_counter() - start, schedule)) < schedule.max_steps:
        if best.looks_without_gain >= schedule.patience:
            log.info("stopped at step %d: no gain on the development examples", step)
            break
        for group, peak in zip(optimiser.param_groups, peaks, strict=True):
            group["lr"] = peak * _rate(used, schedule)
        step += 1
        total = torch.zeros((), device=compute.device)
        for _ in range(schedule.accumulation):
            loss = next(losses)() / schedule.accumulation
            scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        scaler.unscale_(optimiser)
        nn.utils.clip_grad_norm_(parameters, schedule.clip_norm)
        scaler.step(optimiser)
        scaler.update()
        optimiser.zero_grad(set_to_none=True)
        history.append(total)
        if progress is not None:
            progress(step, schedule.max_steps)
        if evaluate is not None and (step % schedule.eval_every == 0 or step == schedule.max_steps):
            best.see(evaluate())
        if save is not None and step % schedule.save_every == 0 and time.perf_counter() >= due:
            due = _saved(save, snapshot(), schedule)
            saved = len(history)
    if save is not None and len(history) > saved and time.perf_counter() >= due:
        save(snapshot())
    best.restore()
    tail = _mean(history[-max(1, len(history) // 10) :])
    return Fit(step, tail, time.perf_counter() - start, best.score, earlier)


def _saved(save: Callable[[Snapshot], None], snapshot: Snapshot, schedule: Schedule) -> float:
    """Save a snapshot and return when the next one is due, so that saving stays a small share."""
    start = time.perf_counter()
    save(snapshot)
    end = time.perf_counter()
    if schedule.save_seconds is None:
        return end
    return end + max(schedule.save_seconds, 20 * (end - start))


def _used(step: int, seconds: float, schedule: Schedule) -> float:
    """Steps that are used up; where the clock is ahead of them, its share of all steps."""
    if schedule.max_seconds is None:
        return step
    return max(step, seconds / schedule.max_seconds * schedule.max_steps)


def _rate(step: float, schedule: Schedule) -> float:
    rising = schedule.warmup * schedule.max_steps
    if step < rising:
        return (step + 1) / (rising + 1)
    left = max(0.0, (schedule.max_steps - step) / max(1.0, schedule.max_steps - rising))
    return left if schedule.decay == "linear" else (1 - math.cos(math.pi * left)) / 2


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
    counts = np.bincount(labels, minlength=n_labels).clip(min=1)
    return torch.tensor(len(labels) / (n_labels * counts), dtype=torch.float32)


def label_numbers(labels: Sequence[object], known: Sequence[str]) -> NDArray[np.int64]:
    """Positions of labels in the task's list, (N,)."""
    index: Mapping[str, int] = {label: number for number, label in enumerate(known)}
    return np.array([index[str(label)] for label in labels], dtype=np.int64)
