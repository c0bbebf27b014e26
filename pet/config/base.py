"""Settings, declared once with their help and limits, and checked when a value is given."""

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
    """Declare one setting: default, help text, limit; its annotation says which values it takes.

    A number is at least ``low`` or greater than ``above``, and at most ``high`` or less than
    ``below`` where there is such a limit. A setting that does not decide a result but where it is
    computed is no part of what a run was asked. ``formerly`` is an earlier name of the setting, and
    ``formerly_values`` maps earlier names of its values to today's: all are still understood, see
    `pet.config.formerly`.
    """
    limits = {"low": low, "above": above, "high": high, "below": below}
    earlier = {"formerly": formerly, "formerly_values": formerly_values}
    return field(
        default=default,
        metadata={"help": text, "decides": decides, **earlier, **limits},
    )


def deciding(config: Any) -> dict[str, Any]:
    """`dataclasses.asdict` of the settings that decide a result."""
    own = {f.name: getattr(config, f.name) for f in fields(config) if f.metadata.get("decides", 1)}
    return {name: deciding(v) if is_dataclass(v) else v for name, v in own.items()}


class Checked:
    """Base class of configurations: validates the values, which are plain Python then.

    Lists may be given as texts too, as on the command line: "0,2-3", or "words,prototypes".
    """

    def __post_init__(self) -> None:
        kinds = _annotations(type(self))
        for item in fields(self):  # type: ignore[arg-type]
            value = _checked(item, kinds[item.name], getattr(self, item.name))
            object.__setattr__(self, item.name, value)


def choices_of(config: type, name: str) -> tuple[str, ...]:
    """Return the names that a setting takes, those from outside too; () if it takes any value."""
    return _choices(_annotations(config)[name])


def _annotations(config: type) -> dict[str, Any]:
    return get_type_hints(config, include_extras=True)


def _choices(kind: Any) -> tuple[str, ...]:
    if get_origin(kind) is tuple or NoneType in get_args(kind):
        return _choices(get_args(kind)[0])
    if get_origin(kind) is Literal:
        return get_args(kind)
    if get_origin(kind) is Annotated:
        return names_of(kind)
    return ()


def names_of(annotation: Any) -> tuple[str, ...]:
    """Return the names of an annotation such as ``Annotated[str, Names(...), Names(...)]``."""
    every = [name for names in annotation.__metadata__ for name in names.all()]
    return tuple(dict.fromkeys(every))


def _checked(item: Field[Any], kind: Any, value: Any) -> Any:
    """Return a value of the kind that a setting declares, or say what it must be."""
    if NoneType in get_args(kind):
        return None if value is None else _checked(item, get_args(kind)[0], value)
    if hasattr(value, "item") and not getattr(value, "shape", ()):
        value = value.item()  # a number of numpy, such as a grid search tries
    if get_origin(kind) is tuple:
        return _list(item, get_args(kind)[0], value)
    if choices := _choices(kind):
        if not isinstance(value, str) or value not in choices:
            raise UsageError(
                f"{_named(item)}={value!r} is unknown.", did_you_mean(str(value), choices)
            )
        return value
    if kind in (int, float):
        return _number(item, kind, value)
    if isinstance(value, PathLike):
        value = fspath(value)
    if not isinstance(value, kind):
        named = {str: "text", bool: "True or False"}.get(kind, f"a {kind.__name__}")
        raise UsageError(f"{_named(item)} must be {named}, not {value!r}.")
    return value


def _named(item: Field[Any]) -> str:
    """Name a setting in a message, as `pet.errors.PetError` takes it."""
    return f"`--{item.name.replace('_', '-')}`"


def _number(item: Field[Any], kind: type, value: Any) -> Any:
    low, above, high, below = (item.metadata[name] for name in ("low", "above", "high", "below"))
    limits = [f"from {low:g}" if above is None else f"above {above:g}"]
    limits += [] if high is None else [f"to {high:g}"]
    limits += [] if below is None else [f"and below {below:g}"]
    real = isinstance(value, int | float) and not isinstance(value, bool)
    fits = real and (value >= low if above is None else value > above)
    fits = fits and (high is None or value <= high) and (below is None or value < below)
    if not fits:
        raise UsageError(f"{_named(item)} must be a number {' '.join(limits)}, not {value!r}.")
    if kind is float:
        return value
    if not math.isfinite(value) or value != int(value):
        raise UsageError(f"{_named(item)} must be a whole number, not {value!r}.")
    return int(value)


def _list(item: Field[Any], kind: Any, value: Any) -> tuple[Any, ...]:
    if isinstance(value, str):
        value = number_list(value, _named(item)) if kind is int else word_list(value)
    several = isinstance(value, Iterable) and not isinstance(value, bytes | Mapping)
    found = tuple(_checked(item, kind, own) for own in value) if several else ()
    if not found or len(set(found)) < len(found):
        raise UsageError(f"{_named(item)} must be one or more different values, not {value!r}.")
    return found


def number_list(text: str, name: str, alternative: str = "") -> tuple[int, ...]:
    """Parse "13,21" or "0,2-3"; a number that is repeated counts once."""
    numbers: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        if not match or (match[2] and int(match[2]) < int(match[1])):
            raise UsageError(f"{name} {text!r}: expected numbers such as 0,2-3{alternative}.")
        numbers += range(int(match[1]), int(match[2] or match[1]) + 1)
    return tuple(dict.fromkeys(numbers))


def word_list(text: str) -> tuple[str, ...]:
    """Parse "words,prototypes"; a word that is repeated counts once."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
