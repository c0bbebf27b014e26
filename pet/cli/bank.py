"""pet bank: prompts of several tasks for one frozen backbone."""

from __future__ import annotations

import click

from pet.cli.options import compute_options


@click.command(name="bank")
@click.argument("bank")
@click.option(
    "--add",
    "sources",
    multiple=True,
    metavar="RUN",
    help="Put in the task of a run, a saved classifier or a prompt's folder. Repeatable.",
)
@click.option("--name", help="What --add calls the task.  [default: its own name]")
@click.option("--drop", multiple=True, metavar="NAME", help="Remove a task. Repeatable.")
@compute_options
def command(
    bank: str,
    sources: tuple[str, ...],
    name: str | None,
    drop: tuple[str, ...],
    device: str,
    precision: str,
) -> None:
    """Keep the prompts of several tasks in the folder BANK, and list them.

    What is put in are the members of a run that leave the backbone alone: those of --soft KIND
    --scope prompt, or untrained ones (--method zero-shot). All must be of one backbone. Each task
    is a folder of a few kilobytes in BANK, which may also be copied or removed by hand.

    \b
    Example: pet bank prompts --add runs/reviews --add runs/topics
             pet predict --bank prompts --input mixed.jsonl
    """
    from pet.bank import read_prompt, remove_prompt, store_prompt, stored_prompts
    from pet.errors import RunError, UsageError
    from pet.evaluation import text_table

    if name is not None and len(sources) != 1:
        raise UsageError("--name names one task; give it with one --add.")
    for own in drop:
        remove_prompt(bank, own)
    for source in sources:
        prompt = read_prompt(source, device, precision)
        store_prompt(bank, prompt.name if name is None else name, prompt)
    found = stored_prompts(bank)
    if not found and not drop:
        raise RunError(f"{bank}: no prompts are here.", f"pet bank {bank} --add RUN puts one in.")
    rows = [
        [
            own,
            prompt.made_of,
            str(len(prompt.card["task"]["labels"])),
            f"{prompt.learned:,}",
            prompt.backbone,
        ]
        for own, prompt in found.items()
    ]
    click.echo(text_table(rows, ["task", "members", "labels", "learned numbers", "backbone"]))
