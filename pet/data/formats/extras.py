"""Packages that some formats need: imported where used, or one message how to get them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from pet.errors import DataError, PetError


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


@contextmanager
def told_as_damage(
    name: str, what: str, faults: tuple[type[BaseException], ...], hint: str | None = None
) -> Iterator[None]:
    """Tell errors of a package as those of a damaged file; what `pet` says is told as it is.

    Parameters
    ----------
    name : str
        File that is read.
    what : str
        What it should be, such as "a Parquet file".
    faults : tuple of exception classes
        Errors of the package in files that are none.
    hint : str, optional
        What to do then.

    Raises
    ------
    DataError
        In the place of such an error.
    """
    try:
        yield
    except PetError:  # is a ValueError too
        raise
    except faults as error:
        raise DataError(f"{name}: cannot be read as {what}: {error}.", hint) from error
