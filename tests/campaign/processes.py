"""Commands in processes forked from a warm one, so that torch is imported once."""

from __future__ import annotations

import atexit
import multiprocessing.util
import os
import signal
import sys
import threading
import time
import traceback
import warnings
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CRASHED = 70


@dataclass(frozen=True)
class Ended:
    """The end of a process: exit code (negative for a signal, None when it had to be stopped)."""

    code: int | None
    out: str
    err: str

    @property
    def outcome(self) -> str:
        """Kind of end: "done", "one message", or what must not be."""
        if self.code is None:
            return "hung"
        if "Traceback (most recent call last)" in self.err or self.code == CRASHED:
            return "traceback"
        if self.code == 0:
            return "done"
        if self.code < 0:
            return f"ended by signal {-self.code}"
        messages = sum(
            line.startswith(("Error: ", "Interrupted. ")) for line in self.err.splitlines()
        )
        # `pet check` lists all faults as its output, and ends with this line.
        messages += "pet train would refuse this." in self.out.splitlines()
        if self.code not in (1, 2) or messages != 1:
            return f"exit code {self.code} with {messages} messages"
        return "one message"

    @property
    def last_line(self) -> str:
        """Last line of what it said, for reproductions."""
        lines = self.err.strip().splitlines()
        return lines[-1][:300] if lines else ""


class Running:
    """A command in a process of its own session, with its output in files.

    Parameters
    ----------
    arguments : sequence
        Arguments of ``pet``.
    place : Path
        Working folder; ``.out``, ``.err`` and the folder for temporary files lie beside it.
    prepare : callable, optional
        Called in the new process before the command.
    stdin : bytes
        Standard input.
    """

    def __init__(
        self,
        arguments: Sequence[object],
        place: Path,
        prepare: Callable[[], None] | None = None,
        stdin: bytes = b"",
        name: str = "",
    ) -> None:
        self.place = place
        beside = place.with_name(f"{place.name}{name}")
        self.files = [beside.with_suffix(ending) for ending in (".in", ".out", ".err")]
        self.temporary = place.with_suffix(".tmp")
        self.temporary.mkdir(exist_ok=True)
        self.files[0].write_bytes(stdin)
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            # Python warns of other threads; a test runner's wait, and hold no lock meanwhile.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            os._exit(self._command([str(argument) for argument in arguments], prepare))

    def _command(self, arguments: list[str], prepare: Callable[[], None] | None) -> int:
        code = CRASHED
        try:
            os.setsid()
            _forget_the_parent()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            # A shell's background jobs, of which this may be one, ignore it.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for number, file in enumerate(self.files):
                flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
                opened = os.open(file, flags, 0o600)
                os.dup2(opened, number)
                os.close(opened)
            sys.stdin, sys.stdout, sys.stderr = (
                open(number, "w" if number else "r", encoding="utf-8", closefd=False)  # noqa: SIM115
                for number in range(3)
            )
            sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
            os.environ["TMPDIR"] = str(self.temporary)
            os.chdir(self.place)
            sys.argv = ["pet", *arguments]
            from pet.cli import main

            if prepare is not None:
                prepare()
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        except BaseException:
            traceback.print_exc()
        # A process that ends by itself does this; one that was forked has to be told.
        try:
            threading._shutdown()  # type: ignore[attr-defined]
            multiprocessing.util._exit_function()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:
            code = code or 1
        return code

    def wait(self, seconds: float) -> Ended:
        """Wait for the end; after so many seconds the whole session is killed."""
        code = self._ended(time.monotonic() + seconds)
        if code is None:
            self.end_all()
            self._ended(time.monotonic() + 60)
        out, err = (
            file.read_text("utf-8", errors="replace") if file.is_file() else ""
            for file in self.files[1:]
        )
        return Ended(code, out, err)

    def _ended(self, until: float) -> int | None:
        pause = 0.001
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > until:
                return None
            time.sleep(pause)
            pause = min(0.02, pause * 1.5)

    def signal(self, number: signal.Signals, everybody: bool = False) -> None:
        """Send a signal to the process, or, as a terminal does, to its whole group."""
        (os.killpg if everybody else os.kill)(self.pid, number)

    def others(self) -> list[int]:
        """Processes of the session that are still there, such as workers."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == self.pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
        return found

    def end_all(self) -> None:
        """Kill whatever is left of the session."""
        for pid in self.others():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def _forget_the_parent() -> None:
    """Leave to the parent what it has to clean up at its end, such as its temporary folders."""
    atexit._clear()
    weakref.finalize._registry.clear()  # type: ignore[attr-defined]
    weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]


def run(arguments: Sequence[object], place: Path, seconds: float = 120, **how: Any) -> Ended:
    """Run a command to its end."""
    place.mkdir(parents=True, exist_ok=True)
    return Running(arguments, place, **how).wait(seconds)
