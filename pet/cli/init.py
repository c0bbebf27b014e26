"""pet init: a task file out of labelled rows, or out of label names."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import click

from pet.cli.console import say
from pet.cli.inputs import Inputs, input_options
from pet.cli.options import settings_options
from pet.cli.reading_options import reading_arguments
from pet.config import BackboneConfig, Settings
from pet.errors import UsageError


@click.command(name="init")
@click.argument("files", nargs=-1)
@input_options(train_required=False, patterns=False, unlabeled="Unlabelled text.", drafts=True)
@click.option("-o", "--output", required=True, metavar="FILE", help="Task: .py, .toml or .json.")
@click.option(
    "--refine/--no-refine",
    default=True,
    show_default=True,
    help="Find label words on the examples and choose patterns by them; or take the label names.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@settings_options(BackboneConfig)
def command(
    files: tuple[str, ...],
    inputs: Inputs,
    output: str,
    refine: bool,
    force: bool,
    **backbone: Any,
) -> None:
    """Write a task for labelled rows in FILES, or for --labels: a file to read and to edit.

    The columns of texts and labels are found, generic patterns are filled in, and words are found
    that the language model prefers for each label's examples. pet train does the same where no
    --task is given.

    \b
    Example: pet init tickets.csv -o tickets.py
    """
    from pet.drafting.file import check_ending, draft_text

    check_ending(output)
    if os.path.lexists(output) and not force:
        raise UsageError(f"-o {output}: this file exists.", "Choose another, or add --force.")
    inputs = inputs.with_more(files)
    inputs.check()

    from pet.cli.drafted import tell, untold_draft
    from pet.cli.output import opened

    settings = Settings(backbone=BackboneConfig(**backbone))
    draft = untold_draft(inputs, settings, refine)
    tell(draft)
    with opened(output) as stream:
        stream.write(draft_text(draft, output))
    say(f"\nThe task is {output}. Read it, change words and patterns, and go on with:")
    say(f"  pet train {shlex.join(_next(inputs, output))}")


def _next(inputs: Inputs, output: str) -> list[str]:
    """Return the arguments of pet train that read the same files with the task."""
    typed = ["--task", output]
    for file in inputs.train_files:
        typed += ["--train", file]
    if not inputs.train_files:
        typed += ["--method", "ipet"]
    if inputs.unlabeled or not inputs.train_files:
        typed += ["--unlabeled", inputs.unlabeled or "pool.csv"]
    return [*typed, *reading_arguments(inputs.reading), "-o", f"runs/{Path(output).stem}"]
