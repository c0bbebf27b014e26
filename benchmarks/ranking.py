"""Test of `pet patterns`: does it find the pattern that is the best after training?

    python benchmarks/quality.py --data DIR --results FILE.jsonl --unlabeled 1000 --max-length 128
    python benchmarks/ranking.py --data DIR --results FILE.jsonl --max-length 128

The first command trained every pattern on every draw and tested it. This one ranks the same
patterns on the same shots without training and without any test text, and shows the accuracy of the
trained patterns that it would have chosen.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from scipy.stats import spearmanr

from pet.backbone import LanguageModel, load_backbone
from pet.cli.options import pattern_numbers
from pet.config import BackboneConfig, RankConfig, Settings
from pet.data import Columns, Data, Pool, draw_shots, examples_from
from pet.evaluation.ranking import rank_patterns
from pet.evaluation.tables import text_table
from pet.seeds import RunStream, derived_seed
from pet.task import load_task

COLUMNS = ("mean pattern", "chosen: likelihood", "chosen: agreement", "best", "rank correlation")


def one_draw(
    data: Path, run: dict[str, Any], shots: int, settings: Settings, backbone: LanguageModel
) -> list[float]:
    """Rank the patterns of a line of the results; return the figures of `COLUMNS`."""
    task = load_task(run["task"])
    file = data / run["task"] / "train.jsonl"
    train = draw_shots(
        list(examples_from(file, Columns(task, {}))),
        task.labels,
        shots,
        derived_seed(settings.seed, RunStream.SHOTS),
    )
    pool = Pool(
        lambda: examples_from(file, Columns(task, {}, "ignored")),
        train,
        200,
        derived_seed(settings.seed, RunStream.UNLABELLED),
    )
    ranking = rank_patterns(task, settings, Data(train, (), pool), RankConfig(), backbone=backbone)
    assert settings.patterns is not None
    place = {pattern: index for index, pattern in enumerate(settings.patterns)}
    tested = [run["patterns"][place[row.pattern]] for row in ranking.patterns]
    agreeing = max(range(len(tested)), key=lambda row: ranking.patterns[row].agreement or 0.0)
    order = spearmanr([-row for row in range(len(tested))], tested).statistic
    return [float(np.mean(tested)), tested[0], tested[agreeing], max(tested), float(order)]


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--results", required=True, type=click.Path(path_type=Path))
@click.option("--shots", default=16, show_default=True, help="As in the results.")
@click.option("--patterns", default="0-3", show_default=True, help="As in the results.")
@click.option("--max-length", default=128, show_default=True, help="As in the results.")
def main(data: Path, results: Path, shots: int, patterns: str, max_length: int) -> None:
    """Compare chosen patterns with the mean and the best one, over all draws of the results."""
    draws: dict[str, list[list[float]]] = {}
    start = time.process_time()
    backbone = load_backbone()
    for line in results.read_text("utf-8").splitlines():
        run = json.loads(line)
        settings = Settings(
            seed=run["seed"],
            patterns=pattern_numbers(patterns),
            backbone=BackboneConfig(max_length=max_length),
        )
        draws.setdefault(run["task"], []).append(one_draw(data, run, shots, settings, backbone))
        click.echo(f"{run['task']}, seed {run['seed']}: done", err=True)
    means = {task: np.nanmean(rows, axis=0) for task, rows in draws.items()}
    means["mean"] = np.mean(list(means.values()), axis=0)
    table = [
        [task, *(f"{100 * value:.1f}" for value in row[:-1]), f"{row[-1]:+.2f}"]
        for task, row in means.items()
    ]
    click.echo(text_table(table, ["task", *COLUMNS]))
    click.echo(f"{time.process_time() - start:.0f} processor seconds")


if __name__ == "__main__":
    main()
