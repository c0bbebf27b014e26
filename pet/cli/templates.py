"""pet templates: candidate patterns, ranked on a few labelled examples."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click

from pet.cli.grouped_help import Grouped
from pet.cli.inputs import Inputs, input_options
from pet.cli.options import settings_options
from pet.config import RankConfig, TemplateSearchConfig
from pet.errors import UsageError


@click.command(
    name="templates",
    cls=Grouped,
    first={
        "Data": ("task", "train_files", "shots"),
        "Search": ("families", "best", "backbone"),
        "Result": ("output",),
    },
)
@input_options(patterns=False)
@settings_options(TemplateSearchConfig, RankConfig)
@click.option("-o", "--output", metavar="FILE.py", help="Write a task with the best patterns.")
@settings_options("backbone", "training")
def command(
    inputs: Inputs, trained: bool, halvings: int | None, output: str | None, **flat: Any
) -> None:
    """Make candidate patterns for a task, and rank them as pet patterns does.

    The task's patterns are ranked with them. New patterns get the label words that most of the
    task's patterns have, or those of --verbalizer. Use the best with: pet train --task FILE.py.

    \b
    Example: pet templates --task reviews --train train.jsonl -o patterns.py
    """
    names = [item.name for item in fields(TemplateSearchConfig)]
    config = TemplateSearchConfig(**{name: flat.pop(name) for name in names})
    settings = inputs.settings(flat)
    if output and Path(output).suffix != ".py":
        raise UsageError(f"-o {output}: expected a file that ends in .py, which holds a task.")
    inputs.check()

    from pet.cli.console import echo, progress_bars, say
    from pet.cli.output import opened
    from pet.data import Data
    from pet.evaluation.ranking import rank_patterns
    from pet.evaluation.tables import percent, text_table
    from pet.search.candidates import candidates
    from pet.task.source import task_source

    task, train, options = inputs.task, inputs.train, settings.backbone
    all_patterns, origins = candidates(task, train, config, options.device, options.max_length)
    with progress_bars() as progress:
        ranking = rank_patterns(
            all_patterns, settings, Data(train), RankConfig(trained, halvings), progress
        )
    rows = [
        [
            row.template,
            origins[row.pattern],
            f"{row.log_likelihood:.3f}",
            percent(row.accuracy),
            percent(row.best),
        ]
        for row in ranking.patterns
    ]
    echo(text_table(rows, ["pattern", "from", "log-likelihood", "accuracy", "is best"]))
    if output:
        best = [all_patterns.pvps[row.pattern] for row in ranking.patterns[: config.best]]
        with opened(output) as stream:
            stream.write(task_source(replace(task, pvps=best)))
        say(f"Use the best {len(best)} with: pet train --task {output} ...")
