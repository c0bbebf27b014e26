"""Settings beside each other, end to end, on rows of the train files: no test file is read.

    python benchmarks/defaults.py --data DIR --results FILE.jsonl \\
      --variant "one round:" --variant "two rounds: second_round=3"

DIR has one folder a task with train.jsonl. Of each the last rows are kept to measure on; shots and
unlabelled texts come from the others. Patterns are those of `fresh.py`. A variant is a name and
the settings in which it differs from the defaults. Every finished run is a line of FILE.jsonl, so
an interrupted study goes on, and several processes may share a file if each has its own tasks or
seeds. Printed are the accuracies of the ensemble and of the distilled classifier, calibration
errors (ECE), and processor seconds; then differences with the first variant, paired by task and
seed, with 95 % intervals (bootstrap). --summary prints this from the file.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
from fresh import fresh
from rivals import append
from unlike import interval

from pet.config import Settings
from pet.data import Columns, Data, Example, Pool, draw_shots, examples_from
from pet.evaluation.run_report import run_report
from pet.evaluation.tables import text_table
from pet.pipeline import asked, run
from pet.runs import RunFolder
from pet.seeds import RunStream, derived_seed

TASKS = "trec,emotion,ag_news,sst2,sst5,yelp_full,yahoo_answers,qqp,snli,rte"
FIGURES = ("ensemble", "classifier", "ece ensemble", "ece classifier", "cpu seconds")


def drawn(
    data: Path, name: str, seed: int, rows: int, unlabeled: int
) -> tuple[Data, list[Example]]:
    """Draw 16 texts a label and unlabelled ones; also return the last rows, to measure on."""
    task = fresh(name)
    examples = list(examples_from(data / name / "train.jsonl", Columns(task, {})))
    held, rest = examples[-rows:], examples[:-rows]
    train = draw_shots(rest, task.labels, 16, derived_seed(seed, RunStream.SHOTS))
    unseen = derived_seed(seed, RunStream.UNLABELLED)
    pool = Pool(lambda: iter(rest), [*train, *held], unlabeled, unseen)
    return Data(train, (), pool), held


def measured(
    data: Path, name: str, seed: int, settings: Settings, rows: int, unlabeled: int
) -> dict[str, Any]:
    """Run one variant on one draw, and return its figures, in points and seconds."""
    task, start = fresh(name), time.process_time()
    given, held = drawn(data, name, seed, rows, unlabeled)
    with TemporaryDirectory() as temporary:
        folder = RunFolder.start(Path(temporary) / "run", asked(task, settings, given))
        run(task, settings, given, folder)
        seconds = time.process_time() - start
        report = run_report(folder, settings, given, held)
    ensemble, classifier = report.evaluations["ensemble"], report.evaluations["classifier"]
    return {
        "ensemble": 100 * ensemble.accuracy,
        "classifier": 100 * classifier.accuracy,
        "ece ensemble": 100 * ensemble.ece,
        "ece classifier": 100 * classifier.ece,
        "cpu seconds": seconds,
        "generations": {
            made.number: 100 * test.accuracy for made, test in report.generation_tests() if test
        },
        "members": {key: 100 * one.accuracy for key, one in report.evaluations.items()},
    }


def tables(found: list[dict[str, Any]]) -> str:
    """Return accuracies by task, means of all figures, and differences with the first variant."""
    variants = list(dict.fromkeys(line["variant"] for line in found))
    by_draw: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}
    for line in found:
        by_draw.setdefault((line["task"], line["seed"]), {})[line["variant"]] = line
    draws = {draw: lines for draw, lines in by_draw.items() if len(lines) == len(variants)}
    rows = []
    for name in dict.fromkeys(task for task, _ in draws):
        of_task = [lines for (task, _), lines in draws.items() if task == name]
        means = [
            f"{np.mean([lines[variant][key] for lines in of_task]):.1f}"
            for key in FIGURES[:2]
            for variant in variants
        ]
        rows.append([f"{name} ({len(of_task)})", *means])
    header = [f"{key}, {variant}" for key in FIGURES[:2] for variant in variants]
    values = {
        (variant, key): np.array([lines[variant][key] for lines in draws.values()])
        for variant in variants
        for key in FIGURES
    }
    means = [
        [variant, *(f"{values[variant, k].mean():.1f}" for k in FIGURES)] for variant in variants
    ]
    first = variants[0]
    differences = [
        [variant, *(interval(values[variant, key] - values[first, key]) for key in FIGURES[:2])]
        for variant in variants[1:]
    ]
    return "\n\n".join(
        [
            text_table(rows, ["task (draws)", *header]),
            text_table(means, [f"mean of {len(draws)} draws", *FIGURES]),
            text_table(differences, [f"against {first}", *FIGURES[:2]]),
        ]
    )


def settings_of(text: str, seed: int, length: int) -> tuple[str, Settings]:
    """Read a variant: its name, and the settings in which it differs."""
    name, _, rest = text.partition(":")
    changes = dict(item.strip().split("=") for item in rest.split(",") if item.strip())
    flat = {
        key: json.loads(value) if value[0].isdigit() else value for key, value in changes.items()
    }
    return name.strip(), Settings.from_flat({"seed": seed, "max_length": length, **flat})


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--results", required=True, type=click.Path(path_type=Path), help="Lines are added.")
@click.option("--variant", "variants", multiple=True, required=True, help="NAME: setting=value,...")
@click.option("--tasks", default=TASKS, show_default=True)
@click.option("--seeds", default="13,21,42,87,100", show_default=True)
@click.option("--rows", default=400, show_default=True, help="Rows to measure on.")
@click.option("--unlabeled", default=1000, show_default=True)
@click.option("--max-length", default=128, show_default=True)
@click.option("--summary", is_flag=True, help="Only print what the file holds.")
def main(
    data: Path,
    results: Path,
    variants: tuple[str, ...],
    tasks: str,
    seeds: str,
    rows: int,
    unlabeled: int,
    max_length: int,
    summary: bool,
) -> None:
    """Measure variants of the settings over tasks and seeds."""
    cells = [
        (text, task, int(seed))
        for seed in seeds.split(",")
        for task in tasks.split(",")
        for text in variants
    ]
    for text, task, seed in [] if summary else cells:
        variant, settings = settings_of(text, seed, max_length)
        if not any(_is(line, variant, task, seed) for line in _read(results)):
            figures = measured(data, task, seed, settings, rows, unlabeled)
            line = {"variant": variant, "task": task, "seed": seed, **figures}
            append(results, line)
            click.echo(json.dumps(line), err=True)
    names = [settings_of(text, 0, max_length)[0] for text in variants]
    wanted = [
        (name, task, int(seed))
        for name in names
        for task in tasks.split(",")
        for seed in seeds.split(",")
    ]
    lines = _read(results)
    found = [line for cell in wanted for line in lines if _is(line, *cell)]
    if found:
        click.echo(tables(found))


def _read(results: Path) -> list[dict[str, Any]]:
    return (
        [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    )


def _is(line: dict[str, Any], variant: str, task: str, seed: int) -> bool:
    return (line["variant"], line["task"], line["seed"]) == (variant, task, seed)


if __name__ == "__main__":
    main()
