"""Files and folders that appear complete or not at all: written elsewhere, then renamed.

Nothing is written through a link: what is unfinished is in a new folder of its own, into which
nobody else can put anything, and the last rename replaces a link instead of following it.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from pet.errors import RunError

UNFINISHED = ".part"
REPLACED = "replaced"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.EISDIR)


def _nothing(path: Path) -> None:
    """Do nothing with a path."""


@contextmanager
def written_whole(target: Path, complete: Callable[[Path], None] = _nothing) -> Iterator[Path]:
    """Yield a temporary path; its file or folder appears as ``target`` if no error occurs.

    Parameters
    ----------
    target : Path
        Path of the file or folder; an older one is replaced.
    complete : callable, optional
        Called with the temporary path when all is written, before it gets its name.

    Raises
    ------
    RunError
        When it cannot be written, as on a full disk.
    """
    with write_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        own = tempfile.mkdtemp(UNFINISHED, f"{target.name}.", target.parent)
        try:
            temporary = Path(own, target.name)
            yield temporary
            let_read(temporary, target.parent)
            complete(temporary)
            _to_disk(temporary)  # or a power failure could leave the name without the content
            _rename(temporary, target, Path(own, REPLACED))
            _to_disk(target.parent, inside=False)
        finally:
            shutil.rmtree(own, ignore_errors=True)


@contextmanager
def written_into(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder; its files move into a folder that may hold others.

    Only what is written is touched, however much else is there.

    Raises
    ------
    RunError
        When they cannot be written.
    """
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        own = Path(tempfile.mkdtemp(UNFINISHED, "saved.", folder))
        try:
            yield own
            let_read(own, folder)
            _to_disk(own)
            for file in sorted(file for file in own.rglob("*") if not file.is_dir()):
                target = folder / file.relative_to(own)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, target)
        finally:
            shutil.rmtree(own, ignore_errors=True)


def _rename(temporary: Path, target: Path, replaced: Path) -> None:
    """Give a file or folder its name; an older folder or link is moved away first.

    Where several writers give one name at once, the last one's file or folder stays, whole.
    """
    while True:
        if target.is_dir() or target.is_symlink():
            remove(replaced)  # from an attempt that another writer came before
            with suppress(FileNotFoundError):  # another writer has moved it away
                os.replace(target, replaced)
        try:
            os.replace(temporary, target)
            return
        except OSError as error:
            if error.errno in _TAKEN and target.is_dir():
                continue
            if os.path.lexists(replaced):
                os.replace(replaced, target)
            raise


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def opened_to_append(path: Path) -> Iterator[IO[bytes]]:
    """Open a file at its end, at the start of a line; a link is refused.

    Raises
    ------
    RunError
        When it is a link, or cannot be written.
    """
    with write_errors(path):
        if path.is_symlink():
            raise OSError(errno.ELOOP, "it is a link, and nothing is written through links")
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        with open(os.open(path, flags, 0o666), "ab+") as stream:
            size = stream.seek(0, os.SEEK_END)
            if size:
                stream.seek(size - 1)
                if stream.read(1) != b"\n":  # a write was cut off
                    stream.write(b"\n")
            yield stream


def let_read(path: Path, like: Path) -> None:
    """Give a new file, or all files in a new folder, the read permissions of a folder.

    safetensors makes files that only their owner can read.
    """
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file() and not file.is_symlink():
            file.chmod(file.stat().st_mode | (like.stat().st_mode & 0o444))


def _to_disk(path: Path, inside: bool = True) -> None:
    if os.name != "posix":
        return
    for file in [*(path.rglob("*") if inside else ()), path]:
        opened = os.open(file, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn errors of writing, such as a full disk, into a `RunError` that names the path."""
    try:
        yield
    except Exception as error:
        # safetensors and tokenizers write in Rust; their errors are no OSError.
        is_path = isinstance(error, ValueError) and "null byte" in str(error)
        if not (isinstance(error, OSError) or is_path or "(os error " in str(error)):
            raise
        is_full = getattr(error, "errno", None) in _FULL or "(os error 28)" in str(error)
        raise RunError(
            f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}.",
            "What was finished before is kept; "
            + ("free some space or choose another folder." if is_full else "choose another place."),
        ) from error
