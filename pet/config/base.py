"""Settings: declared once with their help and limits, checked whenever a value is given."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import Field, field, fields, is_dataclass
from os import PathLike, fspath
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pet.errors import UsageError, did_you_mean


def setting(
    default: Any,
    text: str,
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    below: float | None = None,
    decides: bool = True,
    formerly: str | None = None,
    formerly_values: Mapping[Any, Any] | None = None,
) -> Any:
    """Declare one setting of a `Checked` class; the field's annotation gives its values.

    Parameters
    ----------
    default : object
        Default value.
    text : str
        Help text; settings in it are written as options in backquotes.
    low, above, high, below : float, optional
        Limits of a number: at least ``low`` or greater than ``above``, at most ``high`` or less
        than ``below``.
    decides : bool
        Whether results depend on it. Other settings are left out of a run's record.
    formerly : str, optional
        Earlier name of the setting, which still works; see `pet.config.formerly`.
    formerly_values : mapping, optional
        Earlier names of its values to today's.
    """
    limits = {"low": low, "above": above, "high": high, "below": below}
    earlier = {"formerly": formerly, "formerly_values": formerly_values}
    return field(
        default=default,
        metadata={"help": text, "decides": decides, **earlier, **limits},
    )


def deciding(config: Any) -> dict[str, Any]:
    """Return the settings that decide a result, as `dataclasses.asdict` would."""
    values = {
        item.name: getattr(config, item.name)
        for item in fields(config)
        if item.metadata.get("decides", True)
    }
    return {name: deciding(v) if is_dataclass(v) else v for name, v in values.items()}


class Checked:
    """Base class of configurations: checks the values and converts them to plain Python.

    Lists may be given as texts too, as on the command line: "0,2-3", or "words,prototypes".

    Raises
    ------
    UsageError
        When a value is not one that its setting takes.
    """

    def __post_init__(self) -> None:
        annotations = _annotations(type(self))
        for item in fields(self):  # type: ignore[arg-type]
            value = _checked(item, annotations[item.name], getattr(self, item.name))
            object.__setattr__(self, item.name, value)


def choices_of(config: type, name: str) -> tuple[str, ...]:
    """Return the names that a setting takes, with those of other packages; () if all values do."""
    return _choices(_annotations(config)[name])


def settings_but(config: Any, *read: str) -> frozenset[str]:
    """Return the names of a configuration's settings, without those that are ``read``."""
    return frozenset(item.name for item in fields(config) if item.name not in read)


def _annotations(config: type) -> dict[str, Any]:
    return get_type_hints(config, include_extras=True)


def _choices(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is tuple or NoneType in get_args(annotation):
        return _choices(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if get_origin(annotation) is Annotated:
        return names_of(annotation)
    return ()


def names_of(annotation: Any) -> tuple[str, ...]:
    """Return the names of an annotation such as ``Annotated[str, Names(...), Names(...)]``."""
    every = [name for names in annotation.__metadata__ for name in names.all()]
    return tuple(dict.fromkeys(every))


def _checked(item: Field[Any], annotation: Any, value: Any) -> Any:
    """Return a value as its annotation has it, or refuse it with a `UsageError`."""
    if NoneType in get_args(annotation):
        return None if value is None else _checked(item, get_args(annotation)[0], value)
    if hasattr(value, "item") and not getattr(value, "shape", ()):
        value = value.item()  # a number of numpy, as from a grid search
    if get_origin(annotation) is tuple:
        return _list(item, get_args(annotation)[0], value)
    if choices := _choices(annotation):
        if not isinstance(value, str) or value not in choices:
            raise UsageError(
                f"{_named(item)}={value!r} is unknown.", did_you_mean(str(value), choices)
            )
        return value
    if annotation in (int, float):
        return _number(item, annotation, value)
    if isinstance(value, PathLike):
        value = fspath(value)
    if not isinstance(value, annotation):
        expected = {str: "text", bool: "True or False"}.get(annotation, f"a {annotation.__name__}")
        raise UsageError(f"{_named(item)} must be {expected}, not {value!r}.")
    return value


def _named(item: Field[Any]) -> str:
    """Return a setting's name for messages: an option in backquotes, see `pet.errors.PetError`."""
    return f"`--{item.name.replace('_', '-')}`"


def _number(item: Field[Any], number_type: type, value: Any) -> int | float:
    low, above, high, below = (item.metadata[name] for name in ("low", "above", "high", "below"))
    limits = [f"from {low:g}" if above is None else f"above {above:g}"]
    limits += [] if high is None else [f"to {high:g}"]
    limits += [] if below is None else [f"and below {below:g}"]
    real = isinstance(value, int | float) and not isinstance(value, bool)
    fits = real and (value >= low if above is None else value > above)
    fits = fits and (high is None or value <= high) and (below is None or value < below)
    if not fits:
        raise UsageError(f"{_named(item)} must be a number {' '.join(limits)}, not {value!r}.")
    if number_type is float:
        return value  # type: ignore[no-any-return]
    if not math.isfinite(value) or value != int(value):
        raise UsageError(f"{_named(item)} must be a whole number, not {value!r}.")
    return int(value)


def _list(item: Field[Any], annotation: Any, value: Any) -> tuple[Any, ...]:
    """Return a list's values, each as ``annotation`` has it."""
    if isinstance(value, str):
        value = number_list(value, _named(item)) if annotation is int else word_list(value)
    several = isinstance(value, Iterable) and not isinstance(value, bytes | Mapping)
    values = tuple(_checked(item, annotation, entry) for entry in value) if several else ()
    if not values or len(set(values)) < len(values):
        raise UsageError(f"{_named(item)} must be one or more different values, not {value!r}.")
    return values


def number_list(text: str, name: str, alternative: str = "") -> tuple[int, ...]:
    """Parse "13,21" or "0,2-3"; repeated numbers count once.

    Parameters
    ----------
    text : str
        Numbers and ranges, separated by commas.
    name : str
        Name of the setting or option, for messages.
    alternative : str
        End of the message that names another value than numbers, such as ", or all".

    Raises
    ------
    UsageError
        When the text is something else.
    """
    numbers: list[int] = []
    for entry in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", entry)
        if not match or (match[2] and int(match[2]) < int(match[1])):
            raise UsageError(f"{name} {text!r}: expected numbers such as 0,2-3{alternative}.")
        numbers += range(int(match[1]), int(match[2] or match[1]) + 1)
    return tuple(dict.fromkeys(numbers))


def word_list(text: str) -> tuple[str, ...]:
    """Parse "words,prototypes"; repeated words count once."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
