"""Options that commands share; those of the settings are made from `pet.config`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click

from pet.config import CONFIGS, Settings, choices_of
from pet.config.base import number_list, word_list
from pet.errors import UsageError

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def settings_options(*names: str | type) -> Decorator:
    """Add one option for every field of these configurations.

    They are classes of `pet.config`, or the names that `pet.config.CONFIGS` has for them.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names):
            config = CONFIGS[name] if isinstance(name, str) else name
            for item in reversed(fields(config)):
                command = _option(config, item)(command)
        return command

    return decorate


def _option(config: type, item: Any) -> Decorator:
    flag = "--" + item.name.replace("_", "-")
    text, choices, default = item.metadata["help"], choices_of(config, item.name), item.default
    if isinstance(default, bool):
        return click.option(
            f"{flag}/--no-{flag[2:]}", default=default, show_default=True, help=text
        )
    if isinstance(default, tuple):
        return click.option(
            flag,
            default=",".join(map(str, default)),
            show_default=True,
            help=text,
            callback=_numbers if isinstance(default[0], int) else _words,
        )
    kind: Any = click.Choice(choices) if choices else type(default)
    if default is None:
        kind = {"int | None": int, "str | None": str}.get(item.type, float)
    return click.option(
        flag, type=kind, default=default, show_default=default is not None, help=text
    )


def _numbers(context: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    return number_list(text, parameter.opts[0])


def _words(context: click.Context, parameter: click.Parameter, text: str) -> tuple[str, ...]:
    return word_list(text)


def task_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --task."""
    return click.option(
        "--task", required=True, help="A built-in task's name, or a .py file that defines one."
    )(command)


def verbalizer_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --verbalizer."""
    return click.option(
        "--verbalizer",
        "verbalizers",
        multiple=True,
        metavar="FILE",
        help="Label words instead of the task's own, in all patterns: a .json file such as pet "
        "verbalize writes, or a built-in name. Repeatable.",
    )(command)


def patterns_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --patterns, for `pattern_numbers`."""
    return click.option(
        "--patterns", help="Numbers of patterns, such as 0,2-3, or all.  [default: all]"
    )(command)


def seed_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --seed."""
    return click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=Settings.seed,
        show_default=True,
        help="Of every draw.",
    )(command)


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --column and --format, which say how rows are read."""
    command = click.option(
        "--format",
        "file_format",
        type=click.Choice(["jsonl", "csv", "tsv"]),
        help="Format of standard input and of files with another ending.",
    )(command)
    return click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="FIELD=COLUMN",
        help="Read a field (or 'label') from this column. Repeatable.",
    )(command)


def plot_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --plots and --plot-format."""
    command = click.option(
        "--plot-format",
        type=click.Choice(["svg", "pdf", "png"]),
        default="svg",
        show_default=True,
        help="Format of the diagrams.",
    )(command)
    return click.option(
        "--plots", metavar="DIR", help="Also draw diagrams into this folder (extra 'plots')."
    )(command)


def threshold_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --threshold."""
    return click.option(
        "--threshold",
        type=click.FloatRange(0, 1),
        callback=_number,
        help="Abstain where no label has this probability; best after pet train --calibrate folds.",
    )(command)


def _number(_: click.Context, option: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):  # which is in no range and outside of none
        raise click.BadParameter("expected a number from 0 to 1, found nan.", param=option)
    return value


def compute_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --device and --precision."""
    for item in reversed(fields(CONFIGS["backbone"])):
        if item.name in ("device", "precision"):
            command = _option(CONFIGS["backbone"], item)(command)
    return command


def column_mapping(columns: tuple[str, ...]) -> dict[str, str]:
    """Parse FIELD=COLUMN pairs."""
    mapping = {}
    for pair in columns:
        name, equals, column = pair.partition("=")
        if not equals or not name or not column:
            raise UsageError(f"--column {pair!r}: expected FIELD=COLUMN, such as text=review.")
        mapping[name] = column
    return mapping


def pattern_numbers(text: str | None) -> tuple[int, ...] | None:
    """Parse "0,2-3" or "all"."""
    return None if text is None or text == "all" else number_list(text, "--patterns", ", or all")


def suffix(file_format: str | None) -> str | None:
    """Turn --format into a file ending."""
    return None if file_format is None else f".{file_format}"
