"""The one training loop. It knows nothing of models: it is given losses and parameters."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pet.device import Compute
from pet.errors import PetError

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class Schedule:
    """How an optimisation goes.

    ``max_steps`` counts optimiser steps; the rate rises for ``warmup`` (a share of them) and then
    falls linearly to zero. ``eval_every`` and ``patience`` matter only where there is something to
    evaluate on.
    """

    max_steps: int
    learning_rate: float
    accumulation: int = 1
    weight_decay: float = 0.01
    warmup: float = 0.1
    clip_norm: float = 1.0
    eval_every: int = 20
    patience: int = 3


@dataclass(frozen=True)
class Fit:
    """What an optimisation did: steps taken, mean loss of its last tenth, seconds."""

    steps: int
    loss: float
    seconds: float
    best_score: float | None = None


@dataclass(frozen=True)
class Group:
    """Parameters that share a multiple of the learning rate."""

    parameters: Sequence[nn.Parameter]
    rate_factor: float = 1.0


def optimise(
    groups: Sequence[Group],
    losses: Iterator[Tensor],
    schedule: Schedule,
    compute: Compute,
    evaluate: Callable[[], float] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Fit:
    """Minimise the losses with AdamW.

    Parameters
    ----------
    groups : sequence of Group
        What is trained.
    losses : iterator of Tensor
        Yields one scalar loss a forward pass, as often as it is asked.
    schedule : Schedule
        Steps, rates, clipping.
    compute : Compute
        For the loss scaling of fp16.
    evaluate : callable, optional
        Higher is better; the parameters end at its best value.
    progress : callable
        Told the steps done and their total.

    Raises
    ------
    PetError
        When the loss is not a number any more.
    """
    start = time.perf_counter()
    parameters = [parameter for group in groups for parameter in group.parameters]
    optimiser = torch.optim.AdamW(
        [
            {"params": list(group.parameters), "lr": schedule.learning_rate * group.rate_factor}
            for group in groups
        ],
        weight_decay=schedule.weight_decay,
        fused=True,
    )
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, schedule))
    scaler = compute.gradient_scaler()
    history: list[Tensor] = []
    best = _Best(parameters)
    step = 0
    for step in range(1, schedule.max_steps + 1):
        total = torch.zeros((), device=compute.device)
        for _ in range(schedule.accumulation):
            loss = next(losses) / schedule.accumulation
            scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        scaler.unscale_(optimiser)
        nn.utils.clip_grad_norm_(parameters, schedule.clip_norm)
        scaler.step(optimiser)
        scaler.update()
        optimiser.zero_grad(set_to_none=True)
        rate.step()
        history.append(total)
        if progress is not None:
            progress(step, schedule.max_steps)
        if evaluate is not None and (step % schedule.eval_every == 0 or step == schedule.max_steps):
            best.see(evaluate())
            if best.looks_without_gain >= schedule.patience:
                log.info("stopped at step %d: no gain on the development examples", step)
                break
    best.restore()
    tail = torch.stack(history[-max(1, len(history) // 10) :]).mean().item() if history else 0.0
    if not math.isfinite(tail):
        raise PetError(
            "Training diverged: the loss is not a number.",
            "Use a smaller --learning-rate, or --precision fp32.",
        )
    return Fit(step, tail, time.perf_counter() - start, best.score)


def _rate(step: int, schedule: Schedule) -> float:
    rising = schedule.warmup * schedule.max_steps
    if step < rising:
        return (step + 1) / (rising + 1)
    return max(0.0, (schedule.max_steps - step) / max(1.0, schedule.max_steps - rising))


class _Best:
    """Remembers the parameters at the best evaluation."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = parameters
        self._kept: list[Tensor] | None = None
        self.score: float | None = None
        self.looks_without_gain = 0

    def see(self, score: float) -> None:
        if self.score is None or score > self.score:
            self.score = score
            self.looks_without_gain = 0
            self._kept = [parameter.detach().clone() for parameter in self._parameters]
        else:
            self.looks_without_gain += 1

    @torch.no_grad()
    def restore(self) -> None:
        if self._kept is not None:
            for parameter, kept in zip(self._parameters, self._kept, strict=True):
                parameter.copy_(kept)


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


def label_numbers(labels: Sequence[str | None], known: Sequence[str]) -> NDArray[np.int64]:
    """Positions of labels in the task's list, (N,)."""
    index: Mapping[str, int] = {label: number for number, label in enumerate(known)}
    return np.array([index[str(label)] for label in labels], dtype=np.int64)
