"""pet bank: prompts of several tasks for one frozen backbone."""

from __future__ import annotations

import click

from pet.cli.console import echo, remark
from pet.cli.options import compute_options
from pet.errors import RunError, UsageError, for_command_line
from pet.evaluation.tables import text_table
from pet.runs import PromptFiles
from pet.runs.finding import require_run_or_model


@click.command(name="bank")
@click.argument("bank")
@click.option(
    "--add",
    "sources",
    multiple=True,
    metavar="RUN",
    help="Put in the task of a run, a saved classifier or a prompt's folder. Repeatable.",
)
@click.option("--name", help="Name of the task of --add.  [default: the task's]")
@click.option("--replace", is_flag=True, help="Let --add replace a task of the same name.")
@click.option("--drop", multiple=True, metavar="NAME", help="Remove a task. Repeatable.")
@compute_options
def command(
    bank: str,
    sources: tuple[str, ...],
    name: str | None,
    replace: bool,
    drop: tuple[str, ...],
    device: str,
    precision: str,
) -> None:
    """Keep the prompts of several tasks in the folder BANK, and list them.

    A prompt holds the members of a run and their weights, not the classifier that was distilled
    from them. Members must not change the backbone: those of --soft KIND --scope prompt, or
    untrained ones (--method zero-shot); and all must be of one backbone. Each task is a folder of
    a few kilobytes in BANK, which may also be copied or removed by hand.

    \b
    Example: pet bank prompts --add runs/reviews --add runs/topics
             pet predict --bank prompts --input mixed.jsonl
    """
    if name is not None and len(sources) != 1:
        raise UsageError("--name names one task; give it with one --add.")
    for source in sources:
        require_run_or_model(source)
    if not (sources or drop or PromptFiles.in_bank(bank)):
        raise RunError(f"{bank}: no prompts are here.", f"pet bank {bank} --add RUN puts one in.")

    from pet.model import change_bank, prompt_folders, read_prompt

    prompts = [read_prompt(source, device, precision) for source in sources]
    added = [(prompt.name if name is None else name, prompt) for prompt in prompts]
    change_bank(bank, drop, added, replace)
    rows, unread = [], []
    for task, folder in prompt_folders(bank).items():
        try:
            prompt = read_prompt(folder)
        except RunError as error:
            unread.append(for_command_line(error.message))
            rows.append([task, "cannot be read", "", "", ""])
            continue
        labels = str(len(prompt.card["task"]["labels"]))
        rows.append([task, prompt.made_of, labels, f"{prompt.learned:,}", prompt.backbone])
    echo(text_table(rows, ["task", "members", "labels", "learned numbers", "backbone"]))
    if unread:
        remark("\n" + "\n".join(unread))
