"""pet check: look at the data before spending time on it."""

from __future__ import annotations

from typing import Any

import click

from pet.cli.console import echo
from pet.cli.inputs import RowReader, chosen_task, require_files
from pet.cli.options import settings_options, task_option, verbalizer_option
from pet.cli.reading_options import data_options
from pet.config import Settings
from pet.config.files import Reading
from pet.errors import for_command_line


@click.command(name="check")
@task_option
@verbalizer_option
@click.option("--train", "train_file", required=True, help="Labelled examples.")
@click.option("--unlabeled", help="Unlabelled text.")
@click.option("--test", help="Test examples; only compared with the others.")
@data_options
@settings_options("backbone", "template")
def command(
    task: str,
    verbalizers: tuple[str, ...],
    train_file: str,
    unlabeled: str | None,
    test: str | None,
    columns: tuple[str, ...],
    reading: Reading,
    **flat: Any,
) -> None:
    """Check columns, label names, class counts, duplicates, overlap, lengths and label words.

    With --soft it also counts the slots of patterns, and the tokens that are left for the text.

    \b
    Example: pet check --task reviews --train train.jsonl --unlabeled pool.jsonl
    """
    rows = RowReader.from_options(chosen_task(task, verbalizers), columns, reading)
    require_files(train_file, unlabeled, test)
    settings = Settings.from_flat(flat)

    from pet.pipeline.checking import check

    report = check(
        rows.task,
        rows.labelled(train_file),
        rows.examples(unlabeled, "ignored") if unlabeled else None,
        rows.examples(test) if test else None,
        settings,
    )
    echo("\n".join(report.lines))
    if report.warnings:
        echo("\n" + "\n".join(f"warning: {for_command_line(text)}" for text in report.warnings))
    else:
        echo("\nNothing to worry about.")
