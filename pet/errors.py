"""Errors that people can act on: expected, found, where, and what to do."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

# An option in a message or a help text: `--name` or `--name VALUE`, in backquotes.
_OPTION = re.compile(r"`--([a-z][a-z0-9-]*)(?: ([^`]+))?`")
# Files that a Python call hands over as what is in them.
_INPUTS = {"train": "labelled examples", "unlabeled": "unlabelled texts"}


def for_command_line(text: str) -> str:
    """Write the options of a text as people type them: ``--temper none``."""
    return _OPTION.sub(lambda option: option[0].strip("`"), text)


def for_python(text: str) -> str:
    """Write the options of a text as parameters: ``temper='none'``."""

    def parameter(option: re.Match[str]) -> str:
        name, value = option[1].replace("-", "_"), option[2]
        if value == "FILE" and name in _INPUTS:
            return _INPUTS[name]
        if name.startswith("no_"):
            return f"{name.removeprefix('no_')}=False"
        if value is None:
            return name
        if "=" in value:  # --column FIELD=COLUMN, one of several
            plural = name if name.endswith("map") else f"{name}s"
            return f"{plural}={dict([value.split('=', 1)])}"
        literal = value.isupper() or re.fullmatch(r"[\d.,-]+", value)
        return f"{name}={value if literal else repr(value)}"

    return _OPTION.sub(parameter, text)


_SHORT = reprlib.Repr()
_SHORT.maxlevel = 3
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 100
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 20


class PetError(Exception):
    """Base class of the errors of `pet`; the command line shows one as a single message.

    Errors of what a caller gave, such as data, tasks and parameters, are a `ValueError` too.

    Parameters
    ----------
    message : str
        Expected value, given value and place. Settings are written as options in backquotes, such
        as ```--temper none```: `str` shows them as parameters, the command line as options.
    hint : str, optional
        Next step for the user; shown on a separate line.

    Attributes
    ----------
    message : str
        Message and hint with options in backquotes, for use in other messages.

    Examples
    --------
    >>> from pet import PetError, load_task
    >>> try:
    ...     load_task("revews")
    ... except PetError as error:
    ...     print(error)
    No built-in task 'revews'.
      Did you mean 'reviews'? Or give a .py, .toml or .json file; pet init makes one from rows.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        self.message = message if hint is None else f"{message}\n  {hint}"
        super().__init__(self.message)

    def __str__(self) -> str:
        return for_python(self.message)


class UsageError(PetError, ValueError):
    """An option, argument or setting with an impossible value."""

    exit_code = 2


class PatternError(PetError, ValueError):
    """A pattern that cannot be parsed, or does not fit its task or backbone."""


class VerbalizerError(PetError, ValueError):
    """A verbalizer that is malformed, or whose words a tokenizer cannot represent."""


class TaskError(PetError, ValueError):
    """A task that is unknown, malformed or inconsistent."""


class DataError(PetError, ValueError):
    """A file or object whose rows are not what the task expects.

    Parameters
    ----------
    message, hint
        As of `PetError`.
    kind : tuple of str, optional
        What is wrong, without the place and without what was found there: the same for all rows
        with this fault. By default the message tells.
    """

    def __init__(
        self, message: str, hint: str | None = None, kind: tuple[str, ...] | None = None
    ) -> None:
        super().__init__(message, hint)
        self.kind = kind


class BackboneError(PetError):
    """A model that cannot be loaded, or cannot be used for a task."""


class RunError(PetError):
    """A run folder that cannot be read, written or continued."""


def quoted(value: object, most: int = 200) -> str:
    """Return a value as Python writes it, cut to ``most`` characters, for a message.

    Examples
    --------
    >>> from pet.errors import quoted
    >>> quoted("fine"), len(quoted("x" * 10**6)), len(quoted([["x" * 10**6] * 9] * 9))
    ("'fine'", 203, 203)
    """
    try:
        # A text is cut first, so that a very long one is not copied.
        text = repr(value[: most + 1]) if isinstance(value, str) else _SHORT.repr(value)
    except Exception:  # a number of more digits than Python writes, an object of anybody's class
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= most + 2 else text[:most] + "..."


class OutOfMemoryError(PetError):
    """Memory, of a GPU or of the machine, that did not suffice."""


# Parts of the messages by which torch says so, where the error's type does not.
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")
_LOWER = (
    "Lower `--batch-size` (and raise `--accumulation` as much: the numbers stay the same), "
    "`--distill-batch-size` or `--max-length`; train less with `--scope lora` or head; take "
    "`--precision bf16`, or a smaller `--backbone`."
)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error of Python, numpy or torch says that memory did not suffice."""
    if isinstance(error, MemoryError):
        return True
    named = type(error).__name__ == "OutOfMemoryError" or any(
        sign in str(error) for sign in _NO_MEMORY
    )
    return isinstance(error, RuntimeError) and named  # torch is not imported here


@contextmanager
def memory_told(place: str, hint: str = _LOWER) -> Iterator[None]:
    """Turn an error that says so into one `OutOfMemoryError` with what to lower.

    Parameters
    ----------
    place : str
        What was done, to begin the message with.
    hint : str
        What to lower; by default the settings of a training.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise OutOfMemoryError(f"{place}: memory ran out: {reason}", hint) from error


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known value, or lists the known values."""
    names = [str(name) for name in known]
    given = given[:100]  # what is longer is like none, and takes long to compare
    lowered = {name.lower(): name for name in names}
    near = difflib.get_close_matches(given.lower(), list(lowered), n=1, cutoff=0.5)
    if near:
        return f"Did you mean {lowered[near[0]]!r}?"
    shown = ", ".join(repr(name) for name in names[:20])
    return f"Known: {shown}{', ...' if len(names) > 20 else '.'}"
