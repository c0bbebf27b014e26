"""Progress: events of trainings and other long work, for callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, SupportsFloat, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Event:
    """A moment of a stage; a stage is a training or a pass over many items.

    Parameters
    ----------
    stage : str
        Name of the stage, such as "pattern-0", "classifier" or "texts judged".
    moment : {"start", "step", "evaluation", "end"}
        A stage has one start, any number of steps and one end; one that fails has no end.
        Evaluations come in between; those of an adaptation also before its start and after its end.
    step : int
        Number of steps or items that are done.
    total : int
        Largest possible number of steps, or number of all items; 0 if it is not known.
    loss : float or scalar Tensor, optional
        Loss of a training's step; at its end the mean over its last tenth. ``float(event.loss)``
        waits for a GPU, so read it only if it is needed.
    rate : float, optional
        Learning rate of the step, before the factors of parameter groups.
    figures : mapping
        Results of an evaluation by name, such as "score"; "best_score" at the end of a training.
    seconds : float, optional
        Time of a training so far, with that before an interruption.
    max_seconds : float, optional
        Time limit of a training, if it has one.
    stages : tuple of int, optional
        Of a run or study: the number of its stages that are finished, and of all of them. None for
        work that is no part of one.
    """

    stage: str
    moment: Literal["start", "step", "evaluation", "end"]
    step: int
    total: int
    loss: SupportsFloat | None = None
    rate: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None
    max_seconds: float | None = None
    stages: tuple[int, int] | None = None


# Receives every event. Returning True for an event of a training stops that training early.
Progress = Callable[[Event], bool | None]


def silent(event: Event) -> None:
    """Ignore an event."""


def counted(
    items: Iterable[T],
    progress: Progress,
    stage: str,
    total: int,
    size: Callable[[T], int] = lambda item: 1,
) -> Iterator[T]:
    """Yield items, and report to ``progress`` the number of those done, of ``total``.

    An item counts as its ``size``, and is done when the next one is asked for.
    """
    progress(Event(stage, "start", 0, total))
    done = 0
    for item in items:
        yield item
        done += size(item)
        progress(Event(stage, "step", done, total))
    progress(Event(stage, "end", done, total))
