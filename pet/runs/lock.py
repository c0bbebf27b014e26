"""One process at a time writes a folder."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import ClassVar

from pet.errors import RunError

try:
    import fcntl
except ImportError:  # not a POSIX system: nothing is locked
    fcntl = None  # type: ignore[assignment, unused-ignore]


class Lock:
    """This process's hold on a folder, for as long as the object lives.

    The system gives a lock back when its process ends, however it ends, so none is ever stale; and
    it is on the folder itself, so no file is left. Objects of one process share their hold.
    """

    _held: ClassVar[weakref.WeakValueDictionary[tuple[int, int], Lock]] = (
        weakref.WeakValueDictionary()
    )

    def __init__(self, opened: int) -> None:
        weakref.finalize(self, os.close, opened)

    @classmethod
    def of(cls, path: Path) -> Lock | None:
        """Take hold of a folder; None where the system has no locks for it.

        Raises
        ------
        RunError
            When another process holds it.
        """
        if fcntl is None:
            return None
        opened = os.open(path, os.O_RDONLY)
        status = os.fstat(opened)
        own = (status.st_dev, status.st_ino)
        held = cls._held.get(own)
        if held is not None:
            os.close(opened)
            return held
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(opened)
            raise RunError(
                f"{path} is in use: another process is writing there.",
                "Wait until it has finished, or stop it; then give the same command again.",
            ) from error
        except OSError:  # a network file system without locks
            os.close(opened)
            return None
        lock = cls._held[own] = cls(opened)
        return lock
