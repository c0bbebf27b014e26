"""pet suggest: the unlabelled texts that are worth labelling next."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from pet.cli.console import echo, loading, progress_bars, require_output, say
from pet.cli.grouped_help import Grouped
from pet.cli.inputs import chosen_task, require_files
from pet.cli.options import (
    pattern_numbers,
    patterns_option,
    seed_option,
    settings_options,
    spreadsheet_option,
    verbalizer_option,
)
from pet.cli.output import check_format, opened, refuse_input
from pet.cli.reading_options import data_options
from pet.cli.row_reader import RowReader
from pet.config import Settings, SuggestConfig
from pet.config.files import Reading
from pet.errors import UsageError
from pet.runs.finding import require_run_or_model

_TASK_ONLY = {
    "verbalizers": "--verbalizer",
    "patterns": "--patterns",
    "backbone": "--backbone",
    "max_length": "--max-length",
}


@click.command(
    name="suggest",
    cls=Grouped,
    first={
        "Texts": ("unlabeled", "labelled_files", "task"),
        "Choice": ("number", "by"),
        "Result": ("output", "force"),
    },
)
@click.argument("model", required=False)
@click.option("--task", help="Instead of MODEL: a task's untrained patterns, without labels.")
@verbalizer_option
@patterns_option
@click.option("--unlabeled", required=True, help="Texts to choose from: a file of rows, or - .")
@click.option(
    "--train", "labelled_files", multiple=True,
    help="Leave out texts that have a label in this file, besides those of the run. Repeatable.",
)  # fmt: skip
@click.option("-n", "--number", type=click.IntRange(min=1), default=20, show_default=True,
              help="Number of texts.")  # fmt: skip
@settings_options(SuggestConfig)
@seed_option
@click.option(
    "-o", "--output", default="-", show_default=True,
    help="File to be filled in (.jsonl, .csv, .xlsx, ...), or - .",
)  # fmt: skip
@spreadsheet_option
@click.option("--force", is_flag=True, help="Write over a file that exists.")
@data_options
@settings_options("backbone")
def command(
    model: str | None,
    task: str | None,
    verbalizers: tuple[str, ...],
    patterns: str | None,
    unlabeled: str,
    labelled_files: tuple[str, ...],
    number: int,
    by: Any,
    candidates: int,
    seed: int,
    output: str,
    for_spreadsheets: bool,
    force: bool,
    columns: tuple[str, ...],
    reading: Reading,
    **backbone: Any,
) -> None:
    """Suggest the unlabelled texts that MODEL is unsure of: a run folder or any saved model.

    Writes their rows with an empty label; pet train reads the file once you have filled it in. In
    tasks with several labels a text the label is "?", not labelled yet: an empty cell says that a
    text has none of the labels. A text's decisions about each label count together there.

    A file that exists is replaced, with --force, when the new one is whole.
    With --task instead of MODEL no label is needed at all.

    \b
    Example: pet suggest runs/first --unlabeled pool.jsonl -n 20 -o next.csv
    """
    if (model is None) == (task is None):
        raise UsageError("Expected MODEL or --task, one of them.", "See: pet suggest --help")
    source_of = click.get_current_context().get_parameter_source
    given = [_TASK_ONLY[n] for n in _TASK_ONLY if source_of(n) is not ParameterSource.DEFAULT]
    if model and given:
        raise UsageError(f"{given[0]} goes with --task; MODEL has its own.")
    _check_output(output, force, for_spreadsheets)
    config = SuggestConfig(by, candidates)
    numbers = pattern_numbers(patterns)
    settings = Settings.from_flat({"seed": seed, "patterns": numbers, **backbone})
    require_files(unlabeled, *labelled_files)
    refuse_input(output, unlabeled, *labelled_files)
    if output == "-":
        require_output()
    if model is not None:
        require_run_or_model(model)
        loading(model)
    else:
        chosen_task(str(task), verbalizers, numbers)

    from pet.data import Pool, has_labels, reusable
    from pet.data.labelling import original_rows, write_unlabelled
    from pet.data.spreadsheets import plain_cells
    from pet.evaluation.tables import percent, text_table
    from pet.search.panel import Panel
    from pet.search.suggestion import suggest
    from pet.seeds import RunStream, derived_seed
    from pet.task.kinds import task_kind
    from pet.task.labels import label_text

    panel = (
        Panel.load(model, settings.backbone.device, settings.backbone.precision) if model else None
    )
    known_task = panel.task if panel else chosen_task(str(task), verbalizers, numbers)
    rows, source = RowReader.from_options(known_task, columns, reading), reusable(unlabeled)
    read_as = rows.columns("ignored")
    labelled = panel.labelled() if panel else None
    known = [*labelled.train, *labelled.dev] if labelled else []
    for file in labelled_files:
        known += [row for row in rows.examples(file, "optional") if row.label is not None]
    if has_labels(source, read_as, rows.reading):
        say(f"The labels in {unlabeled} are ignored.")
    # A run's pool lacks the examples that it was trained on. Without them this pool is known to be
    # the same, and its stored scores are read.
    excluded = labelled.train if labelled else known
    pool = Pool(partial(rows.examples, source, "ignored"), excluded)
    with progress_bars() as progress:
        panel = panel or Panel.untrained(known_task, settings, pool)
        suggestions = suggest(
            panel, pool, number, config, derived_seed(seed, RunStream.SUGGESTION), known, progress
        )
    chosen = original_rows(
        [suggestion.example for suggestion in suggestions], source, read_as, rows.reading
    )
    if for_spreadsheets:
        chosen = [plain_cells(row) for row in chosen]
    unlabelled = task_kind(known_task).unlabelled
    with opened(output) as stream:
        write_unlabelled(stream, chosen, read_as.label, output, unlabelled)
    if len(suggestions) < number:
        say(f"Only {len(suggestions)} texts are not labelled yet.")
    if output != "-":
        cells = [
            [_one_line(suggestion.example.texts),
             label_text(suggestion.guess, f"{known_task.label_separator} ") or "-",
             percent(suggestion.prediction.probability), f"{suggestion.value:.3f}"]
            for suggestion in suggestions
        ]  # fmt: skip
        echo(text_table(cells, ["text", "guess", "probability", by]))
        waits = f" A cell with {unlabelled} is not labelled yet." if unlabelled else ""
        say(f"Fill in the column {read_as.label!r} of {output}.{waits}")


def _check_output(output: str, force: bool, for_spreadsheets: bool) -> None:
    check_format(output, for_spreadsheets)
    if output != "-" and Path(output).exists() and not force:
        raise UsageError(
            f"-o {output} exists; it may hold labels.", "Choose another name, or use --force."
        )


def _one_line(texts: Mapping[str, str]) -> str:
    """Return the texts in one line of whole words."""
    from textwrap import shorten

    return shorten(" | ".join(texts.values()), 60, placeholder="...")
