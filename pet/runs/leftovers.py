"""Left-overs of writing: what killed processes left, told from the files of other people.

`written_whole` works in a folder ``NAME.RANDOM.part``, which holds nothing but the new ``NAME``
and, for an instant, the old one as ``replaced``. Earlier versions wrote ``NAME.part`` itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from pet.runs.writing import REPLACED, UNFINISHED, remove

_RANDOM = rf"\.[a-z0-9_]{{8}}{re.escape(UNFINISHED)}"


def is_leftover(path: Path, name: str) -> bool:
    """Tell whether a path is a left-over of a file or folder that only pet writes there."""
    return path.name == name + UNFINISHED or unfinished_name(path) == name


def unfinished_name(path: Path) -> str | None:
    """Return the name that a left-over folder was for, told by its form; None for all else."""
    match = re.fullmatch(rf"(.+){_RANDOM}", path.name)
    if match is None or path.is_symlink() or not path.is_dir():
        return None
    return match[1] if {*os.listdir(path)} <= {match[1], REPLACED} else None


def remove_leftovers(target: Path) -> None:
    """Remove the left-overs of a file or folder that only pet writes there."""
    if target.parent.is_dir():
        for path in list(target.parent.iterdir()):
            if is_leftover(path, target.name):
                _remove(path, target.name)


def remove_leftovers_in(folder: Path, names: Iterable[str] = ()) -> None:
    """Remove the left-overs inside a folder and its inner ones, without following links.

    Parameters
    ----------
    folder : Path
        The folder; nothing happens if it is a link.
    names : iterable of str
        Patterns of the names that only pet writes there.
    """
    if folder.is_symlink():
        return
    for place, folders, files in os.walk(folder):
        for entry in [*folders, *files]:
            path = Path(place, entry)
            name = unfinished_name(path)
            if name is None:
                known = entry.removesuffix(UNFINISHED)
                if known == entry or not any(fnmatchcase(known, pattern) for pattern in names):
                    continue
                name = known
            _remove(path, name)
            if entry in folders:
                folders.remove(entry)


def remove_leftover_folders(folder: Path, pattern: str) -> None:
    """Remove the left-overs directly in a folder of folders whose names match a pattern."""
    for path in list(folder.iterdir()):
        name = unfinished_name(path)
        if name is not None and re.fullmatch(pattern, name):
            _remove(path, name)


def _remove(path: Path, name: str) -> None:
    """Remove a left-over; if the process was killed between two renames, put the old one back."""
    old, target = path / REPLACED, path.parent / name
    if not path.is_symlink() and os.path.lexists(old) and not os.path.lexists(target):
        os.replace(old, target)
    remove(path)
