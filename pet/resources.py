"""Files that ship with the package: inside it in a wheel, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource_folder(name: str) -> Path:
    """Return the folder ``tasks`` or ``verbalizers``.

    A wheel has it as ``pet/<name>``; a checkout, also an editable install, at its top level.
    """
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def is_file(path: Path) -> bool:
    """Tell whether a file is there; a name that no file can have is no file."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # longer than a name may be, or with a NUL
        return False
