"""A terminal that is closed ends its server, but not one that was started by nohup."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from serve_extra import need_serve

need_serve(client=False)
pytest.importorskip("termios", reason="needs terminals")
_SERVER = """
import fcntl, signal, sys, termios
from starlette.applications import Starlette
from pet.web import bound, listen

fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # it is the terminal of this process now
if sys.argv[1] == "ignored":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
say = lambda word: print(word, flush=True)
reload = (lambda: say("loaded anew")) if sys.argv[2] == "reloads" else None
listen(Starlette(), bound("127.0.0.1", 0), lambda: say("ready"), reload)
say("ended")
"""


@contextmanager
def after_its_terminal_was_closed(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a server in a terminal of its own and close that; yield its process."""
    here, there = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _SERVER, *arguments],
        stdin=there, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    os.close(there)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.close(here)
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_a_closed_terminal_ends_it() -> None:
    with after_its_terminal_was_closed("heard", "reloads") as process:
        assert process.communicate(timeout=60)[0] == "ended\n"
        assert process.returncode == 0


@pytest.mark.parametrize("reloads", ["reloads", "does not"])
def test_where_hang_ups_are_ignored_it_goes_on(reloads: str) -> None:
    with after_its_terminal_was_closed("ignored", reloads) as process:
        assert process.stdout is not None
        for _ in range(600 if reloads == "reloads" else 3):
            process.send_signal(signal.SIGHUP)
            if select.select([process.stdout], [], [], 0.1)[0]:
                break
        process.send_signal(signal.SIGTERM)
        lines = process.communicate(timeout=60)[0].splitlines()
        assert lines[-1] == "ended"
        assert {*lines[:-1]} == ({"loaded anew"} if reloads == "reloads" else set())
        assert process.returncode == 0
