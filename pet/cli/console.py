"""Console: progress bars and remarks on standard error, and files to write."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import click

from pet.errors import PetError
from pet.progress import Event, Progress, silent

_BARS = 5  # at once, for members that are trained together


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Yield a progress callback that draws a bar a stage if standard error is a terminal."""
    context = click.get_current_context(silent=True)
    quiet = bool(context and context.obj and context.obj.get("quiet"))
    if quiet or not sys.stderr.isatty():
        yield silent
        return
    from tqdm import tqdm

    bars: dict[str, tqdm[None]] = {}

    def show(event: Event) -> None:
        done, total, unit = event.step, event.total, "it"
        if event.max_seconds is not None and event.seconds is not None:
            total, unit = int(event.max_seconds), "s"
            done = min(total, int(event.seconds))
        if event.moment == "start" and len(bars) < _BARS:
            bars[event.stage] = tqdm(
                total=total, desc=event.stage, unit=unit, file=sys.stderr, leave=False
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


@contextmanager
def opened(output: str) -> Iterator[IO[str]]:
    """Open a file to write, or standard output for "-"; errors name it."""
    if output == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    try:
        with open(output, "w", encoding="utf-8", newline="") as stream:
            yield stream
    except OSError as error:
        raise PetError(f"{output}: cannot be written: {error.strerror or error}.") from error


def say(message: str) -> None:
    """Write a remark to standard error, unless --quiet is given."""
    context = click.get_current_context(silent=True)
    if not (context and context.obj and context.obj.get("quiet")):
        click.echo(message, err=True)
