"""Errors that a person can act on: what was expected, what was found, where, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PetError(Exception):
    """Anything `pet` refuses or cannot finish; the command line shows it as one message.

    Parameters
    ----------
    message : str
        What was expected, what was found, and where.
    hint : str, optional
        What to do about it; shown on a line of its own.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message}\n  {hint}")


class UsageError(PetError):
    """An option, argument or setting that makes no sense."""

    exit_code = 2


class PatternError(PetError):
    """A pattern that cannot be parsed, or does not fit its task or backbone."""


class VerbalizerError(PetError):
    """A verbalizer that is malformed, or whose words a tokenizer cannot represent."""


class TaskError(PetError):
    """A task that is unknown, malformed or inconsistent."""


class DataError(PetError):
    """A file or object whose rows are not what the task expects."""


class BackboneError(PetError):
    """A model that cannot be loaded, or cannot do what is asked of it."""


class RunError(PetError):
    """A run folder that cannot be read, written or continued."""


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known value, or lists what is known."""
    names = [str(name) for name in known]
    lowered = {name.lower(): name for name in names}
    near = difflib.get_close_matches(found.lower(), list(lowered), n=1, cutoff=0.5)
    if near:
        return f"Did you mean {lowered[near[0]]!r}?"
    shown = ", ".join(repr(name) for name in names[:20])
    return f"Known: {shown}{', ...' if len(names) > 20 else '.'}"
