"""Storage: files of a folder by name, which appear complete and are compared when read."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pet.runs.checksums import Checksums
from pet.runs.damage import Damage, reading
from pet.runs.leftovers import remove_leftover_folders, remove_leftovers
from pet.runs.lock import Lock
from pet.runs.writing import opened_to_append, remove, write_errors, written_whole

if TYPE_CHECKING:  # finding a run, or that there is none, must not load numpy or torch
    import numpy as np
    from torch import Tensor


_COMMAND = "command"


class Content(str):
    """Name of a file or folder inside a `Folder`; starting over removes it."""

    __slots__ = ()


class Storage:
    """Files of a folder: JSON, text, arrays, tensors, and a log.

    Parameters
    ----------
    path : Path
        Path of the folder.

    Attributes
    ----------
    checksums : Checksums
        Sums of all files but the log; a file that does not match is not read.
    """

    checkpoint = Content("checkpoint.safetensors")
    events = Content("log.jsonl")
    sums = Content(Checksums.name)

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checksums = Checksums(path)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there, and what is left of writing it."""
        with write_errors(self.path):
            remove(self.path / name)
            remove_leftovers(self.path / name)

    def has(self, name: str) -> bool:
        """Tell whether a file or folder is there, and therefore complete."""
        return os.path.exists(self.path / name)  # a path that is too long is none

    def remedy(self, name: str) -> str:
        """Return the next step for the user if a file is damaged."""
        return f"Remove {self.path / name}; the same command makes it again."

    def reading(self, name: str) -> AbstractContextManager[None]:
        """Turn errors of reading a file into a `RunError`; see `pet.runs.damage.reading`."""
        return reading(self.path / name, self.remedy(name))

    def read_json(self, name: str) -> Any:
        """Read a JSON file.

        Raises
        ------
        RunError
            When it is damaged, or cannot be read.
        """
        with self.reading(name):
            return json.loads(self.checksums.read(name))

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file; it appears when it is complete."""
        self.write_text(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Write a text file; it appears when it is complete."""
        with self.writing(name) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def write_array(self, name: str, array: np.ndarray) -> None:
        """Write a .npy file; it appears when it is complete."""
        import numpy as np

        with self.writing(name) as temporary, temporary.open("wb") as stream:
            np.save(stream, array, allow_pickle=False)

    def read_array(self, name: str) -> np.ndarray:
        """Read a .npy file of finite numbers.

        Raises
        ------
        RunError
            When it is damaged, or cannot be read.
        """
        import numpy as np

        with self.reading(name):
            array: np.ndarray = np.load(self.checksums.check(name), allow_pickle=False)
            if not np.isfinite(array).all():
                raise Damage("some of its numbers are not finite")
            return array

    def read_tensors(self, name: str) -> dict[str, Tensor]:
        """Read a .safetensors file; empty if it was never written.

        Raises
        ------
        RunError
            When it is damaged, is missing though it was written, or cannot be read.
        """
        from safetensors.torch import load_file

        if not self.has(name) and name not in self.checksums.names():
            return {}
        with self.reading(name):
            return load_file(self.checksums.check(name))

    def shards(self, name: str) -> Iterator[np.ndarray]:
        """Yield the arrays of a folder of numbered .npy files, in order.

        Raises
        ------
        RunError
            When one is damaged, or missing.
        """
        there = {f"{name}/{path.name}" for path in (self.path / name).glob("*.npy")}
        noted = {file for file in self.checksums.names() if file.startswith(f"{name}/")}
        for file in sorted(there | noted):
            yield self.read_array(file)

    @staticmethod
    def shard(index: int) -> str:
        """Return the file name of one of these arrays."""
        return f"{index:06}.npy"

    @contextmanager
    def locked(self, names: str) -> Iterator[None]:
        """Make the folder if need be, and be the only process that writes there; wait for others.

        What processes that were killed left of writing an inner folder is removed.

        Parameters
        ----------
        names : str
            Regular expression of the inner folders' names.
        """
        with write_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            lock = Lock.acquire(self.path, wait=True)
            remove_leftover_folders(self.path, names)
        try:
            yield
        finally:
            del lock

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Yield a temporary path; its file or folder appears as ``name`` if no error occurs."""

        def note(written: Path) -> None:
            if (written / self.sums).exists():  # a model has a list of its own, as it is copied
                return
            files = [file for file in written.rglob("*") if file.is_file()]
            inner = {f"{name}/{file.relative_to(written).as_posix()}": file for file in files}
            self.checksums.note(inner if written.is_dir() else {name: written})

        with written_whole(self.path / name, note) as temporary:
            yield temporary

    def settle(self) -> None:
        """Tidy the list of sums when all is written, and no other process writes there."""
        with write_errors(self.path):
            self.checksums.settle(lambda name: name.split("/")[-1] == self.checkpoint)

    def log(self, event: str, **values: Any) -> None:
        """Append an event to the log."""
        line = json.dumps({"time": round(time.time(), 3), "event": event, **values})
        with opened_to_append(self.path / self.events) as stream:
            stream.write(f"{line}\n".encode())

    def logged(self) -> list[dict[str, Any]]:
        """Return the log's events, in order, without lines that were cut off."""
        if not self.has(self.events):
            return []
        with self.reading(self.events):
            text = (self.path / self.events).read_text(encoding="utf-8", errors="replace")
        return [event for line in text.splitlines() if (event := _event(line)) is not None]

    def log_command(self, typed: str) -> None:
        """Append the command that made the folder to the log, unless it has one."""
        if not self.made()[1]:
            self.log(_COMMAND, typed=typed)

    def made(self) -> tuple[float | None, str]:
        """Return when the last result was logged, in seconds since 1970, and the command.

        What is not known, as in folders of earlier versions, is None and "".
        """
        moment, typed = None, ""
        for event in self.logged():
            if event["event"] == _COMMAND:
                typed = str(event.get("typed", ""))
                moment = event.get("time") if moment is None else moment
            else:
                moment = event.get("time")
        return moment if isinstance(moment, int | float) else None, typed

    def results_logged(self) -> list[dict[str, Any]]:
        """Return the log's events of results: all but the command."""
        return [event for event in self.logged() if event["event"] != _COMMAND]


def _event(line: str) -> dict[str, Any] | None:
    """Read a line of the log; None if it is not whole."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
