"""Parameters that a member trains, their rates and their cost."""

from __future__ import annotations

from collections.abc import Sequence

from pet.config import TrainingConfig, default_learning_rate
from pet.scoring import PVPScorer
from pet.training import Group

# Multiples of the whole model's rate, at which heads, biases or adapters alone move little: the
# best of five rates on two draws of two tasks, or between the best two (benchmarks/RESULTS.md).
_RATE_FACTOR = {"full": 1.0, "head": 10.0, "bias": 100.0, "lora": 20.0}
_LONG = 100  # steps for which these rates were found


def cost(trained: int, frozen: int) -> str:
    """Describe the cost of so many trained parameters beside frozen ones."""
    kibibytes = 12 * trained / 2**10  # fp32: a gradient, and two moments of AdamW
    memory = f"{kibibytes:.0f} KiB" if kibibytes < 2**10 else f"{kibibytes / 2**10:.1f} MiB"
    return (
        f"{trained:,} of {trained + frozen:,} parameters trained; {memory} for gradients and AdamW"
    )


def rate_of(training: TrainingConfig, scope: str | None, width: int, steps: int) -> float:
    """Return the peak learning rate of a backbone of this width, of which a scope is trained.

    In fewer than 100 steps the whole model learns at a rate that is higher by as much, and at most
    twice as high (benchmarks/RESULTS.md, "Steps and rates").
    """
    if training.learning_rate is not None:
        return training.learning_rate
    rate = default_learning_rate(width) * _RATE_FACTOR.get(scope or "", 1.0)
    return rate * min(2.0, max(1.0, _LONG / max(1, steps))) if scope == "full" else rate


def parameter_groups(
    scorer: PVPScorer, names: Sequence[str], scope: str | None, training: TrainingConfig, steps: int
) -> tuple[list[Group], float]:
    """Group the parameters that a member trains.

    Returns
    -------
    groups : list of Group
        Of the backbone (``names``), of the soft template and of the readouts.
    rate : float
        Learning rate of the backbone, which the groups' factors multiply.
    """
    backbone = scorer.backbone
    weights = list(backbone.weights.trainable(names, training.lora_rank).values())
    rate = rate_of(training, scope, backbone.hidden_size, steps)
    groups = [Group(weights)] if weights else []
    if scorer.soft is not None:
        wanted = scorer.soft.rate if training.prompt_rate is None else training.prompt_rate
        groups.append(Group(list(scorer.soft.parameters()), wanted / rate))
    for readout in scorer.readouts:
        parameters = list(readout.parameters())
        wanted = readout.rate if training.readout_rate is None else training.readout_rate
        if parameters:
            groups.append(Group(parameters, wanted / rate))
    return groups, rate
