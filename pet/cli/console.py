"""Console: results on standard output; progress and remarks on standard error."""

from __future__ import annotations

import io
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from pet.errors import PetError
from pet.evaluation.tables import readable
from pet.progress import Event, Progress, silent

_BARS = 5  # at once, for members that are trained together
_SECONDS_A_LINE = 30.0  # where standard error is no terminal, so that short work says nothing


def use_utf8() -> None:
    """Write UTF-8 to standard output, whatever the system's encoding is."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def require_output() -> None:
    """Refuse to go on without standard output.

    Raises
    ------
    PetError
        When it is closed, as by ``>&-`` or in some containers.
    """
    if sys.stdout is None:
        raise PetError("Standard output is closed.", "Open it, or name a file to write.")


def echo(text: str) -> None:
    """Write lines to standard output, with control characters as escapes."""
    require_output()
    click.echo(readable(text))


def remark(text: str) -> None:
    """Write lines to standard error, with control characters as escapes."""
    click.echo(readable(text), err=True)


def say(message: str) -> None:
    """Write a remark to standard error, unless --quiet is given."""
    if not _is_quiet():
        remark(message)


def loading(what: str) -> None:
    """Say at once that something is loaded, if a person waits: that takes seconds."""
    if not _is_quiet() and _is_terminal():
        remark(f"Loading {what} ...")


class ReadableFormatter(logging.Formatter):
    """Format of logged messages: the message alone, with control characters as escapes."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message of a record."""
        return readable(super().format(record))


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Yield a progress callback: a bar a stage on a terminal, otherwise a line now and then."""
    if _is_quiet() or sys.stderr is None:
        yield silent
    elif not _is_terminal():
        yield _lines()
    else:
        with _bars() as show:
            yield show


@contextmanager
def _bars() -> Iterator[Progress]:
    from tqdm import tqdm

    bars: dict[str, tqdm[None]] = {}

    def show(event: Event) -> None:
        done, total, unit = _done(event)
        if event.moment == "start" and len(bars) < _BARS:
            bars[event.stage] = tqdm(
                total=total or None,
                desc=readable(event.stage),
                unit=unit,
                file=sys.stderr,
                leave=False,
            )
        if event.stage in bars:
            bars[event.stage].update(done - bars[event.stage].n)
            if event.moment == "end":
                bars.pop(event.stage).close()

    try:
        yield show
    finally:
        for bar in bars.values():
            bar.close()


def _lines() -> Progress:
    last = time.monotonic()

    def show(event: Event) -> None:
        nonlocal last
        now = time.monotonic()
        if event.moment == "step" and now - last >= _SECONDS_A_LINE:
            last = now
            done, total, unit = _done(event)
            of_all = f" of {total}" if total else ""
            remark(f"{event.stage}: {done}{of_all}{' s' if unit == 's' else ''}")

    return show


def _done(event: Event) -> tuple[int, int, str]:
    """Return how much of a stage is done, of how much, and the unit: steps or seconds."""
    if event.max_seconds is not None and event.seconds is not None:
        total = int(event.max_seconds)
        return min(total, int(event.seconds)), total, "s"
    return event.step, event.total, "it"


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _is_quiet() -> bool:
    context = click.get_current_context(silent=True)
    return bool(context and context.obj and context.obj.get("quiet"))
