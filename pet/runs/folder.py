"""Folder of results: files appear by renaming, so every file that is there is complete."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pet.config.settings import recorded_today
from pet.errors import RunError
from pet.runs.lock import Lock
from pet.runs.writing import UNFINISHED, unfinished, write_errors, written_whole
from pet.version import __version__

if TYPE_CHECKING:  # finding a run, or that there is none, must not load numpy
    import numpy as np


class Content(str):
    """Name of a file or folder inside a `Folder`; starting over removes it."""

    __slots__ = ()


class Folder:
    """A folder of results with a record of the request, and a lock while it is written.

    Subclasses in `pet.runs.layout` declare the names of all that a folder may hold, each a
    `Content`, so that ``--force`` knows what to remove.

    Parameters
    ----------
    path : Path
        Path of the folder.

    Attributes
    ----------
    noun : str
        Name for messages, with its article: "a run".
    record : str
        Name of the file with the request.
    inputs : tuple of str
        Names of files that are written before any result.
    """

    noun: ClassVar[str]
    record: ClassVar[str]

    inputs: ClassVar[tuple[str, ...]] = ()

    checkpoint = Content("checkpoint.safetensors")
    events = Content("log.jsonl")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: Lock | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the lock, which belongs to the process that acquired it."""
        return {**vars(self), "_lock": None}

    @classmethod
    def start(cls, path: str | Path, asked: Mapping[str, Any], force: bool = False) -> Self:
        """Open a new folder, or one with the same request, to go on with it.

        Parameters
        ----------
        path : str or Path
            The folder; created if it is missing.
        asked : mapping
            Everything that decides the result, as JSON values.
        force : bool
            Remove all that an earlier run wrote here.

        Raises
        ------
        RunError
            When the folder holds something else, another process writes there, or it cannot be
            written. A different request without any result yet, such as one with a mistyped name,
            is replaced.
        """
        folder = cls(Path(path))
        asked = json.loads(json.dumps(asked))
        with write_errors(folder.path):
            folder.path.mkdir(parents=True, exist_ok=True)
            folder._lock = Lock.acquire(folder.path)
        if folder.has(cls.record):
            differences = _differences(folder.asked(), asked)
            if force:
                with write_errors(folder.path):
                    folder._clear()
            elif differences and folder._has_results():
                raise folder._asked_for_another(differences)
            elif not differences:
                return folder
        elif any(file.name != cls.record + UNFINISHED for file in folder.path.iterdir()):
            raise RunError(
                f"{path} is not empty and not {cls.noun} folder.",
                "Choose another folder.",
            )
        folder.write_json(cls.record, {"format": 1, "asked": asked, "versions": _versions()})
        return folder

    @classmethod
    def refuse_another(
        cls, path: str | Path, asked: Mapping[str, Any], force: bool = False
    ) -> None:
        """Refuse a folder that `start` would refuse, as soon as a part of the request is known.

        Parameters
        ----------
        path : str or Path
            The folder; nothing is written there.
        asked : mapping
            Part of what `start` will be given: some of its keys.
        force : bool
            As for `start`.

        Raises
        ------
        RunError
            When the folder has results of another request.
        """
        folder = cls(Path(path))
        if force or not folder.has(cls.record):
            return
        there, now = folder.asked(), json.loads(json.dumps(asked))
        differences = _differences({key: there.get(key) for key in now}, now)
        if differences and folder._has_results():
            raise folder._asked_for_another(differences)

    def _asked_for_another(self, differences: Sequence[str]) -> RunError:
        shown = "\n    ".join(differences[:12])
        return RunError(
            f"{self.path} holds {self.noun} that was asked for something else:\n    {shown}",
            "Choose another folder, or start over here with `--force`.",
        )

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open an existing folder to read it.

        Raises
        ------
        RunError
            When there is no such folder.
        """
        folder = cls(Path(path))
        if not folder.has(cls.record):
            raise RunError(f"{path} is not {cls.noun} folder: it has no {cls.record}.")
        return folder

    def asked(self) -> dict[str, Any]:
        """Return the request as given to `start`, with today's names of settings."""
        record = self.read_json(self.record)
        if not isinstance(record, dict) or not isinstance(record.get("asked"), dict):
            raise RunError(
                f"{self.path} is not {self.noun} folder: its {self.record} is something else."
            )
        return recorded_today(record["asked"])

    @classmethod
    def is_at(cls, path: str | Path) -> bool:
        """Tell whether such a folder is at a path."""
        return (Path(path) / cls.record).is_file()

    @classmethod
    def contents(cls) -> list[str]:
        """Return the names of all that such a folder may hold, and others with the same record.

        A run may replace a study, so starting over removes the files of both.
        """
        subclasses = [other for other in Folder.__subclasses__() if other.record == cls.record]
        values = [value for folder in (Folder, *subclasses) for value in vars(folder).values()]
        return [value for value in values if isinstance(value, Content)]

    def _has_results(self) -> bool:
        # A study's folder has inner folders, with a record each.
        request = (self.record, *self.inputs)
        no_results = {*request, *(name + UNFINISHED for name in request)}
        return any(f.is_file() and f.name not in no_results for f in self.path.rglob("*"))

    def _clear(self) -> None:
        # The record stays until the caller replaces it, so the folder is known as ours throughout.
        unfinished(self.path / self.record).unlink(missing_ok=True)
        for name in self.contents():
            for target in (self.path / name, unfinished(self.path / name)):
                if target.is_dir():
                    shutil.rmtree(target)
                else:
                    target.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with write_errors(self.path):
            (self.path / name).unlink(missing_ok=True)

    def has(self, name: str) -> bool:
        """Tell whether a file or folder is there, and therefore complete."""
        return (self.path / name).exists()

    def read_json(self, name: str) -> Any:
        """Read a JSON file.

        Raises
        ------
        RunError
            When it cannot be read.
        """
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path / name}: cannot be read: {error}") from error

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
        """Read a .npy file."""
        import numpy as np

        array: np.ndarray = np.load(self.path / name, allow_pickle=False)
        return array

    def shards(self, name: str) -> Iterator[np.ndarray]:
        """Yield the arrays of a folder of numbered .npy files, in order."""
        import numpy as np

        for path in sorted((self.path / name).glob("*.npy")):
            yield np.load(path, allow_pickle=False)

    @staticmethod
    def shard(index: int) -> str:
        """Return the file name of one of these arrays."""
        return f"{index:06}.npy"

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Yield a temporary path; its file appears as ``name`` if no error occurs."""
        with written_whole(self.path / name) as temporary:
            yield temporary

    def log(self, event: str, **values: Any) -> None:
        """Append an event to the log."""
        line = json.dumps({"time": round(time.time(), 3), "event": event, **values})
        log = self.path / self.events
        with write_errors(self.path), log.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def logged(self) -> list[dict[str, Any]]:
        """Return the log's events, in order; none without a log."""
        if not self.has(self.events):
            return []
        lines = (self.path / self.events).read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


def _differences(old: Any, new: Any, place: str = "") -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        differences: list[str] = []
        for key in dict.fromkeys([*old, *new]):
            inner = f"{place}.{key}" if place else str(key)
            differences += _differences(old.get(key), new.get(key), inner)
        return differences
    return [] if old == new else [f"{place}: {_short(old)} there, {_short(new)} now"]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    names = ("torch", "transformers", "scikit-learn", "numpy")
    return {"pet": __version__, **{name: version(name) for name in names}}
