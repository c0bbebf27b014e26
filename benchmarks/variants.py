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
# What a variant trains, by the name that RESULTS.md has for it.
SCOPES = {
    "prompt": "prompt",
    "prompt+head": "head",
    "prompt+bias": "bias",
    "prompt+lora": "lora",
    "all": "full",
}
DEEP_MIXTURE = {"soft_deep": "add", "soft_mixture": 4}  # Qin and Eisner's deep perturbation

# The first of a group is what the others are compared with.
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
        "hard + hard, all": {"repetitions": 2},  # what a second member of any kind brings
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
    """What every variant of a study has in common; ``common`` are settings by name."""

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
    def kind(self) -> str:
        """What its name says before the comma."""
        return self.name.partition(",")[0]

    @property
    def folder(self) -> Path:
        """Where the study keeps its cells."""
        return self.output / self.name.replace(", ", "-").replace(" ", "-")

    @property
    def is_complete(self) -> bool:
        """Whether every cell is there, where `pet.evaluation.study.fewshot` puts it."""
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
        """Run the cells that are not there yet."""
        settings = Settings.from_flat({**self.draws.common, **self.changes})
        tasks, config = self.draws.tasks, self.draws.config
        return list(few_shot_study(tasks, config, settings, self.folder, progress=progress).cells)


def files_of(data: Path, name: str, held_out: int | None, most: int | None) -> TaskFiles:
    """A task's pool and test rows."""
    task, pool, test = load_task(name), data / name / "train.jsonl", data / name / "test.jsonl"
    if held_out is None:
        rows = [dict(found) for _, found in islice(rows_of(test, "test"), most)]
        return TaskFiles(task, str(pool), rows)
    rows = [dict(found) for _, found in rows_of(pool, "pool")]
    return TaskFiles(task, rows[:-held_out], rows[-held_out:][:most])


def row(name: str, cells: list[CellResult], baseline: list[CellResult] | None) -> list[str]:
    """Accuracy a task and on the mean, the paired difference of seeds' means, and the cost."""

    def by_task(cells: list[CellResult]) -> dict[str, np.ndarray]:
        found: dict[str, list[float]] = {}
        for cell in cells:
            accuracy = next(iter(cell.models.values())).accuracy
            found.setdefault(cell.task, []).append(100 * accuracy)
        return {task: np.array(values) for task, values in found.items()}

    own = by_task(cells)
    means = np.mean(list(own.values()), axis=0)
    gain = "-"
    if baseline is not None:
        difference = means - np.mean(list(by_task(baseline).values()), axis=0)
        gain = _spread(difference, "+")
    return [
        name,
        *(_spread(values) for values in own.values()),
        f"{means.mean():.1f}",
        gain,
        f"{np.mean([cell.seconds for cell in cells]):.0f}",
        f"{np.mean([cell.gpu_memory or cell.memory for cell in cells]):.0f}",  # a GPU's where used
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
@click.option("--held-out", type=int, help="Test on so many rows of train.jsonl.")
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
        wanted = [own for own in known if not variants or {own.name, own.kind} & {*variants}]
        kinds = dict.fromkeys(own.kind for own in known)
        if {*variants} - {own.name for own in known} - {*kinds}:
            raise click.BadParameter(f"expected some of: {'; '.join(kinds)}")
        left = [own for own in wanted if not own.is_complete]
        with progress_bars() as progress, executor_for(jobs) as executor:
            for _ in executor.run(Variant.run, left, progress):
                pass
    found = {own.name: own.run() for own in known if own.is_complete}
    first = known[0].name
    header = ["variant", *tasks.split(","), "mean", f"over {first}", "s", "MiB", "trained a member"]
    table = [row(n, cells, None if n == first else found.get(first)) for n, cells in found.items()]
    click.echo(text_table(table, header))


if __name__ == "__main__":
    main()
