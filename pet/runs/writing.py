"""Files and folders that appear complete or not at all: written elsewhere, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pet.errors import RunError

UNFINISHED = ".part"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def unfinished(path: Path) -> Path:
    """Return the path at which a file or folder is written before it is complete."""
    return path.with_name(path.name + UNFINISHED)


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """Yield a temporary path; its file or folder appears as ``target`` if no error occurs.

    Raises
    ------
    RunError
        When it cannot be written, as on a full disk.
    """
    temporary = unfinished(target)
    with write_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if temporary.is_dir():
            shutil.rmtree(temporary)
        yield temporary
        let_read(temporary)
        if target.is_dir():
            shutil.rmtree(target)
        _to_disk(temporary)  # or a power failure could leave the name without the content
        os.replace(temporary, target)
        _to_disk(target.parent, inside=False)


def let_read(path: Path) -> None:
    """Give files the read permissions of their parent folder.

    safetensors makes files that only their owner can read.

    Parameters
    ----------
    path : Path
        A file, or a folder for all files in it.
    """
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            file.chmod(file.stat().st_mode | (file.parent.stat().st_mode & 0o444))


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
        if not isinstance(error, OSError) and "(os error " not in str(error):
            raise
        is_full = getattr(error, "errno", None) in _FULL or "(os error 28)" in str(error)
        raise RunError(
            f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}.",
            "What was finished before is kept; "
            + ("free some space or choose another folder." if is_full else "choose another place."),
        ) from error
