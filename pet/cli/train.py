"""pet train: the whole pipeline."""

from __future__ import annotations

import logging
from typing import Any

import click
from click.core import ParameterSource

from pet.cli.console import say
from pet.cli.drafted import keep, task_and_draft
from pet.cli.grouped_help import Grouped
from pet.cli.inputs import Inputs, input_options
from pet.cli.options import method_option, settings_options
from pet.cli.typed import typed_command
from pet.config import METHODS, Settings, deciding
from pet.config.base import choices_of
from pet.errors import UsageError
from pet.runs import RunFolder

log = logging.getLogger(__name__)


@click.command(
    name="train",
    cls=Grouped,
    first={
        "Data": ("train_files", "unlabeled", "test", "task", "labels"),
        "Run": ("output", "force"),
        "Method": ("method", "backbone", "max_steps"),
    },
)
@input_options(
    train_required=False,
    unlabeled="Unlabelled text; a label column in it is ignored.",
    drafts=True,
)
@click.option("--unlabeled-limit", type=click.IntRange(min=0), help="Use a random sample of it.")
@click.option("--dev", help="Development examples: turns on early stopping.")
@click.option("--test", help="Test examples: used at the very end, for the table.")
@method_option
@click.option("-o", "--output", required=True, metavar="RUN", help="Run folder.")
@click.option("--force", is_flag=True, help="Start over if the run folder exists.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=Settings.jobs,
    show_default=True,
    help=Settings.__dataclass_fields__["jobs"].metadata["help"],
)
@click.option(
    "--save-precision",
    type=click.Choice(choices_of(Settings, "save_precision")),
    default=Settings.save_precision,
    show_default=True,
    help=Settings.__dataclass_fields__["save_precision"].metadata["help"],
)
@click.option("--per-class", is_flag=True, help="Also show figures for every label.")
@settings_options(
    "backbone", "training", "template", "ensemble", "ipet", "distillation", "adaptation"
)
def command(
    inputs: Inputs,
    unlabeled_limit: int | None,
    dev: str | None,
    test: str | None,
    output: str,
    force: bool,
    per_class: bool,
    **flat: Any,
) -> None:
    """Train on a few labels and unlabelled text.

    Writes a run folder; its classifier/ is all that pet predict needs. Run the same command again
    after an interruption: finished steps are not repeated.

    Without --task one is drafted: columns and labels are found in the labelled rows, words and
    patterns are chosen on them, and the task is kept in RUN/task.py, to be edited. With --labels
    and --unlabeled no labelled row is needed.

    \b
    Example: pet train --train tickets.csv --unlabeled pool.csv -o runs/tickets
    Example: pet train --task reviews --train train.jsonl --unlabeled pool.jsonl -o runs/first
    """
    settings = inputs.settings(_with_method(flat, inputs))
    inputs.check(dev, test)
    draft, inputs = task_and_draft(inputs, settings, None if force else output)
    known = {"task": inputs.task.to_dict(), "settings": deciding(settings)}
    RunFolder.refuse_another(output, known, force)

    from pet.cli.console import echo, is_verbose, loading, progress_bars
    from pet.data import Data
    from pet.evaluation.report_table import report_table
    from pet.evaluation.run_report import run_report
    from pet.pipeline import asked, drop_leftovers, finished, run

    task, rows = inputs.task, inputs.rows
    train, pool = inputs.train, inputs.pool(unlabeled_limit)
    rows.require_labelled(test)  # its faults must not cost a training
    data = Data(train, rows.labelled(dev) if dev else [], pool)
    folder = RunFolder.start(output, asked(task, settings, data), force)
    if draft is not None:
        keep(draft, folder)
    if finished(folder):
        drop_leftovers(folder)
        say(f"{output} was finished before.")
    else:
        with progress_bars() as progress:
            run(task, settings, data, folder, progress)
    folder.log_command(typed_command())
    tests = rows.labelled_stream(test) if test else None
    loading("the model for the table")
    report = run_report(folder, settings, data, tests, keep=True)
    echo(report_table(report, per_class, is_verbose()))
    for cost in report.costs():
        log.info(cost)
    if test is None and report.records:
        say(
            f"These are figures of the labelled examples{_learned(settings)}. --test FILE shows "
            "how it does on others."
        )
    for remark in report.remarks:
        say(remark)
    say(_result(f"{output}/{folder.classifier}", report.rows[-1].name, settings.method))
    say(f"Try: pet predict {output} --input FILE")


def _with_method(flat: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    """Return options with a method that learns without labels, where there are names alone."""
    source = click.get_current_context().get_parameter_source("method")
    names_alone = inputs.labels and not inputs.train_files and inputs.task_name is None
    if not names_alone or source is not ParameterSource.DEFAULT:
        return flat
    if inputs.unlabeled is None:
        raise UsageError(
            "Label names alone say too little: expected `--unlabeled FILE`, or `--train FILE`.",
            "With `--method zero-shot` nothing is trained, and no text is needed.",
        )
    say("There are no labelled rows: --method ipet, which begins with what the words say.")
    return {**flat, "method": "ipet"}


def _learned(settings: Settings) -> str:
    """Say whether the model has learned from the labelled examples."""
    training = METHODS[settings.method].training(settings.training)
    return "; no weights were trained" if training.max_steps == 0 else ", from which it learned"


def _result(folder: str, row: str, method: str) -> str:
    """Say what is in the folder of a run's model, which the last row of its report names."""
    if row == "classifier":
        return f"The classifier is in {folder}: a plain Hugging Face model, with its card."
    distil = "--unlabeled FILE" if METHODS[method].distils else "--method pet --unlabeled FILE"
    return (
        f"The model is in {folder}: an ensemble, which only pet loads. For a plain Hugging Face "
        f"classifier train with unlabelled text: {distil}"
    )
