"""Combining members: every weighting and combiner on the same members' scores.

    python benchmarks/weights.py --data DIR --results FOLDER

DIR has one folder a task with train.jsonl. For every task and seed, shots are drawn from it and the
members trained once, and once a fold; they score rows of the same file beyond the draw. (No test
file is read: a default may be chosen by these figures.) The scores of a draw are one .npz file of
FOLDER, so an interrupted study goes on; --summary prints the table from the files there are.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import click
import numpy as np
from scipy.special import softmax

from pet.backbone import holding
from pet.cli.options import pattern_numbers
from pet.config import BackboneConfig, EnsembleConfig, Settings, TrainingConfig, Weighting
from pet.config.base import number_list
from pet.data import Columns, Data, draw_shots, examples_from
from pet.evaluation.tables import text_table
from pet.members import MemberSet, Work, specs_of
from pet.members.executing import fold_specs, out_of_fold_scores
from pet.members.folds import stratified_splits
from pet.members.store import MemberStore
from pet.model import Ensemble
from pet.model.combiners import COMBINERS
from pet.model.ensemble import pairwise_agreement
from pet.model.reliability import calibration_error
from pet.model.temperature import confident_temperature, fit_temperature
from pet.model.weighting import weighed
from pet.pipeline import asked
from pet.runs import RunFolder
from pet.seeds import RunStream, derived_seed
from pet.task import load_task
from pet.task.labels import label_numbers

TASKS = "sst2,mr,ag_news,trec,emotion,yelp_full"


def scores_of(data: Path, name: str, shots: int, rows: int, settings: Settings) -> dict[str, Any]:
    """Train the members of one draw, whole and fold by fold; return all scores, (M, N, C)."""
    task = load_task(name)
    pool = list(examples_from(data / name / "train.jsonl", Columns(task, {})))
    train = draw_shots(pool, task.labels, shots, derived_seed(settings.seed, RunStream.SHOTS))
    taken = {example.key for example in train}
    rest = [example for example in pool if example.key not in taken]
    order = np.random.default_rng(derived_seed(settings.seed, 6)).permutation(len(rest))[:rows]
    held_out = [rest[i] for i in order]
    targets, known = (
        label_numbers([example.label for example in examples], task.labels)
        for examples in (held_out, train)
    )
    splits = stratified_splits(known, settings.ensemble.folds, settings.seed)
    specs = specs_of(task, settings)
    with TemporaryDirectory() as temporary, holding(settings.backbone) as backbone:
        inputs = Data(train)
        work = Work(task, inputs)
        folder = RunFolder.start(Path(temporary) / "run", asked(task, settings, inputs))
        store = MemberStore(folder, settings.backbone, work)
        results = store.members(specs)
        weights = {result.name: result.weights for result in results}
        offsets = {result.name: result.offsets for result in results}
        members = MemberSet(backbone, task, specs, weights, offsets)
        scores = members.scores([example.texts for example in held_out])
        whole = out_of_fold_scores(
            [f for s in specs for f in fold_specs(s, settings.backbone, work, splits)], work
        )
        folds = [whole[spec.name] for spec in specs]
    combine = Ensemble.uniform(len(specs)).member_scores
    return {
        "scores": combine(scores),
        "targets": targets,
        "fold_scores": combine(folds),
        "fold_targets": known,
        "accuracies": np.array([result.accuracy_before for result in results]),
    }


def figures(draw: Any, weighting: str, combiner: str) -> tuple[float, ...]:
    """Return accuracy, and calibration error without temperature, with agreement's and folds'.

    Agreement is measured on one half of the rows and tested on the other, and the other way round.
    """
    scores, folds = ([row[None] for row in draw[key]] for key in ("scores", "fold_scores"))
    uniform = Ensemble.uniform(len(scores), combine_members=combiner)
    accuracies = draw["accuracies"].tolist()
    ensemble = weighed(uniform, weighting, accuracies, folds, draw["fold_targets"])
    combined, votes, targets = ensemble(scores), ensemble.member_scores(scores), draw["targets"]
    fitted = fit_temperature(ensemble(folds), draw["fold_targets"])
    halves = [np.arange(start, len(targets), 2) for start in (0, 1)]
    agreed = []
    for seen, held_out in (halves, halves[::-1]):
        agreement = pairwise_agreement(votes[:, seen])
        temperature = confident_temperature(combined[seen], agreement)
        shares = softmax(combined[held_out] / temperature, axis=1)
        agreed.append(calibration_error(shares, targets[held_out]))
    plain, known = (
        calibration_error(softmax(combined / t, axis=1), targets) for t in (1.0, fitted)
    )
    accuracy = float((combined.argmax(axis=1) == targets).mean())
    return accuracy, plain, float(np.mean(agreed)), known


def summary(folder: Path, tasks: list[str]) -> str:
    """Return means over seeds: accuracy by task in points, and calibration errors over all."""
    draws = {
        name: [np.load(file) for file in sorted(folder.glob(f"{name}-*.npz"))] for name in tasks
    }
    draws = {name: files for name, files in draws.items() if files}
    table = []
    for weighting in get_args(Weighting):
        for combiner in COMBINERS:
            by_task = {
                name: np.mean([figures(draw, weighting, combiner) for draw in files], axis=0)
                for name, files in draws.items()
            }
            mean = np.mean(list(by_task.values()), axis=0)
            table.append(
                [
                    f"{weighting}, {combiner}",
                    *(f"{100 * row[0]:.1f}" for row in by_task.values()),
                    f"{100 * mean[0]:.2f}",
                    *(f"{error:.3f}" for error in mean[1:]),
                ]
            )
    counts = [f"{name} ({len(files)})" for name, files in draws.items()]
    header = ["weights, combiner", *counts, "mean", "ece", "agreement", "folds"]
    return text_table(table, header)


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--results", required=True, type=click.Path(path_type=Path), help="Scores go there.")
@click.option("--tasks", default=TASKS, show_default=True)
@click.option("--seeds", default="13,21,42,87,100", show_default=True)
@click.option("--shots", default=16, show_default=True)
@click.option("--rows", default=1000, show_default=True, help="Rows beyond the draw to score.")
@click.option("--patterns", default="all", show_default=True, help="Numbers, such as 0,2-3.")
@click.option("--max-steps", type=int, help="Optimiser steps of a member.")
@click.option("--max-length", default=BackboneConfig.max_length, show_default=True)
@click.option("--folds", default=EnsembleConfig.folds, show_default=True)
@click.option("--summary", "only_summary", is_flag=True, help="Only print what is there.")
def main(
    data: Path,
    results: Path,
    tasks: str,
    seeds: str,
    shots: int,
    rows: int,
    patterns: str,
    max_steps: int | None,
    max_length: int,
    folds: int,
    only_summary: bool,
) -> None:
    """Compare weightings and combiners over tasks and seeds."""
    results.mkdir(parents=True, exist_ok=True)
    names = tasks.split(",")
    for seed in () if only_summary else number_list(seeds, "--seeds"):
        for name in names:
            target = results / f"{name}-{seed}.npz"
            if target.exists():
                continue
            settings = Settings(
                seed=seed,
                patterns=pattern_numbers(patterns),
                backbone=BackboneConfig(max_length=max_length),
                training=TrainingConfig(max_steps=max_steps),
                ensemble=EnsembleConfig(folds=folds),
            )
            scores = scores_of(data, name, shots, rows, settings)
            unfinished = target.with_suffix(".part")
            with unfinished.open("wb") as stream:
                np.savez(stream, **scores)
            unfinished.rename(target)
            click.echo(f"{name}, seed {seed}: done", err=True)
    click.echo(summary(results, names))


if __name__ == "__main__":
    main()
