"""The run folder: everything is written by rename, so what is there is whole."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np

from pet.config.settings import recorded_today
from pet.errors import RunError
from pet.runs.lock import Lock
from pet.version import __version__


class RunFolder:
    """A folder that holds one run.

    Parameters
    ----------
    path : Path
        Where it is.
    """

    kind = "a run"
    record = "run.json"
    contents: tuple[str, ...] = (
        "labelled.json", "backbone", "members", "folds", "ensemble.json", "temperature.json",
        "calibration.json", "classifier", "metrics.json", "log.jsonl", "checkpoint.safetensors",
        "examples.json", "tasks", "results.json", "results.csv",
    )  # fmt: skip

    # Of these, what is written before anything is done.
    inputs: tuple[str, ...] = ("labelled.json",)

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: Lock | None = None

    @classmethod
    def start(cls, path: str | Path, asked: Mapping[str, Any], force: bool = False) -> Self:
        """Open a new folder, or one in which the same was asked before, to go on with it.

        Parameters
        ----------
        path : str or Path
            The folder; made where it is missing.
        asked : mapping
            Everything that decides the result, as JSON values.
        force : bool
            Remove what an earlier run wrote here.

        Raises
        ------
        RunError
            When something else is in the folder, another process writes there, or it cannot be
            written. A request of which nothing is done yet, as after a mistyped name, is replaced.
        """
        folder = cls(Path(path))
        asked = json.loads(json.dumps(asked))
        with write_errors(folder.path):
            folder.path.mkdir(parents=True, exist_ok=True)
            folder._lock = Lock.of(folder.path)
        if folder.has(cls.record):
            differences = _differences(folder.asked(), asked)
            if force:
                with write_errors(folder.path):
                    folder._clear()
            elif differences and folder._has_results():
                shown = "\n    ".join(differences[:12])
                raise RunError(
                    f"{path} holds {cls.kind} that was asked for something else:\n    {shown}",
                    "Choose another folder with -o, or start over here with --force.",
                )
            elif not differences:
                return folder
        elif any(file.name != f"{cls.record}.part" for file in folder.path.iterdir()):
            raise RunError(
                f"{path} is not empty and not {cls.kind} folder.",
                "Choose another folder with -o.",
            )
        folder.write_json(cls.record, {"format": 1, "asked": asked, "versions": _versions()})
        return folder

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open an existing run to read it."""
        folder = cls(Path(path))
        if not folder.has(cls.record):
            raise RunError(f"{path} is not {cls.kind} folder: it has no {cls.record}.")
        return folder

    def asked(self) -> dict[str, Any]:
        """What was asked for, as given to `start`, under the names that settings have today."""
        found = self.read_json(self.record)
        if not isinstance(found, dict) or not isinstance(found.get("asked"), dict):
            raise RunError(
                f"{self.path} is not {self.kind} folder: its {self.record} is something else."
            )
        return recorded_today(found["asked"])

    def _has_results(self) -> bool:
        # A study's folder has inner ones, with records of their own.
        others = {name for own in (self.record, *self.inputs) for name in (own, f"{own}.part")}
        return any(f.is_file() and f.name not in others for f in self.path.rglob("*"))

    def _clear(self) -> None:
        # All but the record, which the caller replaces: so a folder is known as ours at all times.
        (self.path / f"{self.record}.part").unlink(missing_ok=True)
        for name in self.contents:
            for target in (self.path / name, self.path / f"{name}.part"):
                if target.is_dir():
                    shutil.rmtree(target)
                else:
                    target.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Remove a file that is needed no more."""
        with write_errors(self.path):
            (self.path / name).unlink(missing_ok=True)

    def has(self, name: str) -> bool:
        """Whether a file or folder is there, and therefore whole."""
        return (self.path / name).exists()

    def read_json(self, name: str) -> Any:
        """Read one of the folder's JSON files."""
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path / name}: cannot be read: {error}") from error

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file at once."""
        self.write_text(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Write a text file at once."""
        with self.writing(name) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def write_array(self, name: str, array: np.ndarray) -> None:
        """Write a .npy file at once."""
        with self.writing(name) as temporary, temporary.open("wb") as stream:
            np.save(stream, array, allow_pickle=False)

    def array(self, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Read a .npy file, or make the array and write it where there is none yet."""
        if not self.has(name):
            self.write_array(name, make())
        found: np.ndarray = np.load(self.path / name, allow_pickle=False)
        return found

    def shards(self, name: str) -> Iterator[np.ndarray]:
        """Yield the arrays of a folder of numbered .npy files, in order."""
        for path in sorted((self.path / name).glob("*.npy")):
            yield np.load(path, allow_pickle=False)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Give a temporary path; what is written there appears as ``name`` when all went well."""
        target = self.path / name
        temporary = target.with_name(target.name + ".part")
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

    def log(self, event: str, **values: Any) -> None:
        """Append one line to log.jsonl."""
        line = json.dumps({"time": round(time.time(), 3), "event": event, **values})
        log = self.path / "log.jsonl"
        with write_errors(self.path), log.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")


def let_read(path: Path) -> None:
    """Let those read a file, or all files of a folder, who may read the folder it lies in.

    safetensors makes files that only their owner can read.
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
    """Turn errors of writing, a full disk for one, into a `RunError` that names the path."""
    try:
        yield
    except Exception as error:
        # safetensors and tokenizers write in Rust and raise errors of their own.
        if not isinstance(error, OSError) and "(os error " not in str(error):
            raise
        raise RunError(
            f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}.",
            "What was finished before is kept; free some space or choose another folder with -o.",
        ) from error


def _differences(old: Any, new: Any, place: str = "") -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        found: list[str] = []
        for key in dict.fromkeys([*old, *new]):
            inner = f"{place}.{key}" if place else str(key)
            found += _differences(old.get(key), new.get(key), inner)
        return found
    return [] if old == new else [f"{place}: {_short(old)} there, {_short(new)} now"]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    names = ("torch", "transformers", "scikit-learn", "numpy")
    return {"pet": __version__, **{name: version(name) for name in names}}
