"""Starts and lengths of the student, on rows of the train files: no test file is read.

    python benchmarks/students.py --data DIR --results FILE.jsonl \\
      --variant "backbone: start=backbone" --variant "alike:" --variant "8: distill_epochs=8"

DIR has one folder a task with train.jsonl. Of each the last rows are kept to measure on; shots and
unlabelled texts come from the others. Patterns are those of `fresh.py`. The members of a draw are
trained once, with all defaults; their ensemble then teaches one student of each variant: a name,
the settings of distillation in which it differs from the defaults, and a start (the backbone; the
weights of the member most like the ensemble, which is the default; or those of a member by its
name). Every student is a line of FILE.jsonl, so an interrupted study goes on with the next draw.
Differences with the first variant are paired by task and seed and have 95 % intervals (bootstrap).
--summary prints the table alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
from defaults import drawn
from fresh import fresh
from rivals import append
from torch import Tensor
from unlike import interval

from pet.config import DistillationConfig, Settings
from pet.evaluation.metrics import evaluate
from pet.evaluation.tables import text_table
from pet.members import MemberRecord, Work
from pet.members.stored import pool_scores, stored_weights
from pet.model.ensemble import agreements, ensemble_from_dict
from pet.model.run_members import trained_members
from pet.pipeline import asked, run
from pet.pipeline.distillation import distil
from pet.runs import RunFolder
from pet.seeds import RunStream, derived_seed
from pet.task.kinds import targets_of, task_kind
from pet.types import Scores

TASKS = "trec,emotion,sst2,ag_news,sst5,yahoo_answers,qqp,snli"
BACKBONE, ALIKE = "backbone", "most alike"
Line = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """A student: what it starts from, and its distillation."""

    name: str
    start: str
    config: DistillationConfig

    @classmethod
    def read(cls, text: str) -> Variant:
        """Read a variant as it is written on the command line."""
        name, _, rest = text.partition(":")
        changes = dict(item.strip().split("=") for item in rest.split(",") if item.strip())
        start = changes.pop("start", ALIKE)
        settings = Settings.from_flat({key: json.loads(value) for key, value in changes.items()})
        return cls(name.strip(), start, settings.distillation)


def measured(
    data: Path, name: str, seed: int, variants: list[Variant], rows: int, unlabeled: int
) -> Iterator[Line]:
    """Train the members of one draw, then a student of each variant; yield its figures."""
    task = fresh(name)
    settings = Settings.from_flat({"seed": seed, "max_length": 128, "distill_max_steps": 1})
    given, held = drawn(data, name, seed, rows, unlabeled)
    assert given.pool is not None
    texts = [example.texts for example in held]
    targets = targets_of(task, [example.label for example in held])
    with TemporaryDirectory() as temporary:
        folder = RunFolder.start(Path(temporary) / "run", asked(task, settings, given))
        run(task, settings, given, folder)
        plain = folder.read_json(folder.ensemble)
        names, ensemble = plain["members"], ensemble_from_dict({**plain, "temperature": 1.0})
        members = trained_members(folder, "cpu", "auto")
        teacher = members.scores(texts)
        figures = evaluate(task_kind(task).probabilities(teacher), targets, task)
        yield {"variant": "ensemble", "accuracy": 100 * figures.accuracy, "alike": 100.0}

        def scores() -> Iterator[Scores]:
            return (ensemble(chunk) for chunk in pool_scores(folder, names))

        def weights(start: str) -> Mapping[str, Tensor]:
            if start == BACKBONE:
                return {}
            shares = dict(zip(names, agreements(pool_scores(folder, names), ensemble), strict=True))
            records = [MemberRecord.read(folder, member) for member in names]
            trained = [record for record in records if record.steps]
            chosen = max(trained, key=lambda record: shares[record.name])
            if start != ALIKE:
                (chosen,) = (record for record in records if record.name == start)
            return stored_weights(folder, chosen)

        for variant in variants:
            began = time.process_time()
            student, _ = distil(
                Work(task, given),
                scores,
                settings.backbone,
                variant.config,
                derived_seed(seed, RunStream.DISTILLATION),
                start_weights=partial(weights, variant.start),
            )
            seconds = time.process_time() - began
            found = student.scores(texts)
            figures = evaluate(task_kind(task).probabilities(found), targets, task)
            yield {
                "variant": variant.name,
                "accuracy": 100 * figures.accuracy,
                "alike": 100 * float((found.argmax(1) == teacher.argmax(1)).mean()),
                "cpu seconds": seconds,
            }


def table(lines: list[Line]) -> str:
    """Return accuracies by task, means, and differences with the first student."""
    variants = list(dict.fromkeys(line["variant"] for line in lines))
    cells: dict[tuple[str, int], dict[str, Line]] = {}
    for line in lines:
        cells.setdefault((line["task"], line["seed"]), {})[line["variant"]] = line
    whole = {cell: found for cell, found in cells.items() if len(found) == len(variants)}
    rows = []
    for name in dict.fromkeys(task for task, _ in whole):
        of_task = [found for (task, _), found in whole.items() if task == name]
        rows.append(
            [f"{name} ({len(of_task)})"]
            + [f"{np.mean([found[v]['accuracy'] for found in of_task]):.1f}" for v in variants]
        )
    values = {
        variant: np.array([found[variant]["accuracy"] for found in whole.values()])
        for variant in variants
    }
    rows.append(["mean", *(f"{of.mean():.1f}" for of in values.values())])
    first = variants[1]
    rows.append(
        [f"against {first}", "-"]
        + [interval(values[variant] - values[first]) for variant in variants[1:]]
    )
    for key, title in (("alike", "labels of the ensemble, %"), ("cpu seconds", "CPU seconds")):
        means = [np.mean([found[v].get(key, np.nan) for found in whole.values()]) for v in variants]
        rows.append([title, *(f"{mean:.0f}" for mean in means)])
    return text_table(rows, ["task (draws)", *variants])


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--results", required=True, type=click.Path(path_type=Path), help="Lines are added.")
@click.option("--tasks", default=TASKS, show_default=True)
@click.option("--seeds", default="13,21,42", show_default=True)
@click.option("--variant", "variants", multiple=True, help="Several; see above.")
@click.option("--rows", default=400, show_default=True, help="Rows to measure on.")
@click.option("--unlabeled", default=1000, show_default=True)
@click.option("--summary", is_flag=True, help="Only print what the file holds.")
def main(
    data: Path,
    results: Path,
    tasks: str,
    seeds: str,
    variants: tuple[str, ...],
    rows: int,
    unlabeled: int,
    summary: bool,
) -> None:
    """Compare students of the same ensembles."""
    students = [Variant.read(text) for text in variants]
    for seed in map(int, seeds.split(",")):
        for name in [] if summary else tasks.split(","):
            if any((line["task"], line["seed"]) == (name, seed) for line in _read(results)):
                continue
            for line in list(measured(data, name, seed, students, rows, unlabeled)):
                append(results, {"task": name, "seed": seed, **line})
                click.echo(json.dumps({"task": name, "seed": seed, **line}), err=True)
    if lines := _read(results):
        click.echo(table(lines))


def _read(results: Path) -> list[Line]:
    lines = results.read_text().splitlines() if results.exists() else []
    return [json.loads(line) for line in lines]


if __name__ == "__main__":
    main()
