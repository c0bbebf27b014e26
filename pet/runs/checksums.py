"""Checksums: the SHA-256 sums of a folder's files, noted when written and compared when read."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pet.runs.damage import Damage
from pet.runs.writing import opened_to_append, written_whole

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


class Checksums:
    """The list of a folder's sums, a text file as `sha256sum` writes and checks it.

    A file that was written several times has several lines until `settle`, and matches one of them.
    A file without a line is taken as it is: an earlier version wrote it, or somebody removed its
    line because the file was changed on purpose.

    Parameters
    ----------
    folder : Path
        The folder; names of files are relative to it.
    """

    name = "SHA256SUMS"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sums: dict[str, set[str]] = {}
        self._read: tuple[int, ...] | None = None
        # Files that matched, as they were then: one that is read again and again is summed once.
        self._matched: dict[str, tuple[int, ...]] = {}

    @property
    def path(self) -> Path:
        """Path of the list."""
        return self.folder / self.name

    def names(self) -> list[str]:
        """Return the names of all listed files, in the order of their first lines."""
        return list(self._listed())

    def note(self, files: Mapping[str, Path]) -> None:
        """Add lines for files, by name in the folder; the paths say where they are now.

        A file is noted before it gets its name: if the process ends in between, the old one still
        has its line.
        """
        known = self._listed()
        sums = {name: _sum(path) for name, path in files.items() if _is_listed(name)}
        new = {name: value for name, value in sums.items() if value not in known.get(name, ())}
        if new:
            size = self._read[1] if self._read else 0
            text = "".join(f"{value}  {name}\n" for name, value in new.items()).encode()
            with opened_to_append(self.path) as stream:
                stream.write(text)
            state = _state(self.path)
            if state[1] == size + len(text):  # no other process appended lines in between
                for name, value in new.items():
                    self._sums.setdefault(name, set()).add(value)
                self._read = state

    def settle(self, removed: Callable[[str], bool]) -> None:
        """Keep one line for each file of a finished folder, as `sha256sum -c` expects.

        Parameters
        ----------
        removed : callable
            Tells by its name whether a file that is missing was removed on purpose. Any other keeps
            its lines, so that it is missed, as does a file that matches none of its sums.
        """
        kept: list[str] = []
        for name, sums in self._listed().items():
            path = self.folder / name
            is_there = path.is_file()
            if not is_there and removed(name):
                continue
            now = {_sum(path)} & sums if is_there and len(sums) > 1 else sums
            kept += [f"{value}  {name}\n" for value in sorted(now or sums)]
        text = "".join(kept)
        if self._read and self._read[1] != len(text.encode()):
            with written_whole(self.path) as temporary:
                temporary.write_text(text, encoding="utf-8")

    @contextmanager
    def of_written(self) -> Iterator[None]:
        """List the files of a new folder, which are written inside this context."""
        yield
        lines = []
        for file in sorted(self.folder.rglob("*")):
            name = file.relative_to(self.folder).as_posix()
            if file.is_file() and _is_listed(name):
                lines.append(f"{_sum(file)}  {name}\n")
        with written_whole(self.path) as temporary:
            temporary.write_text("".join(lines), encoding="utf-8")

    def read(self, name: str) -> bytes:
        """Read a file whole.

        Raises
        ------
        Damage
            When it is not what was written.
        """
        content = (self.folder / name).read_bytes()
        self._compare(name, hashlib.sha256(content).hexdigest())
        return content

    def check(self, name: str) -> Path:
        """Return the path of a file after comparing its sum.

        Raises
        ------
        Damage
            When it is not what was written.
        """
        path = self.folder / name
        if name in self._listed():
            state = _state(path)
            if self._matched.get(name) != state:
                self._compare(name, _sum(path))
                self._matched[name] = state
        return path

    def check_all(self) -> None:
        """Compare the sums of all listed files.

        Raises
        ------
        Damage
            When one is missing, or not what was written; names it.
        """
        for name in self.names():
            if not (self.folder / name).exists():
                raise Damage(f"{name} is missing")
            self.check(name)

    def _compare(self, name: str, value: str) -> None:
        known = self._listed().get(name)
        if known and value not in known:
            raise Damage(
                f"{name} is not what was written: its sum differs from that in {self.name}",
                f"If you changed it on purpose, remove its line from {self.path}.",
            )

    def _listed(self) -> dict[str, set[str]]:
        """Return the sums of every listed file; the list is read again when it has changed."""
        try:
            state = _state(self.path)
        except FileNotFoundError:
            self._sums, self._read = {}, None
            return self._sums
        if state != self._read:
            sums: dict[str, set[str]] = {}
            try:
                text = self.path.read_text(encoding="utf-8", errors="replace")
            except OSError as error:
                reason = f"{self.path} cannot be read: {error.strerror}"
                raise OSError(error.errno, reason) from error
            for line in text.splitlines():
                if match := _LINE.fullmatch(line):
                    sums.setdefault(match[2], set()).add(match[1])
            self._sums, self._read = sums, state
        return self._sums


def _is_listed(name: str) -> bool:
    """Tell whether a file has a sum: people edit model cards, and the list has none of itself."""
    return not name.endswith((".md", Checksums.name))


def _sum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _state(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is written: inode, size and time."""
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns
