"""Backbones side by side: loss at masked words, and accuracy of patterns with them.

    python benchmarks/backbones.py pet-mini OTHER --text 'corpus/*.txt.gz' --data DIR -o FOLDER

Held-out documents of every text file are packed into rows, and 15 % of the tokens are masked; loss
(nats) and accuracy are of these. pet adapt holds out the same documents when it is given the same
files, --held-out and --seed. DIR has one folder a task with train.jsonl: accuracy without labels
(zero-shot, all patterns) and, with --shots, of PET without unlabelled text, on the file's last
rows. Test files are read only with --test, which is for the end of all choices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from glob import glob
from pathlib import Path

import click
import numpy as np
from fresh import fresh
from variants import TASKS, files_of

from pet.adaptation import Source
from pet.adaptation.corpus import Corpus
from pet.adaptation.heldout import HeldOut, HeldOutFigures
from pet.adaptation.packing import Packer
from pet.backbone import MaskedLM
from pet.cli.console import progress_bars
from pet.cli.options import pattern_numbers
from pet.config import Settings, StudyConfig
from pet.config.base import number_list
from pet.data.documents import documents_from
from pet.evaluation.study.fewshot import few_shot_study
from pet.evaluation.tables import percent, text_table


def masked(names: Sequence[str], files: Sequence[str], held_out: int, seed: int) -> str:
    """Return a table of loss and accuracy at masked words, a row a text file."""

    def source(file: str) -> Source:
        return Source(file, lambda: documents_from(file))

    # One corpus, as in pet adapt: the held-out documents depend on all files together.
    hidden = set(Corpus([source(file) for file in files], held_out, seed).held_out())
    table = []
    by_file: dict[str, list[HeldOutFigures]] = {file: [] for file in files}
    for name in names:
        backbone = MaskedLM.load(name, "auto", "auto")
        packer = Packer(backbone.tokenizer, min(128, backbone.max_length))
        for file in files:
            documents = (text for text in source(file).documents() if text in hidden)
            figures = HeldOut(backbone, packer.sample(documents, 64, seed)).measure(backbone)
            if figures is not None:
                by_file[file].append(figures)
    by_file = {file: figures for file, figures in by_file.items() if figures}
    for file, figures in by_file.items():
        cells = [cell for held_out in figures for cell in _cells(held_out.loss, held_out.accuracy)]
        table.append([Path(file).name, *cells])
    means = np.mean(
        [[(f.loss, f.accuracy) for f in figures] for figures in by_file.values()], axis=0
    )
    table.append(["mean", *(cell for mean in means for cell in _cells(*mean))])
    header = [f"{what}, {Path(name).name}" for name in names for what in ("loss", "accuracy")]
    return text_table(table, ["text", *header])


def _cells(loss: float, accuracy: float) -> list[str]:
    return [f"{loss:.3f}", percent(accuracy)]


@click.command()
@click.argument("backbones", nargs=-1, required=True)
@click.option("--text", help="Text files, as a pattern in quotes.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--tasks", default=TASKS, show_default=True)
@click.option("--shots", type=int, help="Train members on this many examples a label.")
@click.option("--seeds", default="13,21,42,87,100", show_default=True)
@click.option("--patterns", default="0-3", show_default=True, help="Numbers, such as 0,2-3.")
@click.option("--fresh", "strange", is_flag=True, help="Patterns of fresh.py, not the tasks' own.")
@click.option("--max-length", default=64, show_default=True)
@click.option("--rows", default=300, show_default=True, help="Labelled rows to measure on.")
@click.option("--test", is_flag=True, help="Measure on test.jsonl instead.")
@click.option("--held-out", default=500, show_default=True, help="Documents, in all files.")
@click.option("--seed", default=13, show_default=True, help="Seed of the held-out documents.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
def main(
    backbones: tuple[str, ...],
    text: str | None,
    data: Path | None,
    tasks: str,
    shots: int | None,
    seeds: str,
    patterns: str,
    strange: bool,
    max_length: int,
    rows: int,
    test: bool,
    held_out: int,
    seed: int,
    output: Path,
) -> None:
    """Compare BACKBONES, names or folders."""
    if text is not None:
        click.echo(masked(backbones, sorted(glob(text)), held_out, seed) + "\n")
    if data is None:
        return
    files = [files_of(data, name, None if test else rows, rows) for name in tasks.split(",")]
    if strange:
        files = [replace(of_task, task=fresh(of_task.task.name)) for of_task in files]
    for method in ("zero-shot", *(["pet"] if shots else [])):
        # Without training nothing depends on the seed.
        drawn = number_list(seeds, "--seeds")[: 1 if method == "zero-shot" else None]
        config = StudyConfig((method,), (shots or 1,), drawn, unlabeled=0)
        table = []
        for index, name in enumerate(backbones):
            wanted = {
                "backbone": name,
                "max_length": max_length,
                "members": ("cloze",),
                "patterns": pattern_numbers(patterns),
            }
            settings = Settings.from_flat(wanted)
            with progress_bars() as progress:
                folder = output / f"{method}-{index}"
                study = few_shot_study(files, config, settings, folder, progress=progress)
            by_task: dict[str, list[float]] = {}
            for cell in study.cells:
                by_task.setdefault(cell.task, []).append(100 * cell.models[method].accuracy)
            accuracies = np.array(list(by_task.values()))
            cells = [f"{of_task.mean():.1f}" for of_task in accuracies]
            if len(drawn) > 1:
                spread = accuracies.std(axis=1, ddof=1)
                cells = [f"{cell} ± {s:.1f}" for cell, s in zip(cells, spread, strict=True)]
            table.append([name, *cells, f"{accuracies.mean():.1f}"])
        label = method if method == "zero-shot" else f"{method}, {shots} shots"
        click.echo(text_table(table, [label, *tasks.split(","), "mean"]) + "\n")


if __name__ == "__main__":
    main()
