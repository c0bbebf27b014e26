"""Progress in lines, for people who set ``verbose``."""

from __future__ import annotations

from pet.errors import UsageError
from pet.progress import Event, Progress


class Lines:
    """A progress callback that prints lines, and then calls another one.

    Parameters
    ----------
    verbose : int
        1: a line for every stage that ends. From 2 on also one for every evaluation and for every
        tenth of the steps.
    others : callable
        The other callback, whose wish to stop is handed on.

    Raises
    ------
    UsageError
        When ``verbose`` is no whole number.
    """

    def __init__(self, verbose: int, others: Progress) -> None:
        if not hasattr(verbose, "__index__"):
            raise UsageError(f"verbose must be a whole number, not {verbose!r}.")
        self._verbose = verbose
        self._others = others

    def __call__(self, event: Event) -> bool | None:
        """Print a line if the event deserves one."""
        if event.moment == "end" or (self._verbose > 1 and _is_mark(event)):
            print(f"[pet] {_line(event)}", flush=True)
        return self._others(event)


def _is_mark(event: Event) -> bool:
    tenth = max(1, event.total // 10)
    return event.moment == "evaluation" or (event.moment == "step" and event.step % tenth == 0)


def _line(event: Event) -> str:
    parts = [f"{event.stage}: {event.step} of {event.total}"]
    if event.loss is not None:
        parts.append(f"loss {float(event.loss):.4g}")
    parts += [f"{name} {figure:.4g}" for name, figure in event.figures.items()]
    if event.seconds is not None:
        parts.append(f"{event.seconds:.1f} s")
    return ", ".join(parts)
