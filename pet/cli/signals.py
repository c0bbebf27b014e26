"""Signals that end a command: an ordinary exit, so that nothing temporary is left."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# The second is sent when a terminal is closed; Windows has none.
_ENDING = ("SIGTERM", "SIGHUP")


class Ended(BaseException):
    """The command was asked to end by a signal; no `except Exception` holds it up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number  # as shells have it


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Raise `Ended` at the signals of `kill`, of a closed terminal, and of systems that shut down.

    Signals that are ignored, as by `nohup`, or have a handler stay as they are.
    """
    taken = []
    if threading.current_thread() is threading.main_thread():  # no other thread can take signals
        numbers = [getattr(signal, name, None) for name in _ENDING]
        taken = [n for n in numbers if n and signal.getsignal(n) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # once is enough: what is cleaned up now is short
    raise Ended(number)
