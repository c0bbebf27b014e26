"""Peak memory of processes: of a function's in a fresh one, and of a `pet` command.

Run as a script it is the process of such a command: ``python benchmarks/peaks.py FILE COMMAND...``
runs ``pet COMMAND...`` and writes the peak, in bytes, to the file.
"""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any


def peak_of(function: Callable[..., Any], *args: Any) -> int:
    """Return the peak memory, in bytes, of a fresh process that calls the function."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, function, args).result()


def _measured(function: Callable[..., Any], args: tuple[Any, ...]) -> int:
    function(*args)
    return own_peak()


def peak_of_command(*arguments: str) -> int:
    """Return the peak memory, in bytes, of a process that runs `pet` with these arguments.

    What the command writes is shown only if it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "peak"
        ran = subprocess.run(
            [sys.executable, __file__, str(file), *arguments], capture_output=True, text=True
        )
        if ran.returncode:
            raise SystemExit(f"pet {' '.join(arguments)}\n{ran.stdout}{ran.stderr}")
        return int(file.read_text())


def own_peak() -> int:
    """Return the peak memory of this process, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux's ru_maxrss starts at what the parent held when it forked
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _run(file: str) -> None:
    from pet.cli import main

    main()
    Path(file).write_text(str(own_peak()))


if __name__ == "__main__":
    _run(sys.argv.pop(1))
