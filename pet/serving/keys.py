"""Keys: who may use a service. Only their hashes are kept, and all are compared in equal time."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from pet.errors import UsageError

VARIABLE = "PET_API_KEYS"
_SHORTEST = 16


class Keys:
    """The keys that open a service; without any it is open to all who reach it.

    Parameters
    ----------
    keys : iterable of str
        The keys, of 16 characters at least, none of them blank or outside ASCII.

    Raises
    ------
    UsageError
        When a key is too short or cannot stand in a header; says which, not what it is.

    Examples
    --------
    >>> from pet.serving import Keys
    >>> keys = Keys(["correct-horse-battery"])
    >>> keys.opens("correct-horse-battery"), keys.opens("wrong"), keys.opens(None)
    (True, False, False)
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._file: str | None = None
        self._hashes = self._checked(keys)

    @staticmethod
    def _checked(keys: Iterable[str]) -> list[bytes]:
        hashes = []
        for number, key in enumerate(keys, start=1):
            if len(key) < _SHORTEST or not re.fullmatch(r"[!-~]+", key):
                raise UsageError(
                    f"Key {number} has {len(key)} characters; expected {_SHORTEST} or more, of "
                    "letters, digits and signs of ASCII.",
                    f"One that nobody guesses: {secrets.token_urlsafe(24)}",
                )
            hashes.append(_hash(key))
        return hashes

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def opens(self, given: str | None) -> bool:
        """Tell whether a key is one of them; every comparison takes the same time."""
        hashed = _hash(given or "")
        same = [hmac.compare_digest(hashed, known) for known in self._hashes]
        return given is not None and any(same)

    @classmethod
    def given(cls, file: str | None = None) -> Keys:
        """Read the keys of a file, one a line, or else those of the variable PET_API_KEYS.

        Raises
        ------
        UsageError
            When the file cannot be read or has no key, or a key is impossible.
        """
        if file is None:
            return cls(filter(None, re.split(r"[\s,]+", os.environ.get(VARIABLE, ""))))
        keys = cls(_in_file(file))
        keys._file = file
        return keys

    def read_again(self) -> None:
        """Read the file of the keys again, if they are of one: what it lacks opens nothing more.

        Raises
        ------
        UsageError
            As for `given`; the keys stay as they were.
        """
        if self._file is not None:
            self._hashes = self._checked(_in_file(self._file))


def _in_file(file: str) -> list[str]:
    try:
        lines = Path(file).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"{file}: the keys cannot be read: {reason}.") from error
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not keys:
        raise UsageError(f"{file}: there is no key.", "Write one a line.")
    return keys


def key_of(authorization: str | None, own: str | None) -> str | None:
    """Return the key of a request's headers ``Authorization: Bearer KEY`` or ``X-API-Key: KEY``."""
    if own:
        return own.strip()
    kind, _, key = (authorization or "").partition(" ")
    return key.strip() if kind.lower() == "bearer" and key.strip() else None


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
