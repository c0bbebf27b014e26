"""pet verbalize: find label words on a few labelled examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pet.cli.grouped_help import Grouped
from pet.cli.inputs import Inputs, input_options
from pet.cli.options import settings_options
from pet.config import BackboneConfig, WordSearchConfig
from pet.errors import UsageError


@click.command(
    name="verbalize",
    cls=Grouped,
    first={
        "Data": ("task", "train_files", "unlabeled"),
        "Search": ("search", "words"),
        "Result": ("output",),
    },
)
@input_options(unlabeled="Unlabelled text: words that are rare in it are no candidates.")
@click.option(
    "-o", "--output", metavar="FILE", help=".json: a verbalizer; .py: a task with these words."
)
@settings_options(WordSearchConfig, BackboneConfig)
def command(
    inputs: Inputs,
    output: str | None,
    backbone: str,
    device: str,
    precision: str,
    max_length: int,
    **search: Any,
) -> None:
    """Find label words that fit the labelled examples, and print them with their scores.

    Use them with: pet train --verbalizer FILE.json, or --task FILE.py. The search kpt refines the
    words of --verbalizer, or the task's words.

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
    inputs.check()

    from pet.backbone import load_backbone
    from pet.cli.console import echo, say
    from pet.cli.output import opened
    from pet.search.verbalize import find_words, with_words
    from pet.task.source import task_source

    task, train = inputs.task, inputs.train
    sample = [example.texts for example in inputs.pool(config.sample) or ()]
    model = load_backbone(backbone, device, precision)
    words_by_pattern = find_words(model, task, train, config, sample, inputs.patterns, max_length)
    for index, words in words_by_pattern.items():
        if index is not None:
            echo(f"pattern {index}: {task.pvps[index].pattern.template}")
        for label, label_words in words.verbalizer.words.items():
            scores = words.scores[label]
            shown = [
                f"{word} {scores[word]:.3g}" if word in scores else word for word in label_words
            ]
            echo(f"{label}: {', '.join(shown)}")
        for remark in words.remarks:
            say(remark)
    if output is None:
        return
    if ending == ".json":
        with opened(output) as stream:
            stream.write(words_by_pattern[None].verbalizer.to_json())
        say(f"Use them with: pet train --task {inputs.task_name} --verbalizer {output} ...")
    else:
        with opened(output) as stream:
            stream.write(task_source(with_words(task, words_by_pattern)))
        say(f"Use them with: pet train --task {output} ...")
