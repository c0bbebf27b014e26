"""Help of commands with many options: the most used ones in groups, all of them with --help-all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from pet.cli.console import echo
from pet.cli.words import words_of

# What the sections of `pet.config.CONFIGS` are called above their options.
SECTIONS = {
    "backbone": "Language model",
    "training": "Training of members",
    "template": "Learned slots in patterns",
    "ensemble": "Members and ensemble",
    "ipet": "Generations (iPET)",
    "distillation": "Distillation",
    "adaptation": "Adaptation of the language model",
}
_FILES = ("column", "columns", "label_map", "empty_labels", "file_format", "delimiter", "encoding",
          "quoting")  # fmt: skip


class Setting(click.Option):
    """An option that knows the group of settings that it belongs to.

    Parameters
    ----------
    section : str, optional
        Name of its group in `pet.config.CONFIGS`.
    """

    def __init__(self, *args: Any, section: str | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self.section = section


class Grouped(click.Command):
    """A command whose --help shows some of its options, and --help-all all, each in their groups.

    Parameters
    ----------
    first : mapping
        Title of a group to the names of its parameters, for --help.
    """

    def __init__(self, *args: Any, first: Mapping[str, Sequence[str]], **more: Any) -> None:
        super().__init__(*args, **more)
        self._first = first
        known = {parameter.name for parameter in self.params}
        assert all(name in known for names in first.values() for name in names), first
        count = sum(isinstance(p, click.Option) and not p.hidden for p in self.params)
        self.params.append(
            click.Option(
                ["--help-all"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_show_all,
                help=f"Show all {count} options.",
            )
        )

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group."""
        for title, options in self._groups(context):
            records = [record for option in options if (record := option.get_help_record(context))]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Explain the words in what is shown."""
        shown = [option for _, options in self._groups(context) for option in options]
        if words := words_of(self, shown):
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(words)

    def _groups(self, context: click.Context) -> Iterator[tuple[str, list[click.Parameter]]]:
        by_name = {
            parameter.name: parameter
            for parameter in self.get_params(context)
            if isinstance(parameter, click.Option) and not parameter.hidden
        }
        for title, names in self._first.items():
            yield title, [by_name.pop(name) for name in names]
        about_help = {"--help-all", *context.help_option_names}
        last = [option for option in by_name.values() if about_help & {*option.opts}]
        if context.meta.get(__name__):
            others: dict[str, list[click.Parameter]] = {"More": []}
            for option in by_name.values():
                if option in last:
                    continue
                others.setdefault(_title(option), []).append(option)
            yield from others.items()
        yield "Help", [*last]


def _title(option: click.Option) -> str:
    section = getattr(option, "section", None)
    if section is None:
        return "Reading of files" if option.name in _FILES else "More"
    return SECTIONS.get(section, "More")


def _show_all(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        context.meta[__name__] = True
        echo(context.get_help())
        context.exit()
