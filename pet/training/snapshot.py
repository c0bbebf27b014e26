"""Where an optimisation stands: everything that it takes to go on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pet.errors import RunError


@dataclass(frozen=True)
class Snapshot:
    """Where an optimisation stands: what it needs to go on exactly.

    ``tensors`` holds, for parameter number N, "weight.N", the optimiser's state such as
    "exp_avg.N", and "best.N" where an evaluation was best before; training changes the first two in
    place. It also holds "losses" (steps,) and torch's generators, "random.cpu" and "random.cuda".
    ``scaler`` is the state of fp16 loss scaling; ``loss`` the mean since the last snapshot.
    """

    step: int
    seconds: float
    loss: float
    tensors: Mapping[str, Tensor]
    scaler: Mapping[str, float]
    best_score: float | None = None
    looks_without_gain: int = 0
    asked_to_stop: bool = False


class Best:
    """Remembers the parameters at the best evaluation."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = parameters
        self.kept: dict[int, Tensor] = {}
        self.score: float | None = None
        self.looks_without_gain = 0

    def see(self, score: float) -> None:
        """Take note of a score; higher is better."""
        if self.score is None or score > self.score:
            self.score = score
            self.looks_without_gain = 0
            self.kept = {n: p.detach().clone() for n, p in enumerate(self._parameters)}
        else:
            self.looks_without_gain += 1

    @torch.no_grad()
    def restore(self) -> None:
        """Go back to the best parameters, where there was an evaluation."""
        for number, kept in self.kept.items():
            self._parameters[number].copy_(kept)


def take(
    step: int,
    seconds: float,
    loss: float,
    losses: Sequence[Tensor],
    parameters: Sequence[nn.Parameter],
    optimiser: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    best: Best,
) -> Snapshot:
    """Take a snapshot after a step; its tensors are not copies."""
    tensors = {f"weight.{n}": parameter.detach() for n, parameter in enumerate(parameters)}
    for number, parameter in enumerate(parameters):
        for name, value in optimiser.state.get(parameter, {}).items():
            tensors[f"{name}.{number}"] = value
    tensors |= {f"best.{number}": kept for number, kept in best.kept.items()}
    tensors["losses"] = torch.stack(list(losses))
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
) -> list[Tensor]:
    """Put everything back where `take` found it, and return the losses of the steps so far.

    Raises
    ------
    RunError
        When the snapshot is of other parameters.
    """
    own = {f"weight.{n}": parameter.shape for n, parameter in enumerate(parameters)}
    found = {n: v.shape for n, v in snapshot.tensors.items() if n.startswith("weight.")}
    if own != found or "losses" not in snapshot.tensors:
        raise RunError(
            f"A checkpoint holds {len(found)} parameters of other shapes than the {len(own)} that "
            "are trained now: another version wrote it.",
            "Start over with `--force`.",
        )
    device = parameters[0].device
    for name, value in snapshot.tensors.items():
        kind, _, number = name.partition(".")
        if kind == "weight":
            parameters[int(number)].copy_(value)
        elif kind == "best":
            best.kept[int(number)] = value.to(device, copy=True)
        elif kind == "random":
            if number == "cpu":
                torch.set_rng_state(value)
            elif torch.cuda.is_available():
                torch.cuda.set_rng_state(value)
        elif kind != "losses":
            parameter = parameters[int(number)]
            optimiser.state[parameter][kind] = value.to(parameter.device, copy=True)
    if snapshot.scaler:
        scaler.load_state_dict(dict(snapshot.scaler))
    best.score, best.looks_without_gain = snapshot.best_score, snapshot.looks_without_gain
    return list(snapshot.tensors["losses"].to(device, copy=True).unbind())
