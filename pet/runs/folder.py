"""A folder of results: everything is written by rename, so what is there is whole."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pet.config.settings import recorded_today
from pet.errors import RunError
from pet.runs.lock import Lock
from pet.runs.writing import UNFINISHED, unfinished, write_errors, written_whole
from pet.version import __version__

if TYPE_CHECKING:  # what finds a run and says that there is none loads no arrays
    import numpy as np


class Content(str):
    """Name of a file or folder within a folder; starting over removes it."""

    __slots__ = ()


class Folder:
    """A folder that knows what was asked of it, and what it may hold.

    Its kinds say what that is, in `pet.runs.layout`: every name is a `Content`, so nobody has to
    list them for ``--force``.

    Parameters
    ----------
    path : Path
        Where it is.
    """

    noun: ClassVar[str]
    record: ClassVar[str]

    # What is written before anything is done.
    inputs: ClassVar[tuple[str, ...]] = ()

    # While a training goes on.
    checkpoint = Content("checkpoint.safetensors")
    events = Content("log.jsonl")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: Lock | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave the lock behind: it belongs to the process that took it."""
        return {**vars(self), "_lock": None}

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
            folder._lock = Lock.acquire(folder.path)
        if folder.has(cls.record):
            differences = _differences(folder.asked(), asked)
            if force:
                with write_errors(folder.path):
                    folder._clear()
            elif differences and folder._has_results():
                shown = "\n    ".join(differences[:12])
                raise RunError(
                    f"{path} holds {cls.noun} that was asked for something else:\n    {shown}",
                    "Choose another folder, or start over here with `--force`.",
                )
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
    def open(cls, path: str | Path) -> Self:
        """Open an existing run to read it."""
        folder = cls(Path(path))
        if not folder.has(cls.record):
            raise RunError(f"{path} is not {cls.noun} folder: it has no {cls.record}.")
        return folder

    def asked(self) -> dict[str, Any]:
        """What was asked for, as given to `start`, under the names that settings have today."""
        found = self.read_json(self.record)
        if not isinstance(found, dict) or not isinstance(found.get("asked"), dict):
            raise RunError(
                f"{self.path} is not {self.noun} folder: its {self.record} is something else."
            )
        return recorded_today(found["asked"])

    @classmethod
    def is_at(cls, path: str | Path) -> bool:
        """Whether a folder of this kind is there."""
        return (Path(path) / cls.record).is_file()

    @classmethod
    def contents(cls) -> list[str]:
        """Names of all that this kind of folder may hold, and kinds with the same record.

        A run may take the place of a study, so starting over removes what either has written.
        """
        kinds = [kind for kind in Folder.__subclasses__() if kind.record == cls.record]
        values = [value for kind in (Folder, *kinds) for value in vars(kind).values()]
        return [value for value in values if isinstance(value, Content)]

    def _has_results(self) -> bool:
        # A study's folder has inner ones, with records of their own.
        asked = (self.record, *self.inputs)
        others = {*asked, *(name + UNFINISHED for name in asked)}
        return any(f.is_file() and f.name not in others for f in self.path.rglob("*"))

    def _clear(self) -> None:
        # All but the record, which the caller replaces: so a folder is known as ours at all times.
        unfinished(self.path / self.record).unlink(missing_ok=True)
        for name in self.contents():
            for target in (self.path / name, unfinished(self.path / name)):
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
    def shard(number: int) -> str:
        """Name one of these arrays within their folder."""
        return f"{number:06}.npy"

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Give a temporary path; what is written there appears as ``name`` when all went well."""
        with written_whole(self.path / name) as temporary:
            yield temporary

    def log(self, event: str, **values: Any) -> None:
        """Append one line to the log of events."""
        line = json.dumps({"time": round(time.time(), 3), "event": event, **values})
        log = self.path / self.events
        with write_errors(self.path), log.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def logged(self) -> list[dict[str, Any]]:
        """Return the log's events, in order; none where there is no log."""
        if not self.has(self.events):
            return []
        lines = (self.path / self.events).read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


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
