"""pet fewshot: compare methods over draws of a few labels."""

from __future__ import annotations

import json
from typing import Any

import click

from pet.cli.console import echo, loading, progress_bars, say
from pet.cli.grouped_help import Grouped
from pet.cli.inputs import chosen_task, require_files
from pet.cli.options import (
    TASK_HELP,
    pattern_numbers,
    plot_options,
    settings_options,
)
from pet.cli.reading_options import column_mapping, data_options
from pet.cli.typed import typed_command
from pet.config import Settings, StudyConfig
from pet.config.files import Reading
from pet.config.study import check_baseline
from pet.errors import UsageError


@click.command(
    name="fewshot",
    cls=Grouped,
    first={
        "Data": ("tasks", "pools", "tests", "data"),
        "Study": ("methods", "shots", "seeds", "baseline"),
        "Result": ("output", "force"),
    },
)
@click.option(
    "--task",
    "tasks",
    required=True,
    multiple=True,
    help=f"{TASK_HELP} Repeatable.",
)
@click.option("--train", "pools", multiple=True, help="Pool to draw from, one for each --task.")
@click.option("--test", "tests", multiple=True, help="Test examples, one file for each --task.")
@click.option("--data", metavar="DIR", help="Instead: DIR/<task>/train.jsonl and test.jsonl.")
@settings_options(StudyConfig)
@click.option("--patterns", help="Numbers of patterns, such as 0,2-3, or all.  [default: all]")
@click.option(
    "--baseline",
    metavar="METHOD",
    help="Method that others are compared with.  [default: the best]",
)
@click.option("-o", "--output", default="runs/fewshot", show_default=True, help="Study folder.")
@click.option("--force", is_flag=True, help="Start over if the study folder exists.")
@click.option("--json", "json_file", metavar="FILE|-", help="Also write all results as JSON.")
@click.option("--csv", "csv_file", metavar="FILE|-", help="Also write a line a model as CSV.")
@plot_options
@data_options
@settings_options("backbone", "training", "template", "ensemble", "distillation", "adaptation")
def command(
    tasks: tuple[str, ...],
    pools: tuple[str, ...],
    tests: tuple[str, ...],
    data: str | None,
    patterns: str | None,
    baseline: str | None,
    output: str,
    force: bool,
    json_file: str | None,
    csv_file: str | None,
    plots: str | None,
    plot_format: str,
    columns: tuple[str, ...],
    reading: Reading,
    **flat: Any,
) -> None:
    """Compare methods: many draws of a few labels, the same ones for all methods.

    For every seed draws --shots examples of each label from the pool; the rest of the pool is
    unlabelled text. Prints mean, standard deviation, best and worst accuracy over the seeds, time
    and memory, and how sure a difference is (paired bootstrap over seeds and test examples).
    Finished cells are kept in the study folder, with results.json and results.csv: run the command
    again to go on from there; seeds, shots, methods and tasks may be added.

    \b
    Example: pet fewshot --task sst2 --train pool.jsonl --test test.jsonl --shots 16,64
    """
    study = {name: flat.pop(name) for name in StudyConfig.__dataclass_fields__}
    config = StudyConfig(**study)
    settings = Settings.from_flat({**flat, "patterns": pattern_numbers(patterns)})
    _check_files(len(tasks), len(pools), len(tests), data)
    if json_file == csv_file == "-":
        raise UsageError("--json - and --csv - both want standard output.", "Give one a FILE.")
    check_baseline(config.methods, baseline)
    mapping = column_mapping(columns)
    known = [chosen_task(task, (), settings.patterns) for task in tasks]
    if data is not None:
        pools = tuple(f"{data}/{task.name}/train.jsonl" for task in known)
        tests = tuple(f"{data}/{task.name}/test.jsonl" for task in known)
    require_files(*pools, *tests)
    loading("model and data")

    from pet.cli.output import opened
    from pet.data import reusable
    from pet.evaluation.plots import require, save
    from pet.evaluation.study.cells import TaskFiles
    from pet.evaluation.study.comparison import (
        study_csv,
        study_table,
        study_to_dict,
        summarise,
    )
    from pet.evaluation.study.fewshot import few_shot_study
    from pet.evaluation.study.figures import study_figures
    from pet.runs import StudyFolder

    if plots:
        require()
    sources = [
        TaskFiles(task, reusable(pool), reusable(test), mapping, reading)
        for task, pool, test in zip(known, pools, tests, strict=True)
    ]
    with progress_bars() as progress:
        result = few_shot_study(sources, config, settings, output, force, progress)
    for name, count in result.overlap.items():
        if count:
            say(f"{name}: {count} rows of the pool are test texts too; they are left out.")
    rows = summarise(result, baseline)
    text = json.dumps(study_to_dict(result, rows), indent=1, ensure_ascii=False) + "\n"
    table = study_csv(result)
    folder = StudyFolder.open(output)
    folder.log_command(typed_command())
    folder.write_text(folder.results, text)
    folder.write_text(folder.table, table)
    for file, content in ((json_file, text), (csv_file, table)):
        if file:
            with opened(file) as stream:
                stream.write(content)
    if plots:
        labels = {task.name: task.labels for task in known}
        count = save(study_figures(result, rows, labels), plots, plot_format)
        say(f"{count} diagrams are in {plots}.")
    if "-" not in (json_file, csv_file):
        echo(study_table(rows))
    say(f"Everything is in {folder.path / folder.results} and {folder.table} beside it.")


def _check_files(tasks: int, pools: int, tests: int, data: str | None) -> None:
    if data is not None and (pools or tests):
        raise UsageError("--data replaces --train and --test.", "Give one or the other.")
    if data is None and not tasks == pools == tests:
        raise UsageError(
            f"Every --task needs its --train and --test, in the same order; found {tasks}, {pools} "
            f"and {tests} of them.",
            "Or keep them as DIR/<task>/train.jsonl and test.jsonl, and give --data DIR.",
        )
