"""Ways to make a member against the plain pattern, on the same draws of several tasks.

    python benchmarks/variants.py readouts --data DIR -o FOLDER
    python benchmarks/variants.py soft --data DIR -o FOLDER

DIR has one folder a task with train.jsonl, the pool that shots are drawn from, and test.jsonl.
Every variant is a few-shot study of its own in FOLDER (pet fewshot does the same with its options):
the same draws, the same patterns, no unlabelled text, so that the model is the members' ensemble.
With --held-out the last rows of train.jsonl are tested on instead and no test file is read:
defaults may be chosen by such figures. The same command goes on where it stopped, and more seeds
may be added; --jobs runs variants side by side, which is how a GPU is filled; --summary prints the
table of all variants that FOLDER has.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np

from pet.cli.console import progress_bars
from pet.cli.options import pattern_numbers
from pet.config import SOFT_KINDS, SOFT_RECIPES, BackboneConfig, Settings, StudyConfig
from pet.config.base import number_list
from pet.data.readers import rows_of
from pet.evaluation.study.cells import TaskFiles
from pet.evaluation.study.fewshot import few_shot_study
from pet.evaluation.study.results import CellResult
from pet.evaluation.tables import text_table
from pet.execution import executor_for
from pet.progress import Progress, silent
from pet.task import load_task

TASKS = "sst2,mr,ag_news,trec,emotion,yelp_full"
KINDS = SOFT_KINDS.built_in
# Scopes by their names in RESULTS.md.
SCOPES = {
    "prompt": "prompt",
    "prompt+head": "head",
    "prompt+bias": "bias",
    "prompt+lora": "lora",
    "all": "full",
}
DEEP_MIXTURE = {"soft_deep": "add", "soft_mixture": 4}  # Qin and Eisner's deep perturbation

# The others of a group are compared with the first.
GROUPS: dict[str, dict[str, dict[str, Any]]] = {
    "readouts": {
        "words": {},
        "word-weights": {"readout": ("word-weights",)},
        "class-vectors": {"readout": ("class-vectors",)},
        "prototypes": {"readout": ("prototypes",)},
        "words+prototypes": {"readout": ("words", "prototypes")},
        "adapet": {"objective": "adapet"},
        "demonstrations": {"demonstrations": 2},
    },
    "soft": {
        "hard, all": {},
        "hard, head": {"scope": "head"},
        "hard, bias": {"scope": "bias"},
        **{
            f"{kind}, {name}": {"soft": (kind,), "scope": scope}
            for kind in KINDS
            for name, scope in SCOPES.items()
        },
        **{
            f"softened words, {name}": {"soft_from_words": True, "scope": scope}
            for name, scope in SCOPES.items()
        },
        **{
            f"{recipe}, {name}": {"soft": (recipe,), "scope": scope}
            for recipe in SOFT_RECIPES.built_in
            for name, scope in SCOPES.items()
        },
        **{
            f"deep mixture, {name}": {"soft": ("deep",), **DEEP_MIXTURE, "scope": SCOPES[name]}
            for name in ("prompt", "all")
        },
        "hard + hard, all": {"repetitions": 2},  # the gain of any second member
        "hard + prompt-tuning, all": {"soft": ("none", "prompt-tuning"), "scope": "full"},
        "hard + prefix, prompt": {"soft": ("none", "prefix"), "scope": "prompt"},
    },
    "scopes": {
        f"{scope}, {rate:g}": {"scope": scope, "learning_rate": rate}
        for scope, rates in {
            "full": (5e-5, 2e-5, 1e-4, 2e-4),
            **dict.fromkeys(("head", "bias", "lora"), (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)),
        }.items()
        for rate in rates
    },
    "rates": {
        "hard, all": {},
        **{
            f"{kind}, {rate:g}": {"soft": (kind,), "scope": "prompt", "prompt_rate": rate}
            for kind in KINDS
            for rate in (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
        },
    },
    "lengths": {
        f"{kind}, length {length}": {"soft": (kind,), "scope": "prompt", "soft_slots": length}
        for kind in ("prompt-tuning", "deep", "prefix")
        for length in (20, 5, 1)
    },
}


@dataclass(frozen=True)
class Draws:
    """Tasks, draws and settings that all variants share; ``common`` are settings by name."""

    tasks: list[TaskFiles]
    config: StudyConfig
    common: dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """A few-shot study of its own: the common draws with ``changes`` to the settings."""

    name: str
    changes: dict[str, Any]
    draws: Draws
    output: Path

    @property
    def family(self) -> str:
        """The name before its comma."""
        return self.name.partition(",")[0]

    @property
    def folder(self) -> Path:
        """Folder of the study's cells."""
        return self.output / self.name.replace(", ", "-").replace(" ", "-")

    @property
    def is_complete(self) -> bool:
        """Whether the folder has every cell."""
        config = self.draws.config
        return all(
            (
                self.folder / "tasks" / files.task.name / "cells" / f"pet-{shots}-{seed}.json"
            ).exists()
            for files in self.draws.tasks
            for shots in config.shots
            for seed in config.seeds
        )

    def run(self, progress: Progress = silent) -> list[CellResult]:
        """Run the cells that are missing; return all."""
        settings = Settings.from_flat({**self.draws.common, **self.changes})
        tasks, config = self.draws.tasks, self.draws.config
        return list(few_shot_study(tasks, config, settings, self.folder, progress=progress).cells)


def files_of(data: Path, name: str, held_out: int | None, most: int | None) -> TaskFiles:
    """Return a task's pool and test rows."""
    task, pool, test = load_task(name), data / name / "train.jsonl", data / name / "test.jsonl"
    if held_out is None:
        rows = [dict(row) for _, row in islice(rows_of(test), most)]
        return TaskFiles(task, str(pool), rows)
    rows = [dict(row) for _, row in rows_of(pool)]
    return TaskFiles(task, rows[:-held_out], rows[-held_out:][:most])


def row(name: str, cells: list[CellResult], baseline: list[CellResult] | None) -> list[str]:
    """Return accuracies by task and their mean, the paired difference of seeds' means, and cost."""

    def by_task(cells: list[CellResult]) -> dict[str, np.ndarray]:
        accuracies: dict[str, list[float]] = {}
        for cell in cells:
            accuracy = next(iter(cell.models.values())).accuracy
            accuracies.setdefault(cell.task, []).append(100 * accuracy)
        return {task: np.array(values) for task, values in accuracies.items()}

    accuracies = by_task(cells)
    means = np.mean(list(accuracies.values()), axis=0)
    gain = "-"
    if baseline is not None:
        difference = means - np.mean(list(by_task(baseline).values()), axis=0)
        gain = _spread(difference, "+")
    return [
        name,
        *(_spread(values) for values in accuracies.values()),
        f"{means.mean():.1f}",
        gain,
        f"{np.mean([cell.seconds for cell in cells]):.0f}",
        f"{np.mean([cell.gpu_memory or cell.memory for cell in cells]):.0f}",  # GPU first
        f"{np.mean([cell.trained or 0 for cell in cells]):,.0f}",
    ]


def _spread(values: np.ndarray, sign: str = "") -> str:
    deviation = "" if len(values) == 1 else f" ± {values.std(ddof=1):.1f}"
    return f"{values.mean():{sign}.1f}{deviation}"


@click.command()
@click.argument("group", type=click.Choice(list(GROUPS)))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--tasks", default=TASKS, show_default=True)
@click.option(
    "--variants",
    multiple=True,
    help="A name, or its part before the comma; repeatable.  [default: all]",
)
@click.option("--shots", default=16, show_default=True)
@click.option("--seeds", default="13,21,42,87,100", show_default=True)
@click.option("--patterns", default="0", show_default=True, help="Numbers, such as 0,2-3.")
@click.option("--max-steps", type=int, help="Optimiser steps of a member.")
@click.option("--max-length", default=BackboneConfig.max_length, show_default=True)
@click.option("--precision", default=BackboneConfig.precision, show_default=True)
@click.option("--held-out", type=int, help="Test on this many rows of train.jsonl.")
@click.option("--rows", type=int, help="Most test rows.  [default: all]")
@click.option("--jobs", default=1, show_default=True, help="Variants at once, in processes.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
@click.option("--summary", "only_summary", is_flag=True, help="Only print what is there.")
def main(
    group: str,
    data: Path,
    tasks: str,
    variants: tuple[str, ...],
    shots: int,
    seeds: str,
    patterns: str,
    max_steps: int | None,
    max_length: int,
    precision: str,
    held_out: int | None,
    rows: int | None,
    jobs: int,
    output: Path,
    only_summary: bool,
) -> None:
    """Measure the variants of a group."""
    draws = Draws(
        [files_of(data, name, held_out, rows) for name in tasks.split(",")],
        StudyConfig(("pet",), (shots,), number_list(seeds, "--seeds"), unlabeled=0),
        {
            "patterns": pattern_numbers(patterns),
            "max_steps": max_steps,
            "max_length": max_length,
            "precision": precision,
        },
    )
    known = [Variant(name, changes, draws, output) for name, changes in GROUPS[group].items()]
    if not only_summary:
        wanted = [v for v in known if not variants or {v.name, v.family} & {*variants}]
        families = dict.fromkeys(variant.family for variant in known)
        if {*variants} - {variant.name for variant in known} - {*families}:
            raise click.BadParameter(f"expected some of: {'; '.join(families)}")
        left = [variant for variant in wanted if not variant.is_complete]
        with progress_bars() as progress, executor_for(jobs) as executor:
            for _ in executor.run(Variant.run, left, progress):
                pass
    cells_of = {variant.name: variant.run() for variant in known if variant.is_complete}
    first = known[0].name
    header = ["variant", *tasks.split(","), "mean", f"over {first}", "s", "MiB", "trained a member"]
    table = [
        row(name, cells, None if name == first else cells_of.get(first))
        for name, cells in cells_of.items()
    ]
    click.echo(text_table(table, header))


if __name__ == "__main__":
    main()
