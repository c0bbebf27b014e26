"""Readouts, objectives and demonstrations against the plain verbalizer, on the same draws.

    python benchmarks/variants.py --task sst2 --train TRAIN.jsonl --test TEST.jsonl -o FOLDER

Every variant is a few-shot study of its own in FOLDER (pet fewshot does the same with its options):
the same draws from the pool, the same patterns, no unlabelled text, so that the model is the
members' ensemble. The same command goes on where it stopped. Variants were not tuned on any task.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from pet.cli.console import progress_bars
from pet.cli.options import pattern_numbers
from pet.config import BackboneConfig, Settings, StudyConfig
from pet.config.base import number_list
from pet.evaluation import text_table
from pet.study.cells import CellResult, TaskFiles
from pet.study.fewshot import few_shot_study
from pet.task import load_task

VARIANTS: dict[str, dict[str, Any]] = {
    "words": {},
    "word-weights": {"readout": ("word-weights",)},
    "class-vectors": {"readout": ("class-vectors",)},
    "prototypes": {"readout": ("prototypes",)},
    "words+prototypes": {"readout": ("words", "prototypes")},
    "adapet": {"objective": "adapet"},
    "demonstrations": {"demonstrations": 2},
}


def row(name: str, cells: list[CellResult], baseline: list[CellResult]) -> list[str]:
    """Mean and deviation over seeds, mean difference from the baseline, seconds of training."""
    own = np.array([100 * next(iter(cell.models.values())).accuracy for cell in cells])
    plain = np.array([100 * next(iter(cell.models.values())).accuracy for cell in baseline])
    gain = own - plain
    return [
        name,
        f"{own.mean():.1f} ± {own.std(ddof=len(own) > 1):.1f}",
        "-" if cells is baseline else f"{gain.mean():+.1f} ± {gain.std(ddof=len(gain) > 1):.1f}",
        f"{np.mean([cell.seconds for cell in cells]):.0f}",
    ]


@click.command()
@click.option("--task", required=True)
@click.option("--train", "pool", required=True, help="Pool to draw from.")
@click.option("--test", required=True)
@click.option("--variants", default=",".join(VARIANTS), show_default=True, help="words is first.")
@click.option("--shots", default=16, show_default=True)
@click.option("--seeds", default="13,21,42,87,100", show_default=True)
@click.option("--patterns", help="Numbers, such as 0,2-3.  [default: all]")
@click.option("--max-steps", type=int, help="Optimiser steps of a member.")
@click.option("--max-length", default=BackboneConfig.max_length, show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
def main(
    task: str,
    pool: str,
    test: str,
    variants: str,
    shots: int,
    seeds: str,
    patterns: str | None,
    max_steps: int | None,
    max_length: int,
    output: Path,
) -> None:
    """Measure the variants on one task."""
    files = TaskFiles(load_task(task), pool, test)
    config = StudyConfig(("pet",), (shots,), number_list(seeds, "--seeds"), unlabeled=0)
    names = list(dict.fromkeys(["words", *variants.split(",")]))
    found: dict[str, list[CellResult]] = {}
    for name in names:
        flat = {"patterns": pattern_numbers(patterns), "max_steps": max_steps}
        settings = Settings.from_flat({**flat, "max_length": max_length, **VARIANTS[name]})
        with progress_bars() as progress:
            study = few_shot_study([files], config, settings, output / name, progress=progress)
        found[name] = list(study.cells)
    header = [f"{task}, {shots} shots", "accuracy", "over words, paired", "seconds"]
    click.echo(text_table([row(name, found[name], found["words"]) for name in names], header))


if __name__ == "__main__":
    main()
