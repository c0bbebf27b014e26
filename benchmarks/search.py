"""What searched label words and patterns give against the hand-written ones, without training.

    python benchmarks/search.py --data DIR

DIR has one folder a task with train.jsonl; test files are never read. Of each, 200 rows are held
out; every seed draws its shots from the rest, and searches on them alone. Accuracy is that of the
untrained ensemble of the task's first patterns, calibrated on the shots.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray

from pet.backbone import MaskedLM
from pet.cli.options import number_list
from pet.config import WordSearchConfig
from pet.data import Columns, Example, draw_shots, examples_from
from pet.encoding import Chunk
from pet.evaluation import text_table
from pet.kpt import kpt
from pet.lm_bff import lm_bff
from pet.petal import petal
from pet.pvp import PVP
from pet.readings import FoundWords, Readings
from pet.scoring import PVPScorer, Scores
from pet.seeds import derived_seed
from pet.task import Task, load_task
from pet.training import label_numbers
from pet.verbalize import all_words, with_words
from pet.vocabulary import WordTable

TASKS = "sst2,mr,ag_news,trec,emotion,yelp_full"
Search = Callable[[Readings, Task], dict[int | None, FoundWords]]


def each(search: Callable[[Readings], FoundWords], readings: Readings) -> dict:
    """Search for every pattern alone."""
    return {number: search(readings.only(number)) for number in range(len(readings.states))}


def refined(readings: Readings, task: Task) -> dict[int | None, FoundWords]:
    """Refine the words of the task by hand with KPT."""
    given = all_words(task, task.pvps)
    words = [word for own in given.words.values() for word in own]
    table = WordTable.of(words, readings.backbone.tokenizer, readings.encoders)
    config = WordSearchConfig(search="kpt")
    return {None: kpt(replace(readings, table=table), config, given)}


def trimmed(readings: Readings) -> Readings:
    """Leave the words that are likeliest in the unlabelled sample."""
    return readings.frequent(WordSearchConfig().frequent)


SEARCHES: dict[str, Search] = {
    "petal": lambda r, _: {None: petal(trimmed(r), WordSearchConfig())},
    "petal, a pattern": lambda r, _: each(
        lambda part: petal(trimmed(part), WordSearchConfig(joint=False)), r
    ),
    "petal, 3 words": lambda r, _: {None: petal(trimmed(r), WordSearchConfig(words=3))},
    "lm-bff": lambda r, _: {None: lm_bff(trimmed(r), WordSearchConfig(search="lm-bff"))},
    "lm-bff, 3 words": lambda r, _: {
        None: lm_bff(trimmed(r), WordSearchConfig(search="lm-bff", words=3))
    },
    "kpt of hand": refined,
}


def scores_of(
    backbone: MaskedLM, tasks: Sequence[Task], texts: Sequence[Example], max_length: int
) -> list[list[Scores]]:
    """Score texts with tasks that differ in their words: for each task and pattern (V, N, C).

    All words share one forward pass a pattern.
    """
    chunk = Chunk(backbone.tokenizer, [example.texts for example in texts])
    found: list[list[Scores]] = [[] for _ in tasks]
    for number in range(len(tasks[0].pvps)):
        pvps = [task.pvps[number] for task in tasks]
        joined = PVP(pvps[0].pattern, *(v for pvp in pvps for v in pvp.verbalizers))
        scores = PVPScorer(joined, tasks[0].labels, backbone, max_length).score(chunk)
        for own, pvp in zip(found, pvps, strict=True):
            own.append(scores[: len(pvp.verbalizers)])
            scores = scores[len(pvp.verbalizers) :]
    return found


def calibrated(
    scores: Sequence[Scores], shots: Sequence[Scores], targets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Ensemble scores (N, C), less the shots' means, every label counting the same."""
    parts = []
    for held, drawn in zip(scores, shots, strict=True):
        labels = [drawn[:, targets == label].mean(axis=1) for label in np.unique(targets)]
        parts.append((held - np.mean(labels, axis=0)[:, None]).mean(axis=0))
    return np.mean(parts, axis=0)


def one_task(
    backbone: MaskedLM,
    name: str,
    data: Path,
    seeds: Sequence[int],
    shots: int,
    patterns: int,
    held_out: int,
    sample: int,
    max_length: int,
) -> dict[str, list[float]]:
    """Accuracy on the held-out rows for every way to get words, one a seed."""
    task = load_task(name)
    task = replace(task, pvps=task.pvps[:patterns])
    rows = list(examples_from(data / name / "train.jsonl", Columns(task, {})))
    order = np.random.default_rng(0).permutation(len(rows))
    held = [rows[number] for number in order[:held_out]]
    unlabelled = [rows[number].texts for number in order[held_out : held_out + sample]]
    pool = [rows[number] for number in order[held_out + sample :]]
    ways: list[tuple[str, int]] = []
    tasks: list[Task] = []
    draws = {seed: draw_shots(pool, task.labels, shots, derived_seed(seed, 3)) for seed in seeds}
    for seed, drawn in draws.items():
        with torch.inference_mode():
            readings = Readings.take(
                backbone, task.pvps, task.labels, drawn, unlabelled, max_length
            )
            found = {way: search(readings, task) for way, search in SEARCHES.items()}
        tasks += [task, *(with_words(task, words) for words in found.values())]
        ways += [(way, seed) for way in ("hand", *found)]
        click.echo(
            json.dumps(
                {
                    "task": name, "seed": seed,
                    **{
                        way: {label: list(own) for label, own in words[None].scores.items()}
                        for way, words in found.items() if None in words
                    },
                }
            ),
            err=True,
        )  # fmt: skip
    on_held = scores_of(backbone, tasks, held, max_length)
    targets = label_numbers([example.label for example in held], task.labels)
    accuracies: dict[str, list[float]] = {}
    for seed, drawn in draws.items():
        own = [number for number, (_, other) in enumerate(ways) if other == seed]
        on_shots = scores_of(backbone, [tasks[number] for number in own], drawn, max_length)
        labels = label_numbers([example.label for example in drawn], task.labels)
        for number, shot_scores in zip(own, on_shots, strict=True):
            predicted = calibrated(on_held[number], shot_scores, labels).argmax(axis=1)
            accuracies.setdefault(ways[number][0], []).append(float((predicted == targets).mean()))
    return accuracies


def table(results: dict[str, dict[str, list[float]]]) -> str:
    """Mean and deviation over the seeds, in points of accuracy, a line a task."""
    ways = list(next(iter(results.values())))
    rows = []
    for name, own in results.items():
        cells = [f"{100 * np.mean(own[w]):.1f} ± {100 * np.std(own[w], ddof=1):.1f}" for w in ways]
        rows.append([name, *cells])
    means = [np.mean([np.mean(own[way]) for own in results.values()]) for way in ways]
    rows.append(["mean", *(f"{100 * mean:.1f}" for mean in means)])
    return text_table(rows, ["task", *ways])


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--tasks", default=TASKS, show_default=True)
@click.option("--seeds", default="13,21,42,87,100", show_default=True)
@click.option("--shots", default=16, show_default=True)
@click.option("--patterns", default=4, show_default=True, help="The first so many of each task.")
@click.option("--held-out", default=200, show_default=True, help="Rows of the train file.")
@click.option("--sample", default=100, show_default=True, help="Unlabelled rows for the searches.")
@click.option("--max-length", default=96, show_default=True)
def main(
    data: Path,
    tasks: str,
    seeds: str,
    shots: int,
    patterns: int,
    held_out: int,
    sample: int,
    max_length: int,
) -> None:
    """Measure what searches give without training."""
    start = time.process_time()
    backbone = MaskedLM.load()
    numbers = number_list(seeds, "--seeds")
    results = {}
    for name in tasks.split(","):
        results[name] = one_task(
            backbone, name, data, numbers, shots, patterns, held_out, sample, max_length
        )
    click.echo(table(results))
    click.echo(f"\nprocessor seconds: {time.process_time() - start:.0f}")


if __name__ == "__main__":
    main()
