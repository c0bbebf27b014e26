"""The command line: one file a command, loaded only when that command is called.

A command is made in three steps. Write ``pet/cli/NAME.py`` with a `click` command called
``command``, and add NAME to `COMMANDS`. Take its options from the settings with
`pet.cli.options.settings_options`, so that names, defaults and help are those of `pet.config`. A
task and its files, with which most commands start, come with `pet.cli.inputs.input_options` as one
argument, ``inputs``. In its body first check names and files (``inputs.check()``), then import
heavy modules: so a mistyped name is reported at once.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from pet.cli.console import ReadableFormatter, remark, use_utf8
from pet.cli.signals import Ended, ending_in_order
from pet.cli.waiting import wait_briefly
from pet.cli.words import words_of
from pet.errors import PetError, UsageError, did_you_mean, for_command_line, memory_told
from pet.version import __version__

COMMANDS = {
    "tasks": "List the built-in tasks, or show one.",
    "init": "Write a task file for labelled rows, or for label names.",
    "check": "Look at the data before spending time on training.",
    "train": "Train on a few labels and unlabelled text: the whole pipeline.",
    "predict": "Label texts.",
    "serve": "Answer requests over HTTP, with a page to try the model on.",
    "bank": "Keep the prompts of several tasks for one frozen backbone.",
    "evaluate": "Compare predictions with true labels.",
    "patterns": "Rank a task's patterns on a few labelled examples.",
    "suggest": "Find the unlabelled texts worth labelling next.",
    "label": "Label texts on a page in the browser.",
    "adapt": "Train a masked LM on a domain's raw text.",
    "explain": "Show why a text gets its label.",
    "report": "Make one HTML page about a run or a study.",
    "fewshot": "Compare methods over draws of a few labels.",
    "verbalize": "Find label words.",
    "templates": "Make candidate patterns and rank them.",
}

# These keep what is finished in a folder, and go on from there.
_GOING_ON = ("train", "fewshot", "adapt")
_INTERRUPTED = "Interrupted."
_KEPT = "What was finished is kept; the same command goes on from there."


class _Lazy(click.Group):
    """Group that loads a command from the module of its name."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"pet.cli.{name}").command
        command.epilog = words_of(command)
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not context.resilient_parsing:
            raise UsageError(f"No such command {name!r}.", did_you_mean(name, COMMANDS))
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-q", "--quiet", is_flag=True, help="Show errors and results only.")
@click.option("-v", "--verbose", is_flag=True, help="Show every step.")
@click.version_option(__version__, prog_name="pet")
@click.pass_context
def cli(context: click.Context, quiet: bool, verbose: bool) -> None:
    """Few-shot text classification with Pattern-Exploiting Training.

    \b
    Start with:
      pet tasks reviews
      pet check --task reviews --train train.jsonl
      pet train --task reviews --train train.jsonl -o runs/first
      pet predict runs/first --input new.jsonl

    \b
    For completion of commands and options by Tab (bash; zsh and fish have zsh_source, fish_source):
      eval "$(_PET_COMPLETE=bash_source pet)"
    """
    level = logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ReadableFormatter())
    logging.basicConfig(level=logging.ERROR, handlers=[handler])
    logging.getLogger("pet").setLevel(level)
    if not verbose:  # pet reports what matters itself
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    named = {"command": context.invoked_subcommand}
    context.ensure_object(dict).update(quiet=quiet, verbose=verbose, **named)


def main() -> None:
    """Run the command line; every expected failure is one message and exit code 1 or 2.

    A command that is interrupted ends as shells have it: 130 after Ctrl-C.
    """
    use_utf8()
    wait_briefly()
    said: dict[str, Any] = {}  # by the command, about itself
    try:
        with ending_in_order(), memory_told("This command cannot go on"):
            cli.main(standalone_mode=False, obj=said)
    except click.exceptions.Abort:
        _stop_interrupted(said, 128 + signal.SIGINT)
    except Ended as ended:
        _stop_interrupted(said, ended.exit_code)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        _stop(shown.getvalue().rstrip("\n"), error.exit_code)
    except PetError as error:
        _stop(f"Error: {for_command_line(error.message)}", error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader has closed the pipe, as `| head` does
        sys.exit(1)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        _stop(f"Error: {name}{error.strerror or error}.", 1)


def _stop_interrupted(said: Mapping[str, Any], code: int) -> None:
    goes_on = said.get("command") in _GOING_ON
    told = f"{_INTERRUPTED} {_KEPT}" if goes_on else _INTERRUPTED
    _stop("\n".join(filter(None, [told, said.get("kept")])), code)


def _stop(message: str, code: int) -> None:
    remark(message)
    sys.exit(code)
