"""Packages that some formats need: imported where used, or one message how to get them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pet.errors import DataError


def imported(package: str, name: str) -> Any:
    """Import a package of the extra 'files'.

    Parameters
    ----------
    package : str
        Name of the package or of a module in it.
    name : str
        File that needs it, for the message.

    Raises
    ------
    DataError
        When it is not installed; says how to install it.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise DataError(
            f"{name}: such files need the package {package.partition('.')[0]!r}.",
            "Install it with: pip install 'pet-fewshot[files]'",
        ) from error
