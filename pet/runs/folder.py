"""Folder of results: what was asked for, and one process at a time that writes it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from pet.config.settings import recorded_today
from pet.errors import RunError
from pet.runs.leftovers import is_leftover, remove_leftovers, remove_leftovers_in
from pet.runs.lock import Lock
from pet.runs.storage import Content, Storage
from pet.runs.writing import remove, write_errors
from pet.version import __version__


class Folder(Storage):
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
    inside : tuple of str
        Names of what is written further in; shell patterns.
    """

    noun: ClassVar[str]
    record: ClassVar[str]

    inputs: ClassVar[tuple[str, ...]] = ()
    inside: ClassVar[tuple[str, ...]] = ()

    def __init__(self, path: Path) -> None:
        super().__init__(path)
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
            folder.remove_unfinished()  # only now, as the folder may be somebody else's
            if force:
                with write_errors(folder.path):
                    folder._clear()
            elif differences and folder._has_results():
                raise folder._asked_for_another(differences)
            elif not differences:
                return folder
        elif not folder._is_new():
            raise RunError(
                f"{path} is not empty and not {cls.noun} folder.",
                "Choose another folder.",
            )
        else:
            folder.remove_unfinished()
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
            raise RunError(
                f"{path} is not {cls.noun} folder: it has no {cls.record}.",
                "Name another folder, or take the file from a copy of this one.",
            )
        return folder

    def asked(self) -> dict[str, Any]:
        """Return the request as given to `start`, with today's names of settings."""
        record = self.read_json(self.record)
        if not isinstance(record, dict) or not isinstance(record.get("asked"), dict):
            raise RunError(
                f"{self.path} is not {self.noun} folder: its {self.record} is something else."
            )
        with self.reading(self.record):
            return recorded_today(record["asked"])

    def remedy(self, name: str) -> str:
        """Return the next step for the user if a file is damaged."""
        if name == self.record:
            return "Take it from a copy of the folder, or remove the folder and start again."
        return super().remedy(name)

    @classmethod
    def is_at(cls, path: str | Path) -> bool:
        """Tell whether such a folder is at a path."""
        return os.path.isfile(Path(path) / cls.record)

    @classmethod
    def contents(cls) -> list[str]:
        """Return the names of all that such a folder may hold, and others with the same record.

        A run may replace a study, so starting over removes the files of both.
        """
        subclasses = [other for other in Folder.__subclasses__() if other.record == cls.record]
        folders = (Storage, Folder, *subclasses)
        values = [value for folder in folders for value in vars(folder).values()]
        return [value for value in values if isinstance(value, Content)]

    def _has_results(self) -> bool:
        # A study's folder has inner folders, with a record each.
        no_results = {self.record, *self.inputs, self.sums}
        return any(f.is_file() and f.name not in no_results for f in self.path.rglob("*"))

    def _clear(self) -> None:
        # The record stays until the caller replaces it, so the folder is known as ours throughout.
        for name in self.contents():
            remove(self.path / name)

    def _is_new(self) -> bool:
        """Tell whether nothing is there but what a process left that was killed at the start."""
        first = (self.record, self.sums)
        return all(
            file.name == self.sums or any(is_leftover(file, name) for name in first)
            for file in self.path.iterdir()
        )

    def remove_unfinished(self) -> None:
        """Remove what processes that were killed left of writing; only the lock's holder may."""
        with write_errors(self.path):
            for name in (self.record, *self.contents()):
                remove_leftovers(self.path / name)
                remove_leftovers_in(self.path / name, self.inside)


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
