"""Accuracy of searched label words and patterns against hand-written ones, without training.

    python benchmarks/search.py --data DIR
    python benchmarks/search.py --data DIR --part patterns

DIR has one folder a task with train.jsonl; test files are never read. Some rows are held out; every
seed draws its shots from the others, and searches on them alone. Accuracy is that of untrained
patterns on the held-out rows, calibrated on the shots: of the ensemble where not said otherwise.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray

from pet.backbone import LanguageModel, load_backbone
from pet.config import BackboneConfig, RankConfig, Settings, TemplateSearchConfig, WordSearchConfig
from pet.config.base import number_list
from pet.data import Columns, Data, Example, draw_shots, examples_from
from pet.encoding import Chunk
from pet.evaluation.ranking import rank_patterns
from pet.evaluation.tables import text_table
from pet.scoring import PVPScorer
from pet.search.candidates import candidates
from pet.search.kpt import kpt
from pet.search.lm_bff import lm_bff
from pet.search.petal import petal
from pet.search.readings import FoundWords, Readings
from pet.search.verbalize import all_words, with_words
from pet.search.vocabulary import WordTable
from pet.seeds import RunStream, derived_seed
from pet.task import PVP, Task, load_task
from pet.task.labels import label_numbers
from pet.types import Scores

TASKS = "sst2,mr,ag_news,trec,emotion,yelp_full"
# Halvings of the shots by which patterns are ranked; few, because there are many candidates.
HALVINGS = 2
Search = Callable[[Readings, Task], dict[int | None, FoundWords]]


def each(search: Callable[[Readings], FoundWords], readings: Readings) -> dict:
    """Search for every pattern alone."""
    return {index: search(readings.only(index)) for index in range(len(readings.states))}


def refined(readings: Readings, task: Task) -> dict[int | None, FoundWords]:
    """Refine the words of the task by hand with KPT."""
    given = all_words(task, task.pvps)
    words = [word for words in given.words.values() for word in words]
    table = WordTable.single_tokens(words, readings.backbone.tokenizer, readings.encoders)
    config = WordSearchConfig(search="kpt")
    return {None: kpt(replace(readings, table=table), config, given)}


def trimmed(readings: Readings) -> Readings:
    """Keep the words that are likeliest in the unlabelled sample."""
    return readings.frequent(WordSearchConfig().frequent)


SEARCHES: dict[str, Search] = {
    "petal": lambda r, _: {None: petal(trimmed(r), WordSearchConfig())},
    "petal, a pattern": lambda r, _: each(
        lambda readings: petal(trimmed(readings), WordSearchConfig(joint=False)), r
    ),
    "petal, 3 words": lambda r, _: {None: petal(trimmed(r), WordSearchConfig(words=3))},
    "lm-bff": lambda r, _: {None: lm_bff(trimmed(r), WordSearchConfig(search="lm-bff"))},
    "lm-bff, 3 words": lambda r, _: {
        None: lm_bff(trimmed(r), WordSearchConfig(search="lm-bff", words=3))
    },
    "kpt of hand": refined,
}


def scores_of(
    backbone: LanguageModel, tasks: Sequence[Task], texts: Sequence[Example], max_length: int
) -> list[list[Scores]]:
    """Score texts with tasks that differ in their words: for each task and pattern (V, N, C).

    All words share one forward pass a pattern.
    """
    chunk = _chunk(backbone, texts)
    by_task: list[list[Scores]] = [[] for _ in tasks]
    for index in range(len(tasks[0].pvps)):
        pvps = [task.pvps[index] for task in tasks]
        joined = PVP(pvps[0].pattern, *(v for pvp in pvps for v in pvp.verbalizers))
        scores = PVPScorer(joined, tasks[0].labels, backbone, max_length).score(chunk)
        for task_scores, pvp in zip(by_task, pvps, strict=True):
            task_scores.append(scores[: len(pvp.verbalizers)])
            scores = scores[len(pvp.verbalizers) :]
    return by_task


def calibrated(
    scores: Sequence[Scores], shots: Sequence[Scores], targets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return ensemble scores (N, C), less the shots' means, every label counting the same."""
    by_pattern = []
    for held, drawn in zip(scores, shots, strict=True):
        labels = [drawn[:, targets == label].mean(axis=1) for label in np.unique(targets)]
        by_pattern.append((held - np.mean(labels, axis=0)[:, None]).mean(axis=0))
    return np.mean(by_pattern, axis=0)


@dataclass(frozen=True)
class Draws:
    """A task's rows: H held out, some unlabelled, and every seed's shots."""

    task: Task
    held: list[Example]
    unlabelled: list[Mapping[str, str]]
    shots: dict[int, list[Example]]

    @classmethod
    def from_file(
        cls, task: Task, file: Path, seeds: Sequence[int], shots: int, held: int, sample: int
    ) -> Draws:
        """Draw the rows, disjoint except for the seeds' shots, which are drawn from one pool."""
        rows = list(examples_from(file, Columns(task, {})))
        rows = [rows[index] for index in np.random.default_rng(0).permutation(len(rows))]
        pool = rows[held + sample :]
        drawn = {
            s: draw_shots(pool, task.labels, shots, derived_seed(s, RunStream.SHOTS)) for s in seeds
        }
        return cls(task, rows[:held], [row.texts for row in rows[held : held + sample]], drawn)

    def targets(self, examples: Sequence[Example]) -> NDArray[np.int64]:
        """Return label indices, (N,)."""
        return label_numbers([example.label for example in examples], self.task.labels)

    def accuracy(
        self, scores: Sequence[Scores], on_shots: Sequence[Scores], shots: Sequence[Example]
    ) -> float:
        """Return the share of held-out rows that patterns label correctly."""
        combined = calibrated(scores, on_shots, self.targets(shots))
        return float((combined.argmax(axis=1) == self.targets(self.held)).mean())


def words_of_task(
    backbone: LanguageModel, draws: Draws, patterns: int, max_length: int
) -> dict[str, list[float]]:
    """Return accuracies of every way to get words, one a seed."""
    task = replace(draws.task, pvps=draws.task.pvps[:patterns])
    ways: list[tuple[str, int]] = []
    tasks: list[Task] = []
    for seed, shots in draws.shots.items():
        with torch.inference_mode():
            readings = Readings.read(
                backbone, task.pvps, task.labels, shots, draws.unlabelled, max_length
            )
            by_way = {way: search(readings, task) for way, search in SEARCHES.items()}
        tasks += [task, *(with_words(task, words) for words in by_way.values())]
        ways += [(way, seed) for way in ("hand", *by_way)]
        joint = {way: words[None].scores for way, words in by_way.items() if None in words}
        show(task=task.name, seed=seed, **{way: _names(scores) for way, scores in joint.items()})
    on_held = scores_of(backbone, tasks, draws.held, max_length)
    accuracies: dict[str, list[float]] = {}
    for seed, shots in draws.shots.items():
        of_seed = [index for index, (_, other) in enumerate(ways) if other == seed]
        on_shots = scores_of(backbone, [tasks[index] for index in of_seed], shots, max_length)
        for index, shot_scores in zip(of_seed, on_shots, strict=True):
            accuracy = draws.accuracy(on_held[index], shot_scores, shots)
            accuracies.setdefault(ways[index][0], []).append(accuracy)
    return accuracies


def patterns_of_task(
    backbone: LanguageModel, draws: Draws, patterns: int, max_length: int
) -> dict[str, list[float]]:
    """Return accuracies of the patterns by hand and of those that `pet templates` ranks best."""
    by_hand = list(range(len(draws.task.pvps)))
    task, origins = candidates(draws.task, [], TemplateSearchConfig())
    settings = Settings(backbone=BackboneConfig(max_length=max_length))
    accuracies: dict[str, list[float]] = {}
    held: dict[int, Scores] = {}
    for seed, shots in draws.shots.items():
        ranking = rank_patterns(
            task, replace(settings, seed=seed), Data(shots), RankConfig(halvings=HALVINGS)
        )
        order = [row.pattern for row in ranking.patterns]
        rules = [pattern for pattern in order if pattern not in by_hand]
        best = order[0]
        ways = {
            "hand": by_hand,
            "hand, ranked first": [next(pattern for pattern in order if pattern in by_hand)],
            "best pattern": [best],
            f"best {patterns}": order[:patterns],
            f"best {patterns} of rules": rules[:patterns],
        }
        show(task=task.name, seed=seed, best=[(o.template, origins[o.pattern]) for o in
             ranking.patterns[:patterns]])  # fmt: skip
        on_shots: dict[int, Scores] = {}
        for pattern in sorted({pattern for chosen in ways.values() for pattern in chosen}):
            pvp = task.pvps[pattern]
            scorer = PVPScorer(pvp, task.labels, backbone, max_length)
            if pattern not in held:
                held[pattern] = scorer.score(_chunk(backbone, draws.held))
            on_shots[pattern] = scorer.score(_chunk(backbone, shots))
        single = [draws.accuracy([held[n]], [on_shots[n]], shots) for n in by_hand]
        accuracies.setdefault("hand, mean of single", []).append(float(np.mean(single)))
        for way, chosen in ways.items():
            accuracy = draws.accuracy(
                [held[n] for n in chosen], [on_shots[n] for n in chosen], shots
            )
            accuracies.setdefault(way, []).append(accuracy)
    return accuracies


def _names(scores: Mapping[str, Mapping[str, float]]) -> dict[str, list[str]]:
    return {label: list(words) for label, words in scores.items()}


def _chunk(backbone: LanguageModel, examples: Sequence[Example]) -> Chunk:
    return Chunk(backbone.tokenizer, [example.texts for example in examples])


def show(**values: object) -> None:
    """Print values as a line of JSON beside the table."""
    click.echo(json.dumps(values), err=True)


def table(results: dict[str, dict[str, list[float]]]) -> str:
    """Return mean and deviation over the seeds, in points of accuracy, a line a task."""
    ways = list(next(iter(results.values())))
    rows = []
    for name, by_way in results.items():
        cells = [
            f"{100 * np.mean(by_way[w]):.1f} ± {100 * np.std(by_way[w], ddof=1):.1f}" for w in ways
        ]
        rows.append([name, *cells])
    means = [np.mean([np.mean(by_way[way]) for by_way in results.values()]) for way in ways]
    rows.append(["mean", *(f"{100 * mean:.1f}" for mean in means)])
    return text_table(rows, ["task", *ways])


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option(
    "--part", type=click.Choice(["words", "patterns"]), default="words", show_default=True
)
@click.option("--tasks", default=TASKS, show_default=True)
@click.option("--seeds", default="13,21,42,87,100", show_default=True)
@click.option("--shots", default=16, show_default=True)
@click.option("--patterns", default=3, show_default=True, help="Patterns in an ensemble.")
@click.option("--held-out", default=300, show_default=True, help="Rows of the train file.")
@click.option("--sample", default=48, show_default=True, help="Unlabelled rows for the searches.")
@click.option("--max-length", default=64, show_default=True)
def main(
    data: Path,
    part: str,
    tasks: str,
    seeds: str,
    shots: int,
    patterns: int,
    held_out: int,
    sample: int,
    max_length: int,
) -> None:
    """Measure the accuracy of searched words and patterns without training."""
    start = time.process_time()
    backbone = load_backbone()
    numbers = number_list(seeds, "--seeds")
    measure = words_of_task if part == "words" else patterns_of_task
    results = {}
    for name in tasks.split(","):
        file = data / name / "train.jsonl"
        draws = Draws.from_file(load_task(name), file, numbers, shots, held_out, sample)
        results[name] = measure(backbone, draws, patterns, max_length)
        show(task=name, **results[name])
    click.echo(table(results))
    click.echo(f"\nprocessor seconds: {time.process_time() - start:.0f}")


if __name__ == "__main__":
    main()
