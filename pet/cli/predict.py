"""pet predict: label texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pet.cli.console import loading, require_output
from pet.cli.importing import importing
from pet.cli.inputs import require_files
from pet.cli.options import compute_options, spreadsheet_option, threshold_option
from pet.cli.output import check_format, refuse_input
from pet.cli.reading_options import column_mapping, data_options
from pet.config.files import Reading
from pet.errors import UsageError
from pet.runs.finding import model_folder, require_bank

if TYPE_CHECKING:
    from pet.cli.labeller import Labeller


@click.command(name="predict")
@click.argument("model", required=False)
@click.option("--input", "source", help="Texts: a file of any format, hf:NAME:SPLIT, or - .")
@click.option(
    "--text",
    "texts",
    multiple=True,
    help="Instead of --input: the text of a field; one for each field, in order. Repeatable.",
)
@click.option(
    "-o", "--output", default="-", show_default=True, help="File (.jsonl, .csv, ...), or - ."
)
@click.option(
    "--on-error",
    type=click.Choice(["stop", "skip", "null"]),
    default="stop",
    show_default=True,
    help="A row that cannot be read, such as an empty text: stop after the rows before it, leave "
    "it out, or write it without a label.",
)
@spreadsheet_option
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
    source: str | None,
    texts: tuple[str, ...],
    output: str,
    on_error: str,
    for_spreadsheets: bool,
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

    Each output row has all columns of the input row, unchanged, then the label, its probability and
    those of all labels. If the input has a column of such a name, the new one is called
    predicted_label and so on. Several labels are a list in jsonl and joined by the task's separator
    in tables. With --threshold a row whose prediction is less likely keeps its probabilities but
    has no label: null in jsonl, empty in tables.

    Rows are written as they are labelled: the first after 16 were read, later ones in chunks of up
    to 1,024. If the command ends early, the rows written so far stay. With --on-error skip or null
    the rows that cannot be read are counted at the end; the exit code is 1 only if no row could be.

    With --bank each row names its task in a column and is labelled by that task's prompt, many
    tasks in one pass through the backbone; in tables the columns are those of all tasks.

    \b
    Example: pet predict runs/first --input new.csv -o labelled.csv
             pet predict runs/first --text "The soup was cold."
             pet predict --bank prompts --input mixed.jsonl -o labelled.jsonl
    """
    _check_options(model, bank, backbone, source, texts)
    mapping = column_mapping(columns)
    if output == "-":
        require_output()
    require_files(source)
    if bank is not None:
        require_bank(bank)
    else:
        model_folder(str(model))
    loading(bank or str(model))

    with importing():
        from pet.cli.labeller import Labeller
        from pet.cli.labelling import label_and_write

    check_format(output, for_spreadsheets)
    refuse_input(output, source)
    if bank is not None:
        from pet.model import PromptBank

        prompts = PromptBank.load(bank, backbone, device, precision)
        labeller = Labeller.bank(prompts, task_column, mapping, threshold or 0.0)
    else:
        labeller = Labeller.model(str(model), mapping, threshold or 0.0, device, precision)
    rows = source if source is not None else _rows_of_texts(labeller, texts)
    label_and_write(labeller, rows, reading, output, on_error, for_spreadsheets)


def _check_options(
    model: str | None,
    bank: str | None,
    backbone: str | None,
    source: str | None,
    texts: tuple[str, ...],
) -> None:
    if (model is None) == (bank is None):
        raise UsageError("Expected MODEL or --bank DIR, one of them.", "See pet predict --help.")
    if backbone is not None and bank is None:
        raise UsageError("--backbone goes with --bank; MODEL has its backbone in its folder.")
    if (source is None) == (not texts):
        raise UsageError("Expected --input or --text, one of them.", "See pet predict --help.")
    if texts and bank is not None:
        raise UsageError(
            "--text goes with MODEL.", f"Name one of the bank's prompts: pet predict {bank}/NAME."
        )


def _rows_of_texts(labeller: Labeller, texts: tuple[str, ...]) -> list[dict[str, str]]:
    (task,) = labeller.tasks.values()
    size = len(task.fields)
    if len(texts) % size:
        raise UsageError(
            f"Expected a text for each of {', '.join(task.fields)}; found {len(texts)}.",
            "Give " + " ".join(f"--text <{field}>" for field in task.fields),
        )
    starts = range(0, len(texts), size)
    return [dict(zip(task.fields, texts[at : at + size], strict=True)) for at in starts]
