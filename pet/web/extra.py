"""The extra ``serve``: there, or one message how to get it."""

from __future__ import annotations

from importlib.util import find_spec

from pet.errors import PetError

_PACKAGES = ("fastapi", "uvicorn", "prometheus_client")


def require_web(command: str) -> None:
    """Refuse to go on without the packages of the extra ``serve``.

    Parameters
    ----------
    command : str
        Command that needs them, such as "pet serve", for the message.

    Raises
    ------
    PetError
        When one is not installed; says how to install it.
    """
    missing = [package for package in _PACKAGES if find_spec(package) is None]
    if missing:
        raise PetError(
            f"{command} needs {', '.join(missing).replace('_', '-')}.",
            "Install what it needs with: pip install 'pet-fewshot[serve]'",
        )
