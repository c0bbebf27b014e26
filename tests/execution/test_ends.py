"""Processes end with the one that started them, whatever ends that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARENT = """
import signal
from pet.execution import Processes
from pet.progress import silent
from work import Number, keep_busy

if __name__ == "__main__":
    # A shell's background jobs, which tests may be among, are started with the signal ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Processes(1) as executor:
        list(executor.run(keep_busy, [Number(1), Number(2)], silent))
"""


def started(script: str, folder: Path) -> subprocess.Popen[str]:
    (folder / "script.py").write_text(script, "utf-8")
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
    return subprocess.Popen(
        [sys.executable, "script.py"], cwd=folder, env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def until(happened: Callable[[], bool]) -> bool:
    end = time.monotonic() + 120
    while not happened() and time.monotonic() < end:
        time.sleep(0.05)
    return happened()


def is_gone(process: int) -> bool:
    """Tell whether a process has ended; one that nobody has waited for yet has, too."""
    try:
        return Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_process_at_work_ends_at_once_with_the_one_that_started_it(
    number: signal.Signals, tmp_path: Path
) -> None:
    told = tmp_path / "process-1"
    with started(PARENT, tmp_path) as parent:
        assert until(lambda: told.exists() and told.read_text("utf-8") != ""), parent.poll()
        parent.send_signal(number)
        assert parent.wait(60) != 0
    assert until(lambda: is_gone(int(told.read_text("utf-8"))))
