"""Options of several commands; those of the settings are made from `pet.config`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import Field, fields
from functools import partial
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

import click

from pet.cli.console import say
from pet.cli.grouped_help import Setting
from pet.config import CONFIGS, BackboneConfig, Settings, choices_of
from pet.config.base import number_list, word_list
from pet.config.formerly import value_today
from pet.config.soft import SOFT_KINDS, SOFT_RECIPES
from pet.config.study import BASELINES
from pet.errors import for_command_line

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
if TYPE_CHECKING:
    _TextChoice = click.Choice[str]
else:
    _TextChoice = click.Choice


def settings_options(*names: str | type) -> Decorator:
    """Add an option for every field of some configurations.

    A configuration is a class of `pet.config`, or its name in `pet.config.CONFIGS`.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names):
            config: Any = CONFIGS[name] if isinstance(name, str) else name
            for item in reversed(fields(config)):
                section = next((key for key, one in CONFIGS.items() if one is config), None)
                command = setting_option(config, item, section)(command)
        return command

    return decorate


def setting_option(config: Any, item: Field[Any], section: str | None = None) -> Decorator:
    """Make the option of a setting, and a hidden one with its earlier name if it had one.

    ``section`` is the name of its group in `pet.config.CONFIGS`, if it is in one.
    """
    expected = get_type_hints(config)[item.name]
    if NoneType in get_args(expected):
        (expected,) = (choice for choice in get_args(expected) if choice is not NoneType)
    choices = choices_of(config, item.name)
    value_type: Any = _Choice(item, choices) if choices else expected
    option = _option(item, expected, value_type, section)
    if item.metadata["formerly"] is None:
        return option
    if values := item.metadata["formerly_values"]:
        value_type = click.Choice(list(values))
    earlier = _earlier_option(item, expected, value_type)
    return lambda command: option(earlier(command))


def _option(item: Field[Any], expected: Any, value_type: Any, section: str | None) -> Decorator:
    flag, text = flag_of(item.name), for_command_line(item.metadata["help"])
    option = partial(click.option, cls=Setting, section=section)
    default: Any = item.default
    if expected is bool:
        return option(f"{flag}/--no-{flag[2:]}", default=default, show_default=True, help=text)
    if get_origin(expected) is tuple:
        return option(
            flag,
            default=None if default is None else ",".join(map(str, default)),
            show_default=default is not None,
            help=text,
            callback=_numbers if get_args(expected)[0] is int else _words,
        )
    return option(
        flag, type=value_type, default=default, show_default=default is not None, help=text
    )


def _earlier_option(item: Field[Any], expected: Any, value_type: Any) -> Decorator:
    """Make a hidden option whose value becomes the default of the setting's option."""
    flag, today = flag_of(item.metadata["formerly"]), flag_of(item.name)

    def hand_on(context: click.Context, _: click.Parameter, value: Any) -> None:
        if value is None:
            return
        meant = value_today(item, value)
        if expected is bool:
            say(f"{flag} {value} is now {today if meant else '--no-' + today[2:]}.")
        else:
            say(f"{flag} is now {today}.")
        context.default_map = {**(context.default_map or {}), item.name: meant}

    # Eager, so that it is seen before the option that takes the value as its default.
    return click.option(
        flag, type=value_type, hidden=True, expose_value=False, is_eager=True, callback=hand_on
    )


class _TaskName(click.types.StringParamType):
    """Name of a task; a command without one says what a task is."""

    def get_missing_message(self, param: Any, ctx: Any = None) -> str:
        """Say where a task comes from."""
        return (
            "A task says what the labels, patterns and label words are. Give the name of a "
            "built-in one, which pet tasks lists, or a file with your own; pet init makes one from "
            "labelled rows."
        )


class _Choice(_TextChoice):
    """Choice among a setting's values that also accepts their earlier names."""

    def __init__(self, item: Field[Any], choices: tuple[str, ...]) -> None:
        super().__init__(choices)
        self._item = item

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return today's value; say so if the value is an earlier name."""
        today = value_today(self._item, value)
        if today != value:
            flag = flag_of(self._item.name)
            say(f"{flag} {value} is now {flag} {today}.")
        try:
            return super().convert(today, param, ctx)
        except click.BadParameter as error:
            if self._item.name != "method":
                raise
            message = error.message + _method_elsewhere(str(value))
            raise click.BadParameter(message, ctx, param) from error


def _method_elsewhere(name: str) -> str:
    """Say where a method of a study belongs in a single run; nothing for other names."""
    if name in BASELINES.all():
        return f" It is a method to compare with: pet fewshot --methods pet,{name}."
    if name in (*SOFT_KINDS.all(), *SOFT_RECIPES.all()):
        return f" Say --soft {name}."
    return ""


def flag_of(name: str) -> str:
    """Return the option of a setting."""
    return "--" + name.replace("_", "-")


def _numbers(_: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    return number_list(text, parameter.opts[0])


def _words(_: click.Context, __: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    return None if text is None else word_list(text)


TASK_HELP = "A built-in task's name, or a .py (it is run), .toml or .json file that defines one."


def task_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --task."""
    return click.option(
        "--task",
        required=True,
        type=_TaskName(),
        help=TASK_HELP,
    )(command)


def drafted_task_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --task for commands that draft a task where none is given, and --labels."""
    command = click.option(
        "--labels",
        metavar="A,B,...",
        help="Labels of the drafted task.  [default: those of the labelled rows]",
    )(command)
    return click.option("--task", help=f"{TASK_HELP}  [default: drafted from the labelled rows]")(
        command
    )


def verbalizer_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --verbalizer."""
    return click.option(
        "--verbalizer",
        "verbalizers",
        multiple=True,
        metavar="FILE",
        help="Label words instead of the task's, in all patterns: a .json file such as pet "
        "verbalize writes, or a built-in name. Repeatable.",
    )(command)


def patterns_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --patterns, for `pattern_numbers`."""
    return click.option(
        "--patterns", help="Numbers of patterns, such as 0,2-3, or all.  [default: all]"
    )(command)


def method_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --method."""
    (item,) = (item for item in fields(Settings) if item.name == "method")
    return setting_option(Settings, item)(command)


def seed_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --seed."""
    return click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=Settings.seed,
        show_default=True,
        help="Random seed.",
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
        help="Abstain if no label has this probability; best after pet train --temper folds.",
    )(command)


def spreadsheet_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --for-spreadsheets."""
    return click.option(
        "--for-spreadsheets",
        is_flag=True,
        help="In .csv and .tsv put ' before cells that a spreadsheet would run as a formula. pet "
        "reads such cells back with the '.",
    )(command)


def _number(_: click.Context, option: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):  # a range does not refuse nan
        raise click.BadParameter("expected a number from 0 to 1, found nan.", param=option)
    return value


def compute_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --device and --precision."""
    for item in reversed(fields(BackboneConfig)):
        if item.name in ("device", "precision"):
            command = setting_option(BackboneConfig, item)(command)
    return command


def pattern_numbers(text: str | None) -> tuple[int, ...] | None:
    """Parse "0,2-3" or "all"."""
    return None if text is None or text == "all" else number_list(text, "--patterns", ", or all")
