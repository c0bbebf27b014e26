"""Docstring entries of settings as parameters, made from their help texts."""

from __future__ import annotations

import textwrap
from dataclasses import MISSING, Field, fields
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from pet.config.base import choices_of
from pet.errors import for_python


def numpydoc_parameters(config: Any, indent: int = 4) -> str:
    """Return the settings of a configuration as entries of a numpydoc section "Parameters".

    Fields that are configurations themselves are left out.
    """
    entries = [_entry(config, item) for item in fields(config) if "help" in item.metadata]
    return textwrap.indent("\n".join(entries), " " * indent)


def _entry(config: Any, item: Field[Any]) -> str:
    expected = get_type_hints(config)[item.name]
    types = [one for one in get_args(expected) if one is not NoneType]
    optional = NoneType in get_args(expected)
    named = _named(types[0] if optional else expected, choices_of(config, item.name))
    default = None if item.default in (None, MISSING) else item.default
    ending = ", optional" if default is None else f", default {_shown(default)}"
    text = textwrap.fill(for_python(item.metadata["help"]), 88, break_on_hyphens=False)
    return f"{item.name} : {named}{ending}\n{textwrap.indent(text, ' ' * 4)}"


def _named(expected: Any, choices: tuple[str, ...]) -> str:
    """Name a type as numpydoc does: ``int``, ``{"a", "b"}``, ``sequence of int or str``."""
    if get_origin(expected) is tuple:
        inner = get_args(expected)[0]
        return f"sequence of {'int' if inner is int else 'str'}, or str"
    if choices:
        return "{" + ", ".join(f'"{choice}"' for choice in choices) + "}"
    return str(expected.__name__)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return f'"{value}"' if isinstance(value, str) else str(value)
