"""What commands show: tables on standard output, progress on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import click

from pet.errors import PetError

if TYPE_CHECKING:
    from pet.types import Progress


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Give a progress callback that draws one bar a stage when standard error is a terminal."""
    context = click.get_current_context(silent=True)
    quiet = bool(context and context.obj and context.obj.get("quiet"))
    if quiet or not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from tqdm import tqdm

    bars: dict[str, tqdm[None]] = {}

    def show(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            for bar in bars.values():
                bar.close()
            bars.clear()
            bars[stage] = tqdm(total=total, desc=stage, file=sys.stderr, leave=False)
        bars[stage].update(done - bars[stage].n)

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
    """Tell the person something beside the result, unless they asked for quiet."""
    context = click.get_current_context(silent=True)
    if not (context and context.obj and context.obj.get("quiet")):
        click.echo(message, err=True)
