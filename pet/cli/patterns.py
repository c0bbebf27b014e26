"""pet patterns: rank a task's patterns on the labelled examples alone."""

from __future__ import annotations

import json
from typing import Any

import click

from pet.cli.options import (
    chosen_task,
    column_mapping,
    data_options,
    pattern_numbers,
    settings_options,
    suffix,
    task_option,
    verbalizer_option,
)
from pet.config import RankConfig, Settings


@click.command(name="patterns")
@task_option
@verbalizer_option
@click.option("--train", "train_file", required=True, help="Labelled examples.")
@click.option(
    "--shots", type=click.IntRange(min=1), help="Draw this many of each label from --train."
)
@click.option("--unlabeled", help="Unlabelled text: shows how far patterns agree on it.")
@click.option(
    "--unlabeled-limit", type=click.IntRange(min=1), default=1000, show_default=True,
    help="Use a random sample of it.",
)  # fmt: skip
@click.option("--patterns", help="Numbers of patterns, such as 0,2-3, or all.  [default: all]")
@settings_options(RankConfig)
@click.option("--seed", type=int, default=Settings.seed, show_default=True, help="Of every draw.")
@click.option("--json", "json_file", metavar="FILE|-", help="Also write the figures as JSON.")
@data_options
@settings_options("backbone", "training")
def command(
    task: str,
    verbalizers: tuple[str, ...],
    train_file: str,
    shots: int | None,
    unlabeled: str | None,
    unlabeled_limit: int,
    patterns: str | None,
    trained: bool,
    halvings: int | None,
    json_file: str | None,
    columns: tuple[str, ...],
    file_format: str | None,
    **flat: Any,
) -> None:
    """Rank a task's patterns by the labels they predict for held-out labelled examples.

    Needs no development set: the examples are halved at random many times, and each half is
    predicted from the other. Says how likely each pattern is the best of them. Without --trained
    every pattern reads the examples once, which takes seconds.

    \b
    Example: pet patterns --task reviews --train train.jsonl --unlabeled pool.jsonl
    """
    config = RankConfig(trained, halvings)
    settings = Settings.from_flat({**flat, "patterns": pattern_numbers(patterns)})

    from pet.cli.console import opened, progress_bars, say
    from pet.data import Columns, Data, Pool, draw_shots, examples_from, reusable
    from pet.search.ranking import rank_patterns
    from pet.seeds import derived_seed

    known = chosen_task(task, verbalizers)
    known.select(settings.patterns)
    mapping, ending = column_mapping(columns), suffix(file_format)
    train = list(examples_from(train_file, Columns(known, mapping), ending))
    if shots is not None:
        train = draw_shots(train, known.labels, shots, derived_seed(settings.seed, 3))
    pool = None
    if unlabeled is not None:
        source, read_as = reusable(unlabeled), Columns(known, mapping, "ignored")
        seed = derived_seed(settings.seed, 4)
        pool = Pool(lambda: examples_from(source, read_as, ending), train, unlabeled_limit, seed)
    with progress_bars() as progress:
        found = rank_patterns(known, settings, Data(train, (), pool), config, progress)
    text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False)
    if json_file == "-":
        click.echo(text)
        return
    if json_file:
        with opened(json_file) as stream:
            stream.write(text + "\n")
    click.echo(found.table())
    say(f"Use the first with: pet train --task {task} --patterns {found.patterns[0].pattern} ...")
