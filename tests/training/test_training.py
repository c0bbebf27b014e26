"""The training loop against a naive AdamW loop, and its batches and weights."""

from __future__ import annotations

import itertools
import math
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from optimising import optimise_one
from torch import Tensor, nn

from pet.device import Compute
from pet.errors import PetError
from pet.progress import Event
from pet.task.labels import label_numbers
from pet.training import Group, Loss, Schedule
from pet.training.loop import class_weights, shuffled_batches

CPU = Compute(torch.device("cpu"), "fp32")


def problem(seed: int = 0) -> tuple[Tensor, Tensor, nn.Parameter, nn.Parameter]:
    """Inputs, targets, weights and bias of a small regression."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(24, 3, generator=generator)
    targets = torch.randn(24, generator=generator)
    weight = nn.Parameter(torch.randn(3, generator=generator))
    return inputs, targets, weight, nn.Parameter(torch.randn(1, generator=generator))


def each(loss: Callable[[int], Tensor]) -> Iterator[Loss]:
    """One loss after another, computed from its number when it is called."""
    return (partial(loss, number) for number in itertools.count())


def regression_losses(
    data: tuple[Tensor, Tensor, nn.Parameter, nn.Parameter], size: int
) -> Iterator[Loss]:
    inputs, targets, weight, bias = data

    def loss(number: int) -> Tensor:
        start = number * size % len(inputs)
        rows = slice(start, start + size)
        return (inputs[rows] @ weight + bias - targets[rows]).square().mean()

    return each(loss)


class NaiveAdamW:
    """AdamW as its paper writes it (Loshchilov & Hutter 2019, algorithm 2), in double precision."""

    def __init__(self, values: list[Tensor]) -> None:
        self.values = [value.detach().double() for value in values]
        self.first = [torch.zeros_like(value) for value in self.values]
        self.second = [torch.zeros_like(value) for value in self.values]
        self.steps = 0

    def step(self, gradients: list[Tensor], rates: list[float], decay: float, clip: float) -> None:
        self.steps += 1
        norm = math.sqrt(sum(float(g.double().square().sum()) for g in gradients))
        factor = min(1.0, clip / (norm + 1e-6))
        for n, gradient in enumerate(gradients):
            g = gradient.double() * factor
            self.first[n] = 0.9 * self.first[n] + 0.1 * g
            self.second[n] = 0.999 * self.second[n] + 0.001 * g * g
            mean = self.first[n] / (1 - 0.9**self.steps)
            spread = (self.second[n] / (1 - 0.999**self.steps)).sqrt()
            self.values[n] -= rates[n] * (mean / (spread + 1e-8) + decay * self.values[n])


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("clip", [0.3, 1e9])
def test_optimise_is_adamw_with_linear_warm_up_and_decay(warmup: float, clip: float) -> None:
    steps, rate, decay = 20, 0.05, 0.1
    data = problem()
    naive = NaiveAdamW([data[2], data[3]])
    inputs, targets = data[0].double(), data[1].double()
    rising = warmup * steps
    for step, start in zip(range(steps), itertools.cycle(range(0, 24, 6)), strict=False):
        w, b = (value.clone().requires_grad_() for value in naive.values)
        rows = slice(start, start + 6)
        loss = (inputs[rows] @ w + b - targets[rows]).square().mean()
        gradients = list(torch.autograd.grad(loss, (w, b)))
        factor = (step + 1) / (rising + 1) if step < rising else (steps - step) / (steps - rising)
        naive.step(gradients, [rate * factor, rate * factor * 3], decay, clip)
    fit = optimise_one(
        [Group([data[2]]), Group([data[3]], 3.0)],
        regression_losses(data, 6),
        Schedule(steps, rate, weight_decay=decay, warmup=warmup, clip_norm=clip),
        CPU,
    )
    assert fit.steps == steps
    for found, expected in zip(data[2:], naive.values, strict=True):
        torch.testing.assert_close(found.detach(), expected.float(), atol=1e-5, rtol=1e-5)


def test_accumulation_of_small_batches_equals_large_batches() -> None:
    small, large = problem(), problem()
    schedule: dict[str, Any] = {"max_steps": 12, "learning_rate": 0.05}
    few = optimise_one(
        [Group(small[2:])], regression_losses(small, 4), Schedule(accumulation=3, **schedule), CPU
    )
    many = optimise_one([Group(large[2:])], regression_losses(large, 12), Schedule(**schedule), CPU)
    for a, b in zip(small[2:], large[2:], strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)
    assert few.loss == pytest.approx(many.loss, rel=1e-5)


@pytest.mark.parametrize(("steps", "accumulation"), [(1, 1), (7, 1), (5, 4)])
def test_the_number_of_steps_and_losses_is_exact(steps: int, accumulation: int) -> None:
    data = problem()
    asked = 0

    def counted() -> Iterator[Loss]:
        nonlocal asked
        for loss in regression_losses(data, 6):
            asked += 1
            yield loss

    seen: list[Event] = []
    fit = optimise_one(
        [Group(data[2:])],
        counted(),
        Schedule(steps, 0.01, accumulation),
        CPU,
        progress=seen.append,
    )
    assert fit.steps == steps
    assert asked == steps * accumulation
    told = [(event.step, event.total) for event in seen if event.moment == "step"]
    assert told == [(step, steps) for step in range(1, steps + 1)]


def test_no_steps_change_nothing() -> None:
    data = problem()
    before = [part.detach().clone() for part in data[2:]]
    fit = optimise_one([Group(data[2:])], iter(()), Schedule(0, 0.1), CPU)
    assert (fit.steps, fit.loss) == (0, 0.0)
    assert all(torch.equal(a, b) for a, b in zip(before, data[2:], strict=True))


def test_the_reported_loss_is_the_mean_of_the_last_tenth() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    losses = each(lambda number: parameter.sum() * 0 + number)
    fit = optimise_one([Group([parameter])], losses, Schedule(40, 0.1), CPU)
    assert fit.loss == pytest.approx(np.mean([36, 37, 38, 39]))


def stepped(scores: list[float], **schedule: Any) -> tuple[Any, float, list[float]]:
    """Optimise a parameter that only decreases; evaluations give ``scores`` one after another."""
    parameter = nn.Parameter(torch.zeros(1))
    seen: list[float] = []

    def evaluate() -> float:
        seen.append(parameter.item())
        return scores[len(seen) - 1]

    losses = each(lambda _: parameter.sum())
    fit = optimise_one(
        [Group([parameter])], losses, Schedule(learning_rate=0.1, **schedule), CPU, evaluate
    )
    return fit, parameter.item(), seen


def test_the_losses_of_earlier_steps_are_numbers_not_tensors() -> None:
    told: list[weakref.ref[Tensor]] = []

    def progress(event: Event) -> None:
        if isinstance(event.loss, Tensor):
            told.append(weakref.ref(event.loss))
            assert sum(ref() is not None for ref in told) <= 2

    weight = nn.Parameter(torch.zeros(1))
    losses = each(lambda number: (weight - number).square().sum())
    fit = optimise_one([Group([weight])], losses, Schedule(600, 0.0), CPU, progress=progress)
    assert len(told) == 600
    assert fit.loss == pytest.approx(np.mean(np.arange(540, 600) ** 2))


def test_the_parameters_end_at_the_best_evaluation() -> None:
    fit, value, seen = stepped([0.1, 0.7, 0.5, 0.7, 0.6], max_steps=10, eval_every=2, patience=9)
    assert fit.steps == 10
    assert fit.best_score == 0.7
    assert value == seen[1]  # the first of equals
    assert len(set(seen)) == 5


def test_training_stops_after_looks_without_gain() -> None:
    fit, value, seen = stepped([0.1, 0.9, 0.9, 0.2, 0.3], max_steps=50, eval_every=5, patience=2)
    assert fit.steps == 20
    assert len(seen) == 4
    assert value == seen[1]


def test_a_gain_resets_the_patience() -> None:
    fit, value, seen = stepped(
        [0.1, 0.0, 0.2, 0.1, 0.3, 0.2], max_steps=6, eval_every=1, patience=2
    )
    assert fit.steps == 6
    assert value == seen[4]


def test_the_last_step_is_always_evaluated() -> None:
    fit, _, seen = stepped([0.1, 0.2], max_steps=7, eval_every=5, patience=3)
    assert len(seen) == 2
    assert fit.best_score == 0.2


@pytest.mark.parametrize("at", [0, 9])
@pytest.mark.parametrize("evaluate", [None, lambda: 0.5])
def test_divergence_is_an_error_with_advice(at: int, evaluate: Callable[[], float] | None) -> None:
    parameter = nn.Parameter(torch.ones(1))
    losses = each(lambda n: parameter.sum() * (math.nan if n == at else 1))
    with pytest.raises(PetError, match=r"diverged(.|\n)*smaller learning_rate"):
        optimise_one([Group([parameter])], losses, Schedule(10, 0.1, eval_every=5), CPU, evaluate)


def test_fp16_skips_a_step_whose_scaled_gradient_overflows() -> None:
    parameter = nn.Parameter(torch.ones(1))
    losses = each(lambda n: parameter.sum() * (1e36 if n == 0 else 1.0))
    fit = optimise_one(
        [Group([parameter])], losses, Schedule(10, 0.1), Compute(torch.device("cpu"), "fp16")
    )
    assert fit.steps == 10
    assert 0 < parameter.item() < 1  # moved by the other steps only


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 99))
def test_every_epoch_has_each_index_once(count: int, size: int, seed: int) -> None:
    per_epoch = -(-count // size)
    batches = shuffled_batches(count, size, np.random.default_rng(seed))
    for _ in range(3):
        epoch = list(itertools.islice(batches, per_epoch))
        assert [len(batch) for batch in epoch[:-1]] == [size] * (per_epoch - 1)
        assert 1 <= len(epoch[-1]) <= size
        assert Counter(np.concatenate(epoch).tolist()) == Counter(range(count))


def test_epochs_differ_and_a_seed_repeats_them() -> None:
    def first(seed: int) -> list[list[int]]:
        batches = shuffled_batches(20, 20, np.random.default_rng(seed))
        return [batch.tolist() for batch in itertools.islice(batches, 2)]

    assert first(1)[0] != first(1)[1]
    assert first(1) == first(1)
    assert first(1) != first(2)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_balanced_weights_are_inverse_frequencies_with_mean_one(labels: list[int]) -> None:
    weights = class_weights(np.array(labels), 4, "balanced")
    assert weights is not None
    counts = Counter(labels)
    for label, count in counts.items():
        assert float(weights[label]) == pytest.approx(len(labels) / (4 * count))
    assert torch.isfinite(weights).all()
    if len(counts) == 4:
        assert float(weights[torch.tensor(labels)].mean()) == pytest.approx(1.0)


def test_no_class_weights_by_default() -> None:
    assert class_weights(np.array([0, 1]), 2, "none") is None


def test_label_numbers_follow_the_tasks_order() -> None:
    assert label_numbers(["b", "a", "c", "b"], ["c", "b", "a"]).tolist() == [1, 2, 0, 1]
