"""Snapshots: the state of an optimisation, enough to resume it exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pet.errors import RunError


@dataclass(frozen=True)
class Snapshot:
    """State of an optimisation; enough to resume it exactly.

    ``tensors`` holds, for parameter N, "weight.N", the optimiser's state such as "exp_avg.N", and
    after an evaluation "best.N"; training changes the first two in place. It also holds "losses"
    (steps,) and torch's generators, "random.cpu" and "random.cuda". ``scaler`` is the state of
    fp16 loss scaling; ``loss`` the mean since the last snapshot.
    """

    step: int
    seconds: float
    loss: float
    tensors: Mapping[str, Tensor]
    scaler: Mapping[str, float]
    best_score: float | None = None
    looks_without_gain: int = 0
    asked_to_stop: bool = False

    def check(self) -> None:
        """Refuse figures that no training has.

        Raises
        ------
        ValueError
            When there are some.
        """
        numbers = (self.seconds, self.loss, self.looks_without_gain)
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"its figures are {numbers}")
        losses = self.tensors.get("losses", ())
        if not isinstance(self.step, int) or self.step < 1 or len(losses) != self.step:
            raise ValueError(f"its step is {self.step}, and it holds the losses of {len(losses)}")


class Best:
    """The parameters of the best evaluation."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = parameters
        self.kept: dict[int, Tensor] = {}
        self.score: float | None = None
        self.looks_without_gain = 0

    def see(self, score: float) -> None:
        """Note the score of an evaluation; higher is better."""
        if self.score is None or score > self.score:
            self.score = score
            self.looks_without_gain = 0
            self.kept = {i: p.detach().clone() for i, p in enumerate(self._parameters)}
        else:
            self.looks_without_gain += 1

    @torch.no_grad()
    def restore(self) -> None:
        """Restore the best parameters, if there was an evaluation."""
        for index, kept in self.kept.items():
            self._parameters[index].copy_(kept)


def take(
    step: int,
    seconds: float,
    loss: float,
    losses: Tensor,
    parameters: Sequence[nn.Parameter],
    optimiser: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    best: Best,
) -> Snapshot:
    """Take a snapshot after a step; the tensors of parameters are not copied."""
    tensors = {f"weight.{i}": parameter.detach() for i, parameter in enumerate(parameters)}
    for index, parameter in enumerate(parameters):
        for name, value in optimiser.state.get(parameter, {}).items():
            tensors[f"{name}.{index}"] = value
    tensors |= {f"best.{index}": kept for index, kept in best.kept.items()}
    tensors["losses"] = losses
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    return Snapshot(
        step, seconds, loss, tensors, scaler.state_dict(), best.score, best.looks_without_gain
    )


@torch.no_grad()
def restore(
    snapshot: Snapshot,
    parameters: Sequence[nn.Parameter],
    optimiser: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    best: Best,
) -> Tensor:
    """Set everything to the state of a snapshot; return the losses of the steps so far, (steps,).

    Raises
    ------
    RunError
        When the snapshot belongs to other parameters.
    """
    expected = {f"weight.{i}": parameter.shape for i, parameter in enumerate(parameters)}
    stored = {n: v.shape for n, v in snapshot.tensors.items() if n.startswith("weight.")}
    if stored != expected or "losses" not in snapshot.tensors:
        raise RunError(
            f"A checkpoint holds {len(stored)} parameters of other shapes than the {len(expected)} "
            "that are trained now: another version wrote it.",
            "Start over with `--force`.",
        )
    device = parameters[0].device
    for name, value in snapshot.tensors.items():
        quantity, _, index = name.partition(".")
        if quantity == "weight":
            parameters[int(index)].copy_(value)
        elif quantity == "best":
            best.kept[int(index)] = value.to(device, copy=True)
        elif quantity == "random":
            if index == "cpu":
                torch.set_rng_state(value)
            elif torch.cuda.is_available():
                torch.cuda.set_rng_state(value)
        elif quantity != "losses":
            parameter = parameters[int(index)]
            optimiser.state[parameter][quantity] = value.to(parameter.device, copy=True)
    if snapshot.scaler:
        scaler.load_state_dict(dict(snapshot.scaler))
    best.score, best.looks_without_gain = snapshot.best_score, snapshot.looks_without_gain
    return snapshot.tensors["losses"].to(device, copy=True)
