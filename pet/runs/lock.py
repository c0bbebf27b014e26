"""Lock: one process at a time writes to a folder."""

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
    """Lock of a folder, which this process holds as long as the object lives.

    The system releases a lock when its process ends, however it ends, so none is ever stale. The
    folder itself is locked, so no lock file is left. All objects of a process share one lock.
    """

    _held: ClassVar[weakref.WeakValueDictionary[tuple[int, int], Lock]] = (
        weakref.WeakValueDictionary()
    )

    def __init__(self, opened: int) -> None:
        weakref.finalize(self, os.close, opened)

    @classmethod
    def acquire(cls, path: Path, wait: bool = False) -> Lock | None:
        """Lock a folder; return None if the system has no locks for it.

        Parameters
        ----------
        path : Path
            The folder.
        wait : bool
            Whether to wait for another process that holds the lock.

        Raises
        ------
        RunError
            When another process holds the lock, and ``wait`` is not set.
        """
        if fcntl is None:
            return None
        opened = os.open(path, os.O_RDONLY)
        status = os.fstat(opened)
        folder_id = (status.st_dev, status.st_ino)
        held = cls._held.get(folder_id)
        if held is not None:
            os.close(opened)
            return held
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            os.close(opened)
            raise RunError(
                f"{path} is in use: another process is writing there.",
                "Wait until it has finished, or stop it; then give the same command again.",
            ) from error
        except OSError:  # a network file system without locks
            os.close(opened)
            return None
        lock = cls._held[folder_id] = cls(opened)
        return lock
