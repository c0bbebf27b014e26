"""Work for executors: functions of a module, which another process can import."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from pet.errors import DataError
from pet.progress import Event, Progress


@dataclass(frozen=True)
class Number:
    """A spec whose result is its square."""

    value: int

    @property
    def name(self) -> str:
        """Name for messages."""
        return f"number {self.value}"


def square(spec: Number, progress: Progress) -> int:
    """Square a number; 13 is refused."""
    if spec.value == 13:
        raise DataError("13 is not squared.", "Leave it out.")
    progress(Event("square", "step", 1, 1))
    return spec.value**2


def process_of(spec: Number, progress: Progress) -> int:
    """Tell which process does the work."""
    return os.getpid()


def be_killed(spec: Number, progress: Progress) -> None:
    """End the process as a system short of memory does."""
    os.kill(os.getpid(), signal.SIGKILL)


def keep_busy(spec: Number, progress: Progress) -> None:
    """Write the number of this process into a file of the working folder, and work on for long."""
    Path(f"process-{spec.value}").write_text(str(os.getpid()), "utf-8")
    time.sleep(600)
