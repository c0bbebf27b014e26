"""Progress: every moment of a piece of work, told to whoever wants to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, SupportsFloat, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Event:
    """A moment of a stage, which is a training or a pass over many things.

    Parameters
    ----------
    stage : str
        The stage's name, such as "pattern-0", "distilled" or "texts judged".
    moment : {"start", "step", "evaluation", "end"}
        One start, steps and one end; a stage that fails has no end. Evaluations come in between,
        and of an adaptation also before its start and after its end.
    step : int
        Steps done, or things seen.
    total : int
        The most steps there can be, or all things there are.
    loss : float or scalar Tensor, optional
        Loss of a training's step; at its end the mean of its last tenth. ``float(event.loss)``
        waits for a GPU, so read it only where it is needed.
    rate : float, optional
        Learning rate of the step, before the factors of its groups.
    figures : mapping
        Results of an evaluation by name, such as "score"; at the end of a training "best_score".
    seconds : float, optional
        Time that a training took so far, also before it was cut off.
    max_seconds : float, optional
        Time after which a training ends, where the clock ends it.
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


# Told of every event. True, told of a training before its end, ends that training early.
Progress = Callable[[Event], bool | None]


def silent(event: Event) -> None:
    """Take no note of anything."""


def counted(
    things: Iterable[T],
    progress: Progress,
    stage: str,
    total: int,
    size: Callable[[T], int] = lambda thing: 1,
) -> Iterator[T]:
    """Yield things, and tell of a pass over them: how many of ``total`` are done with.

    A thing counts as many as its ``size``, and is done with when the next one is asked for.
    """
    progress(Event(stage, "start", 0, total))
    done = 0
    for thing in things:
        yield thing
        done += size(thing)
        progress(Event(stage, "step", done, total))
    progress(Event(stage, "end", done, total))
