"""pet train: the whole pipeline."""

from __future__ import annotations

from typing import Any, get_args

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
from pet.config import Method, Settings


@click.command(name="train")
@task_option
@verbalizer_option
@click.option(
    "--train",
    "train_files",
    multiple=True,
    help="Labelled examples: .jsonl, .csv, .tsv, - or hf:NAME:SPLIT. Repeatable.",
)
@click.option("--unlabeled", help="Unlabelled text; a label column in it is ignored.")
@click.option("--unlabeled-limit", type=click.IntRange(min=0), help="Use a random sample of it.")
@click.option("--dev", help="Development examples: turns on early stopping.")
@click.option("--test", help="Test examples: read at the very end, for the table.")
@click.option(
    "--shots", type=click.IntRange(min=1), help="Draw this many of each label from --train."
)
@click.option("--patterns", help="Numbers of patterns, such as 0,2-3, or all.  [default: all]")
@click.option(
    "--method",
    type=click.Choice(get_args(Method)),
    default=Settings.method,
    show_default=True,
    help="pet: all patterns, ensembled and distilled; ipet: so after generations that label text "
    "for each other; fine-tune: no patterns.",
)
@click.option("--seed", type=int, default=Settings.seed, show_default=True, help="Of every draw.")
@click.option("-o", "--output", required=True, metavar="RUN", help="Run folder.")
@click.option("--force", is_flag=True, help="Start over where a run folder exists.")
@click.option("--per-class", is_flag=True, help="Also show figures for every label.")
@data_options
@settings_options(
    "backbone", "training", "template", "ensemble", "ipet", "distillation", "adaptation"
)
def command(
    task: str,
    verbalizers: tuple[str, ...],
    train_files: tuple[str, ...],
    unlabeled: str | None,
    unlabeled_limit: int | None,
    dev: str | None,
    test: str | None,
    shots: int | None,
    patterns: str | None,
    output: str,
    force: bool,
    per_class: bool,
    columns: tuple[str, ...],
    file_format: str | None,
    **flat: Any,
) -> None:
    """Train on a few labels and unlabelled text.

    Writes a run folder; its classifier/ is all that pet predict needs. Run the same command again
    after an interruption: what is finished is not done again.

    \b
    Example: pet train --task reviews --train train.jsonl --unlabeled pool.jsonl -o runs/first
    """
    settings = Settings.from_flat({**flat, "patterns": pattern_numbers(patterns)})

    from pet.cli.console import progress_bars, say
    from pet.data import Columns, Data, Pool, draw_shots, examples_from, has_labels, reusable
    from pet.pipeline import asked, run
    from pet.report import run_report
    from pet.runs import RunFolder
    from pet.seeds import derived_seed

    known = chosen_task(task, verbalizers)
    known.select(settings.patterns)
    mapping, ending = column_mapping(columns), suffix(file_format)
    labelled = Columns(known, mapping, "required")
    train = [own for file in train_files for own in examples_from(file, labelled, ending)]
    if shots is not None:
        train = draw_shots(train, known.labels, shots, derived_seed(settings.seed, 3))
    pool = None
    if unlabeled is not None:
        unlabelled = Columns(known, mapping, "ignored")
        source = reusable(unlabeled)
        if has_labels(source, unlabelled, ending):
            say(f"The labels in {unlabeled} are ignored.")
        seed = derived_seed(settings.seed, 4)
        pool = Pool(lambda: examples_from(source, unlabelled, ending), train, unlabeled_limit, seed)
        if pool.left_out:
            say(f"{pool.left_out} unlabelled texts are labelled examples too; they are left out.")
    held_out = list(examples_from(dev, labelled, ending)) if dev else []
    data = Data(train, held_out, pool)
    folder = RunFolder.start(output, asked(known, settings, data), force)
    if folder.has("classifier"):
        say(f"{output} was finished before.")
    else:
        with progress_bars() as progress:
            run(known, settings, data, folder, progress)
    tests = examples_from(test, labelled, ending) if test else None
    report = run_report(folder, settings, data, tests, keep=True)
    click.echo(report.table(per_class))
    for remark in [*report.costs(), *report.remarks]:
        say(remark)
    say(f"The classifier is in {output}/classifier; try: pet predict {output} --input FILE")
