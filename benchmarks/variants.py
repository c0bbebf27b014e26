"""Ways to make a member against the plain pattern, on the same draws.

    python benchmarks/variants.py readouts --task sst2 --train POOL.jsonl --test TEST.jsonl -o DIR
    python benchmarks/variants.py soft --task sst2 --train POOL.jsonl --test TEST.jsonl -o DIR

Every variant is a few-shot study of its own in DIR (pet fewshot does the same with its options):
the same draws from the pool, the same patterns, no unlabelled text, so that the model is the
members' ensemble. The same command goes on where it stopped. Variants were not tuned on any task.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click
import numpy as np

from pet.cli.console import progress_bars
from pet.cli.options import pattern_numbers
from pet.config import BackboneConfig, Settings, StudyConfig
from pet.config.base import number_list
from pet.config.soft import SoftKind
from pet.evaluation import text_table
from pet.study.cells import CellResult, TaskFiles
from pet.study.fewshot import few_shot_study
from pet.task import load_task

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
            f"{kind}, {scope}": {"soft": (kind,), "scope": scope}
            for kind in get_args(SoftKind)
            for scope in ("prompt", "prompt+head", "all")
        },
        "softened words, prompt": {"soften": "words", "scope": "prompt"},
        "softened words, all": {"soften": "words", "scope": "all"},
        "warp": {
            "soft": ("prompt-tuning",),
            "soft_start": "mask",
            "readout": ("class-vectors",),
            "scope": "prompt",
        },
        "mixture of 4, prompt": {"soft": ("prompt-tuning",), "mixture": 4, "scope": "prompt"},
        "mixture of 4, all": {"soft": ("prompt-tuning",), "mixture": 4, "scope": "all"},
        "hard + prompt-tuning, all": {"soft": ("none", "prompt-tuning"), "scope": "all"},
    },
}


def row(name: str, cells: list[CellResult], baseline: list[CellResult]) -> list[str]:
    """Mean and deviation over seeds, mean difference from the baseline, and what it costs."""
    own = np.array([100 * next(iter(cell.models.values())).accuracy for cell in cells])
    plain = np.array([100 * next(iter(cell.models.values())).accuracy for cell in baseline])
    gain = own - plain
    return [
        name,
        f"{own.mean():.1f} ± {own.std(ddof=len(own) > 1):.1f}",
        "-" if cells is baseline else f"{gain.mean():+.1f} ± {gain.std(ddof=len(gain) > 1):.1f}",
        f"{np.mean([cell.seconds for cell in cells]):.0f}",
        f"{np.mean([cell.memory for cell in cells]):.0f}",
        f"{cells[0].trained or 0:,}",
    ]


@click.command()
@click.argument("group", type=click.Choice(list(GROUPS)))
@click.option("--task", required=True)
@click.option("--train", "pool", required=True, help="Pool to draw from.")
@click.option("--test", required=True)
@click.option("--variants", multiple=True, help="Names of some; repeatable.  [default: all]")
@click.option("--shots", default=16, show_default=True)
@click.option("--seeds", default="13,21,42,87,100", show_default=True)
@click.option("--patterns", help="Numbers, such as 0,2-3.  [default: all]")
@click.option("--max-steps", type=int, help="Optimiser steps of a member.")
@click.option("--max-length", default=BackboneConfig.max_length, show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
def main(
    group: str,
    task: str,
    pool: str,
    test: str,
    variants: tuple[str, ...],
    shots: int,
    seeds: str,
    patterns: str | None,
    max_steps: int | None,
    max_length: int,
    output: Path,
) -> None:
    """Measure the variants of a group on one task."""
    known = GROUPS[group]
    first = next(iter(known))
    files = TaskFiles(load_task(task), pool, test)
    config = StudyConfig(("pet",), (shots,), number_list(seeds, "--seeds"), unlabeled=0)
    names = list(dict.fromkeys([first, *(variants or known)]))
    found: dict[str, list[CellResult]] = {}
    for name in names:
        flat = {"patterns": pattern_numbers(patterns), "max_steps": max_steps}
        settings = Settings.from_flat({**flat, "max_length": max_length, **known[name]})
        with progress_bars() as progress:
            study = few_shot_study(
                [files], config, settings, output / name.replace(", ", "-"), progress=progress
            )
        found[name] = list(study.cells)
    header = [f"{task}, {shots} shots", "accuracy", f"over {first}, paired", "seconds"]
    header += ["peak MiB", "trained a member"]
    click.echo(text_table([row(name, found[name], found[first]) for name in names], header))


if __name__ == "__main__":
    main()
