"""Jobs, the input of an optimisation, and fits, its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor, nn

# Random numbers of a loss are drawn before it is yielded; the model runs when it is called. So a
# resumed training skips earlier losses without computing them.
Loss = Callable[[], Tensor]
AnyLoss = TypeVar("AnyLoss", bound=Loss)


@dataclass(frozen=True)
class Group:
    """Parameters that share a multiple of the learning rate."""

    parameters: Sequence[nn.Parameter]
    rate_factor: float = 1.0


@dataclass(frozen=True)
class Job(Generic[AnyLoss]):
    """Parameters to train, and the losses to minimise.

    Parameters
    ----------
    groups : sequence of Group
        Parameters to train, with their learning rates.
    losses : iterator of callables
        Endless. Each function computes one scalar loss; numpy's random numbers for it are drawn
        before it is yielded.
    stage : str
        Name of the job in progress events.
    evaluate : callable, optional
        Returns a score of the current parameters, higher is better. Training ends with the
        parameters of the best score.
    drawn : int
        Losses that a resumed training has used already and that the iterator leaves out.
    """

    groups: Sequence[Group]
    losses: Iterator[AnyLoss]
    stage: str
    evaluate: Callable[[], float] | None = None
    drawn: int = 0


@dataclass(frozen=True)
class Fit:
    """Figures of an optimisation: steps taken, mean loss of the last tenth, seconds.

    ``earlier`` counts those of the seconds that passed before an interruption.
    """

    steps: int
    loss: float
    seconds: float
    best_score: float | None = None
    earlier: float = 0.0
