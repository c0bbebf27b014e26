"""Damage: whatever goes wrong while a stored file is read becomes one message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pet.errors import BackboneError, OutOfMemoryError, PetError, RunError, is_out_of_memory

_LONGEST = 200


class Damage(Exception):
    """A stored file that is not what was written; ``way_out`` is a hint besides the usual one."""

    def __init__(self, reason: str, way_out: str = "") -> None:
        super().__init__(reason)
        self.way_out = way_out


@contextmanager
def reading(place: Path | str, remedy: str) -> Iterator[None]:
    """Turn every error inside this context, in which a stored file is read, into a `RunError`.

    The readers of JSON, of arrays and of tensors have no common error, and a damaged file makes
    each of them raise another; or it is well-formed, but a task, a pattern or an ensemble refuses
    its values.

    Parameters
    ----------
    place : Path or str
        The file or folder, for the message.
    remedy : str
        Next step for the user.

    Raises
    ------
    RunError
        When the file is damaged or cannot be read.
    """
    try:
        yield
    except (RunError, BackboneError, OutOfMemoryError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise damaged(place, error, remedy) from error


def damaged(place: Path | str, error: Exception, remedy: str) -> RunError:
    """Return the message about a damaged file."""
    if isinstance(error, Damage) and error.way_out:
        remedy = f"{remedy}\n  {error.way_out}"
    return RunError(f"{place}: damaged: {_reason(error)}.", remedy)


def _reason(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error).strip()
    if isinstance(error, PetError):
        reason = error.message
    if isinstance(error, LookupError) or not reason:  # their texts are keys alone
        reason = repr(error)
    reason = " ".join(reason.split()).removesuffix(".")
    return reason if len(reason) <= _LONGEST else reason[: _LONGEST - 3] + "..."
