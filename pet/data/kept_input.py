"""Standard input that is read more than once: a copy that is gone with the process."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import IO

# Ending of standard input, and of a copy that has a name.
STANDARD_INPUT = ".stdin"
_NAME = re.compile(r"/proc/\d+/fd/\d+")


def keep_input(stream: IO[bytes]) -> str:
    """Copy a stream to a temporary file, and return a path at which it can be read again.

    Where the system has paths of open files (Linux), the copy has no name in any folder: nothing
    is left of it, even if this process is killed. Other processes read it while this one runs.
    """
    copy = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the process
    shutil.copyfileobj(stream, copy)
    copy.flush()
    name = f"/proc/{os.getpid()}/fd/{copy.fileno()}"
    if os.path.exists(name):
        atexit.register(copy.close)  # which removes it
        return name
    with copy, tempfile.NamedTemporaryFile("wb", suffix=STANDARD_INPUT, delete=False) as named:
        copy.seek(0)
        shutil.copyfileobj(copy, named)
    atexit.register(Path(named.name).unlink, missing_ok=True)
    return named.name


def is_kept(source: str) -> bool:
    """Tell whether a path is that of a copy."""
    return _NAME.fullmatch(source) is not None or source.endswith(STANDARD_INPUT)
