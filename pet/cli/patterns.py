"""pet patterns: rank a task's patterns on the labelled examples alone."""

from __future__ import annotations

import json
from typing import Any

import click

from pet.cli.grouped_help import Grouped
from pet.cli.inputs import Inputs, input_options
from pet.cli.options import settings_options
from pet.config import RankConfig


@click.command(
    name="patterns",
    cls=Grouped,
    first={
        "Data": ("task", "train_files", "unlabeled"),
        "Ranking": ("patterns", "halvings", "backbone"),
        "Result": ("json_file",),
    },
)
@input_options(unlabeled="Unlabelled text: shows how far patterns agree on it.")
@click.option(
    "--unlabeled-limit", type=click.IntRange(min=1), default=1000, show_default=True,
    help="Use a random sample of it.",
)  # fmt: skip
@settings_options(RankConfig)
@click.option("--json", "json_file", metavar="FILE|-", help="Also write the figures as JSON.")
@settings_options("backbone", "training")
def command(
    inputs: Inputs,
    unlabeled_limit: int,
    trained: bool,
    halvings: int | None,
    json_file: str | None,
    **flat: Any,
) -> None:
    """Rank a task's patterns by the labels they predict for held-out labelled examples.

    Needs no development set: the examples are halved at random many times, and each half is
    predicted from the other. Shows how likely each pattern is the best. Without --trained every
    pattern reads the examples once, which takes seconds.

    \b
    Example: pet patterns --task reviews --train train.jsonl --unlabeled pool.jsonl
    """
    config = RankConfig(trained, halvings)
    settings = inputs.settings(flat)
    inputs.check()

    from pet.cli.console import echo, progress_bars, say
    from pet.cli.output import opened
    from pet.data import Data
    from pet.evaluation.ranking import rank_patterns

    data = Data(inputs.train, (), inputs.pool(unlabeled_limit))
    with progress_bars() as progress:
        ranking = rank_patterns(inputs.task, settings, data, config, progress)
    text = json.dumps(ranking.to_dict(), indent=2, ensure_ascii=False)
    if json_file == "-":
        echo(text)
        return
    if json_file:
        with opened(json_file) as stream:
            stream.write(text + "\n")
    echo(ranking.table())
    kept = ",".join(map(str, sorted(ranking.sure)))
    say(f"Use these with: pet train --task {inputs.task_name} --patterns {kept} ...")
