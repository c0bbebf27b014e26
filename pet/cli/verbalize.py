"""pet verbalize: find label words on a few labelled examples."""

from __future__ import annotations

from pathlib import Path
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
from pet.config import BackboneConfig, Settings, WordSearchConfig
from pet.errors import UsageError


@click.command(name="verbalize")
@task_option
@verbalizer_option
@click.option("--train", "train_file", required=True, help="Labelled examples.")
@click.option("--unlabeled", help="Unlabelled text: words that are rare in it are no candidates.")
@click.option(
    "--shots", type=click.IntRange(min=1), help="Draw this many of each label from --train."
)
@click.option("--patterns", help="Numbers of patterns, such as 0,2-3, or all.  [default: all]")
@click.option("--seed", type=int, default=Settings.seed, show_default=True, help="Of the draws.")
@click.option(
    "-o", "--output", metavar="FILE", help=".json: a verbalizer; .py: a task with these words."
)
@data_options
@settings_options(WordSearchConfig, BackboneConfig)
def command(
    task: str,
    verbalizers: tuple[str, ...],
    train_file: str,
    unlabeled: str | None,
    shots: int | None,
    patterns: str | None,
    seed: int,
    output: str | None,
    columns: tuple[str, ...],
    file_format: str | None,
    backbone: str,
    device: str,
    precision: str,
    max_length: int,
    **search: Any,
) -> None:
    """Find label words that fit the labelled examples, and print them with their scores.

    Use them with: pet train --verbalizer FILE.json, or --task FILE.py. kpt refines the words of
    --verbalizer, or the task's own.

    \b
    Example: pet verbalize --task reviews --train train.jsonl -o words.json
    """
    config = WordSearchConfig(**search)
    ending = Path(output).suffix if output else ".py"
    if ending not in (".json", ".py"):
        raise UsageError(f"-o {output}: expected a file that ends in .json or .py.")
    if ending == ".json" and not config.joint:
        raise UsageError(
            "With --no-joint every pattern has words of its own, which a .json file cannot hold.",
            "Write a task with -o FILE.py.",
        )

    from pet.backbone import load_backbone
    from pet.cli.console import say
    from pet.data import Columns, Pool, draw_shots, examples_from, reusable
    from pet.search.taskfile import task_source
    from pet.search.verbalize import find_words, with_words
    from pet.seeds import derived_seed

    known = chosen_task(task, verbalizers)
    mapping, file_ending = column_mapping(columns), suffix(file_format)
    train = list(examples_from(train_file, Columns(known, mapping), file_ending))
    if shots is not None:
        train = draw_shots(train, known.labels, shots, derived_seed(seed, 3))
    sample = []
    if unlabeled is not None:
        source, unlabelled = reusable(unlabeled), Columns(known, mapping, "ignored")
        pool = Pool(
            lambda: examples_from(source, unlabelled, file_ending),
            train,
            config.sample,
            derived_seed(seed, 4),
        )
        sample = [example.texts for example in pool]
    model = load_backbone(backbone, device, precision)
    chosen = pattern_numbers(patterns)
    found = find_words(model, known, train, config, sample, chosen, max_length)
    for number, words in found.items():
        if number is not None:
            click.echo(f"pattern {number}: {known.pvps[number].pattern.template}")
        for label, own in words.verbalizer.words.items():
            scores = words.scores[label]
            shown = [f"{word} {scores[word]:.3g}" if word in scores else word for word in own]
            click.echo(f"{label}: {', '.join(shown)}")
        for remark in words.remarks:
            say(remark)
    if output is None:
        return
    if ending == ".json":
        found[None].verbalizer.save(output)
        say(f"Use them with: pet train --task {task} --verbalizer {output} ...")
    else:
        Path(output).write_text(task_source(with_words(known, found)), "utf-8")
        say(f"Use them with: pet train --task {output} ...")
