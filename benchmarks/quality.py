"""Accuracy of PET, its parts and the [CLS] baseline on held-out test data, over seeds.

    python benchmarks/quality.py --data DIR --results FILE.jsonl

DIR has one folder a task with train.jsonl (the pool that shots and unlabelled text are drawn from)
and test.jsonl (read at the very end of each run, by the report). Each finished run is a line of
FILE.jsonl, so an interrupted study goes on; --summary prints the tables from the file.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from pet.cli.options import pattern_numbers
from pet.config import BackboneConfig, Settings
from pet.data import Columns, Data, Pool, draw_shots, examples_from
from pet.evaluation.run_report import run_report
from pet.evaluation.tables import text_table
from pet.pipeline import asked, run
from pet.runs import RunFolder
from pet.seeds import RunStream, derived_seed
from pet.task import load_task

TASKS = "sst2,mr,ag_news,trec,emotion,yelp_full"


def one_run(
    data_folder: Path,
    name: str,
    seed: int,
    shots: int,
    unlabeled: int,
    max_length: int,
    patterns: tuple[int, ...],
) -> dict[str, Any]:
    """Run PET and the baseline on one draw; return test accuracies."""
    task = load_task(name)
    labelled, unlabelled = Columns(task, {}), Columns(task, {}, "ignored")
    pool_file, test_file = data_folder / name / "train.jsonl", data_folder / name / "test.jsonl"
    examples = list(examples_from(pool_file, labelled))
    train = draw_shots(examples, task.labels, shots, derived_seed(seed, RunStream.SHOTS))
    pool = Pool(
        lambda: examples_from(pool_file, unlabelled),
        train,
        unlabeled,
        derived_seed(seed, RunStream.UNLABELLED),
    )
    result: dict[str, Any] = {"task": name, "seed": seed, "unlabeled": len(pool)}
    for method in ("pet", "fine-tune"):
        settings = Settings(
            method=method,
            seed=seed,
            patterns=patterns,
            backbone=BackboneConfig(max_length=max_length),
        )
        data = Data(train, (), pool if method == "pet" else None)
        start = time.perf_counter()
        with TemporaryDirectory() as temporary:
            folder = RunFolder.start(Path(temporary) / "run", asked(task, settings, data))
            run(task, settings, data, folder)
            result[f"{method} seconds"] = round(time.perf_counter() - start, 1)
            report = run_report(folder, settings, data, examples_from(test_file, labelled))
        figures = {key: evaluation.accuracy for key, evaluation in report.evaluations.items()}
        if method == "fine-tune":
            result["fine-tune"] = figures["classifier"]
            continue
        result["ensemble"], result["distilled"] = figures["ensemble"], figures["classifier"]
        result["patterns"] = [value for key, value in figures.items() if key[:8] == "pattern-"]
        result["ece"] = report.evaluations["classifier"].ece
    return result


def summary(results: list[dict[str, Any]]) -> str:
    """Return mean and standard deviation over seeds, one line a task, in points of accuracy."""
    rows = []
    means: list[list[float]] = []
    for name in dict.fromkeys(result["task"] for result in results):
        of_task = [result for result in results if result["task"] == name]
        columns = {
            "pattern mean": [float(np.mean(r["patterns"])) for r in of_task],
            "worst": [min(r["patterns"]) for r in of_task],
            "best": [max(r["patterns"]) for r in of_task],
            **{key: [r[key] for r in of_task] for key in ("ensemble", "distilled", "fine-tune")},
        }
        means.append([100 * float(np.mean(values)) for values in columns.values()])
        cells = [
            f"{100 * np.mean(values):.1f} ± {100 * np.std(values, ddof=len(values) > 1):.1f}"
            for values in columns.values()
        ]
        rows.append([f"{name} ({len(of_task)} seeds)", *cells])
    header = ["task", "pattern mean", "worst", "best", "ensemble", "distilled", "fine-tune"]
    rows.append(["mean", *(f"{value:.1f}" for value in np.mean(means, axis=0))])
    seconds = [np.mean([r[f"{m} seconds"] for r in results]) for m in ("pet", "fine-tune")]
    return (
        text_table(rows, header)
        + f"\nseconds a run on average: pet {seconds[0]:.0f}, fine-tune {seconds[1]:.0f}"
    )


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--results", required=True, type=click.Path(path_type=Path), help="Lines are added.")
@click.option("--tasks", default=TASKS, show_default=True)
@click.option("--seeds", default="13,21,42,87,100", show_default=True)
@click.option("--shots", default=16, show_default=True)
@click.option("--unlabeled", default=2000, show_default=True)
@click.option("--max-length", default=BackboneConfig.max_length, show_default=True)
@click.option("--patterns", default="0-3", show_default=True, help="Numbers, such as 0,2-3.")
@click.option("--summary", "only_summary", is_flag=True, help="Only print what the file holds.")
def main(
    data: Path,
    results: Path,
    tasks: str,
    seeds: str,
    shots: int,
    unlabeled: int,
    max_length: int,
    patterns: str,
    only_summary: bool,
) -> None:
    """Measure accuracy over tasks and seeds."""
    lines = results.read_text().splitlines() if results.exists() else []
    done = [json.loads(line) for line in lines]
    finished = {(result["task"], result["seed"]) for result in done}
    for seed in [] if only_summary else map(int, seeds.split(",")):
        for name in tasks.split(","):
            if (name, seed) in finished:
                continue
            result = one_run(
                data, name, seed, shots, unlabeled, max_length, pattern_numbers(patterns) or ()
            )
            with results.open("a") as stream:
                stream.write(json.dumps(result) + "\n")
            done.append(result)
            click.echo(json.dumps(result), err=True)
    click.echo(summary(done))


if __name__ == "__main__":
    main()
