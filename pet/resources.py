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
