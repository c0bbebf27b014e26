"""Jobs: what an optimisation is given, and what it tells in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor, nn

# What is random in a loss is drawn before it is yielded, the model runs when it is called: so a
# training that goes on skips the losses of before without computing them.
Loss = Callable[[], Tensor]
AnyLoss = TypeVar("AnyLoss", bound=Loss)


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
    stage : str
        Name under which its progress is told.
    evaluate : callable, optional
        Higher is better; the parameters end at its best value.
    drawn : int
        Losses that came before those that the iterator yields, in a training that goes on.
    """

    groups: Sequence[Group]
    losses: Iterator[AnyLoss]
    stage: str
    evaluate: Callable[[], float] | None = None
    drawn: int = 0


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
