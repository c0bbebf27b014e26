"""Console: results on standard output; progress and remarks on standard error."""

from __future__ import annotations

import io
import logging
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from pet.cli.signals import Ended
from pet.errors import PetError
from pet.evaluation.tables import readable
from pet.progress import Event, Progress, silent

if TYPE_CHECKING:
    from tqdm import tqdm

_BARS = 5  # at once, for members that are trained together
# Where standard error is no terminal; so short work says nothing.
_SECONDS_A_LINE = 30.0
_SECONDS_OF_SILENCE = 10.0


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
    """Yield a progress callback: bars and a line a finished stage on a terminal, else lines.

    If the work is interrupted, `pet.cli.main` is told what of it is kept.
    """
    if _is_quiet() or sys.stderr is None:
        yield silent
        return
    shown = _Bars() if _is_terminal() else _Lines()
    try:
        yield shown
    except (KeyboardInterrupt, Ended):
        shown.close()
        context = click.get_current_context(silent=True)
        if context is not None and context.obj is not None:
            context.obj["kept"] = shown.kept()
        raise
    finally:
        shown.close()


class _Shown:
    """Progress that is shown: what has ended, and what goes on."""

    def __init__(self) -> None:
        self._starts: dict[str, float] = {}
        self._going: dict[str, Event] = {}
        self._stages: tuple[int, int] | None = None

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        self._starts.setdefault(event.stage, now)
        self._going[event.stage] = event
        self._stages = event.stages or self._stages
        self._show(event, now)
        if event.moment == "end":
            del self._going[event.stage], self._starts[event.stage]

    def _show(self, event: Event, now: float) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Remove what stands on the screen for a while only."""

    def _finished(self, event: Event, now: float) -> str | None:
        """Return the line of a finished stage of a run; None for other work."""
        if event.stages is None:
            return None
        seconds = now - self._starts[event.stage] if event.seconds is None else event.seconds
        took, stage = _time(seconds), readable(event.stage)
        if event.loss is not None:
            trained = event.step > 0  # without steps it is as it was
            return f"{stage} trained in {took}, loss {float(event.loss):.2f}" if trained else None
        return f"{stage} in {took}" if event.total <= 1 else f"{stage}: {event.step:,} in {took}"

    def kept(self) -> str:
        """Say what of an interrupted run is finished, and what becomes of that which is not."""
        if self._stages is None:
            return ""
        from pet.training.checkpoints import EVERY_SECONDS

        parts = [f"Finished: {_of_all(self._stages)}."]
        for event in self._going.values():
            if event.stages is not None and event.seconds is not None:
                again = EVERY_SECONDS is None or event.seconds < EVERY_SECONDS
                parts.append(
                    f"{event.stage} was at step {event.step} of {event.total} and "
                    f"{'begins again' if again else 'goes on from its last checkpoint'}."
                )
        return " ".join(parts)


class _Bars(_Shown):
    """A bar for every stage that goes on, and one for all; a finished stage leaves a line."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: dict[str, tqdm[NoReturn]] = {}
        self._all: tqdm[NoReturn] | None = None

    def _show(self, event: Event, now: float) -> None:
        done, total, unit = _done(event)
        if event.moment == "start" and event.stages and self._all is None:
            self._all = self._bar(
                total=event.stages[1],
                desc=_of_all(event.stages),
                bar_format="{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]",
            )
        if event.moment == "start" and len(self._bars) < _BARS:
            self._bars[event.stage] = self._bar(
                total=total or None, desc=readable(event.stage), unit=unit
            )
        if (bar := self._bars.get(event.stage)) is not None:  # one of 0 steps is false
            bar.update(done - bar.n)
            if event.moment == "end":
                self._bars.pop(event.stage).close()
        if self._all is not None and event.stages:
            share = done / total if total and event.moment != "end" else 0
            self._all.set_description_str(_of_all(event.stages), refresh=False)
            self._all.update(max(0, event.stages[0] + share - self._all.n))
        if event.moment == "end" and (line := self._finished(event, now)):
            self._tqdm().write(line, file=sys.stderr)

    def _bar(self, **how: Any) -> tqdm[NoReturn]:
        # Two columns are left for the ^C that a terminal writes there.
        columns = shutil.get_terminal_size().columns - 3
        bar: tqdm[NoReturn] = self._tqdm()(file=sys.stderr, leave=False, ncols=columns, **how)
        return bar

    @staticmethod
    def _tqdm() -> Any:
        from tqdm import tqdm

        return tqdm

    def close(self) -> None:
        """Remove the bars, and what was typed beside them."""
        bars = [*self._bars.values(), *([] if self._all is None else [self._all])]
        self._bars, self._all = {}, None
        for bar in bars:
            bar.close()
        if bars:
            sys.stderr.write("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r")


class _Lines(_Shown):
    """A line for every finished stage of a run, and now and then one for a long stage.

    Those of the first seconds are held back: short work says nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._start = self._last = time.monotonic()
        self._held: list[str] = []

    def _show(self, event: Event, now: float) -> None:
        if event.stages and event.moment == "end" and (line := self._finished(event, now)):
            self._held.append(f"{line} ({_of_all(event.stages)})")
        if now - self._start >= _SECONDS_OF_SILENCE and self._held:
            remark("\n".join(self._held))
            self._held, self._last = [], now
        if event.moment == "step" and now - self._last >= _SECONDS_A_LINE:
            self._last = now
            done, total, unit = _done(event)
            of_all = f" of {total}" if total else ""
            remark(f"{event.stage}: {done}{of_all}{' s' if unit == 's' else ''}")


def _of_all(stages: tuple[int, int]) -> str:
    return f"{stages[0]} of {stages[1]} stages"


def _time(seconds: float) -> str:
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _done(event: Event) -> tuple[int, int, str]:
    """Return how much of a stage is done, of how much, and the unit: steps or seconds."""
    if event.max_seconds is not None and event.seconds is not None:
        total = int(event.max_seconds)
        return min(total, int(event.seconds)), total, "s"
    return event.step, event.total, "it"


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def is_verbose() -> bool:
    """Tell whether --verbose is given."""
    return _asked("verbose")


def _is_quiet() -> bool:
    return _asked("quiet")


def _asked(flag: str) -> bool:
    context = click.get_current_context(silent=True)
    return bool(context and context.obj and context.obj.get(flag))
