"""Earlier names of settings and of their values, translated into today's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from typing import Any

from pet.errors import UsageError


def earlier_names(config: Any) -> dict[str, Field[Any]]:
    """Map the earlier names of a configuration's settings to the settings."""
    return {name: item for item in fields(config) if (name := item.metadata.get("formerly"))}


def value_today(item: Field[Any], value: Any) -> Any:
    """Return today's name of a setting's value; other values are unchanged."""
    renamed = item.metadata.get("formerly_values") or {}
    return renamed.get(value, value) if isinstance(value, str) else value


def names_today(
    config: Any,
    values: Mapping[str, Any],
    tell: Callable[[str, str], None] = lambda earlier, today: None,
) -> dict[str, Any]:
    """Return values under the names that a configuration's settings have today.

    Parameters
    ----------
    config : class
        A class of settings.
    values : mapping
        Setting names, of today or earlier, to values; other names are unchanged.
    tell : callable
        Called with every earlier name or value that was given, and today's: ``"calibrate"``,
        ``"temper"``; ``"scope='all'"``, ``"scope='full'"``.

    Raises
    ------
    UsageError
        When a setting is given under both of its names.
    """
    renamed, known = earlier_names(config), {item.name: item for item in fields(config)}
    result: dict[str, Any] = {}
    for name, value in values.items():
        item = renamed.get(name) or known.get(name)
        if item is None:
            result[name] = value
            continue
        if item.name in values and item.name != name:
            raise UsageError(f"{name} is the earlier name of {item.name}; give one of them.")
        today = value_today(item, value)
        if item.name != name:
            tell(name, item.name)
        elif today is not value:
            tell(f"{name}={value!r}", f"{name}={today!r}")
        result[item.name] = today
    return result
