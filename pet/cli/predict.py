"""pet predict: label texts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pet.cli.inputs import require_files
from pet.cli.options import compute_options, threshold_option
from pet.cli.output import opened
from pet.cli.reading_options import column_mapping, data_options
from pet.config.files import Reading
from pet.errors import UsageError
from pet.runs.finding import model_folder, require_bank

if TYPE_CHECKING:
    from pet.data import Example
    from pet.model import Prediction
    from pet.task import Task

    # The name of a row's task in a bank, otherwise ""; the row; and its prediction.
    Labelled = tuple[str, Example, Prediction]


@click.command(name="predict")
@click.argument("model", required=False)
@click.option("--input", "source", required=True, help="Texts: .jsonl, .csv, .tsv, or - .")
@click.option(
    "-o", "--output", default="-", show_default=True, help="File (.jsonl, .csv, .tsv), or - ."
)
@click.option("--bank", metavar="DIR", help="Instead of MODEL: prompts that pet bank put together.")
@click.option(
    "--task-column",
    default="task",
    show_default=True,
    metavar="COLUMN",
    help="With --bank: the column that names each row's task.",
)
@click.option("--backbone", help="With --bank: the folder of its backbone, if that was moved.")
@threshold_option
@data_options
@compute_options
def command(
    model: str | None,
    source: str,
    output: str,
    bank: str | None,
    task_column: str,
    backbone: str | None,
    threshold: float | None,
    columns: tuple[str, ...],
    reading: Reading,
    device: str,
    precision: str,
) -> None:
    """Label texts with MODEL, a run folder, a saved classifier or a prompt of a bank.

    Each output row repeats the texts and adds the label, its probability and those of all labels.
    Several labels are a list in jsonl and joined by the task's separator in csv. Rows are written
    one by one; a row that cannot be read stops the command, and the rows before it stay. With
    --threshold a row whose prediction is less likely keeps its probabilities but has no label:
    null in jsonl, empty in csv.

    With --bank each row names its task in a column and is labelled by that task's prompt, many
    tasks in one pass through the backbone. The task stands first in the output row; in csv the
    columns are those of all tasks.

    \b
    Example: pet predict runs/first --input new.csv -o labelled.csv
             pet predict --bank prompts --input mixed.jsonl -o labelled.jsonl
    """
    if (model is None) == (bank is None):
        raise UsageError("Expected MODEL or --bank DIR, one of them.", "See pet predict --help.")
    if backbone is not None and bank is None:
        raise UsageError("--backbone goes with --bank; MODEL has its backbone in its folder.")
    require_files(source)
    if bank is not None:
        require_bank(bank)
    else:
        model_folder(str(model))

    from pet.data import Columns, examples_from
    from pet.data.formats import rows_writer, written_format
    from pet.model import PromptBank, load_model
    from pet.model.prediction import predict_stream

    written = written_format(output)
    if Path(output).is_file() and Path(source).is_file() and Path(output).samefile(source):
        raise UsageError(f"-o {output} is the input file.", "Give the labelled copy another name.")
    mapping, least = column_mapping(columns), threshold or 0.0
    labelled: Iterator[Labelled]
    if bank is not None:
        prompts = PromptBank.load(bank, backbone, device, precision)
        tasks = prompts.tasks
        named = prompts.examples(source, task_column, mapping, reading)
        labelled = prompts.predict_stream(named, threshold=least)
        task_columns = [task_column]
    else:
        loaded = load_model(str(model), device, precision)
        tasks, task_columns = {"": loaded.task}, []
        examples = examples_from(source, Columns(loaded.task, mapping, "ignored"), reading)
        labelled = (("", *row) for row in predict_stream(loaded, examples, threshold=least))
    first = list(islice(labelled, 1))  # an unreadable input leaves an older output as it is
    with opened(output) as stream:
        fields = dict.fromkeys(name for task in tasks.values() for name in task.fields)
        labels = dict.fromkeys(label for task in tasks.values() for label in task.labels)
        shares = [f"p({label})" for label in labels]
        names = [*task_columns, *fields, "label", "probability", *shares]
        row_of = _nested_row if written.is_nested else _flat_row
        with rows_writer(stream, output, names) as write:
            for name, example, prediction in chain(first, labelled):
                row = row_of(tasks[name], example, prediction)
                write({**dict.fromkeys(task_columns, name), **row})


def _flat_row(task: Task, example: Example, prediction: Prediction) -> dict[str, str]:
    """Return an output row of text cells: several labels are joined, every label has a column."""
    from pet.task.labels import label_text

    return {
        **example.texts,
        "label": label_text(prediction.label or "", task.label_separator),
        "probability": f"{prediction.probability:.6f}",
        **{f"p({label})": f"{share:.6f}" for label, share in prediction.probabilities.items()},
    }


def _nested_row(task: Task, example: Example, prediction: Prediction) -> dict[str, Any]:
    return {
        **example.texts,
        "label": prediction.label,
        "probability": round(prediction.probability, 6),
        "probabilities": {k: round(p, 6) for k, p in prediction.probabilities.items()},
    }
