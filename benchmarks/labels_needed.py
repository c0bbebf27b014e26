"""Labels needed to be as good as 64 random ones: each measure of `pet suggest` with quick models.

    python benchmarks/labels_needed.py --data DIR --cache FOLDER

DIR has one folder a task with train.jsonl; test files are never read. Of every set some texts are a
pool without labels and others are held out. An annotator who knows all labels is asked as the page
of `pet label` asks: five texts at a time, every fifth drawn at random from a part that was set
aside, the others chosen by a measure among the unlike ones; then a quick model is fitted. "random"
asks at random only. Both start from untrained patterns, without a label.

A row of the table is a measure: after how many labels the accuracy on the held-out texts was, twice
in a row, at least the mean accuracy of random asking with 64 labels; mean and deviation over seeds.
Who does not reach it counts as having needed them all. The second table tells when the page, with
its own measure, would have said that more labels are not worth it (stabilizing predictions), what
the accuracy was then and at the end, and how often its 95 % interval held the accuracy on the
held-out texts, looked at after every 20 labels. --grid prints what the settings of the quick model
were chosen by.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from pet.config import BackboneConfig, LabelConfig, Settings
from pet.config.base import number_list
from pet.data import Columns, Example, Pool, examples_from
from pet.evaluation.tables import text_table
from pet.labelling.choosing import next_texts
from pet.labelling.estimate import estimate
from pet.labelling.quick_model import Evidence, QuickModel, out_of_fold
from pet.labelling.reader import TextReader
from pet.labelling.stopping import LABELS_A_ROUND, verdict
from pet.search.panel import Panel
from pet.search.suggestion import MEASURES
from pet.seeds import derived_seed
from pet.task import load_task
from pet.task.labels import label_numbers

TASKS = "sst2,ag_news,trec,emotion"
A_ROUND, SHARE, TARGET = 5, 0.2, 64


@dataclass(frozen=True)
class Set:
    """A task's texts: a pool of N and H held-out ones, read once by the backbone."""

    name: str
    n_labels: int
    pool: Evidence
    targets: NDArray[np.int64]
    held: Evidence
    held_targets: NDArray[np.int64]

    @classmethod
    def read(cls, name: str, data: Path, pool: int, held: int, cache: Path | None) -> Set:
        """Read a set by pet-mini, or take what was read before."""
        task = load_task(name)
        rows = list(examples_from(data / name / "train.jsonl", Columns(task, {})))
        rows = list({row.key: row for row in rows}.values())
        order = np.random.default_rng(0).permutation(len(rows))[: pool + held]
        rows = [rows[index] for index in order]
        targets = label_numbers([row.label for row in rows], task.labels)
        file = None if cache is None else cache / f"{name}-{pool}-{held}.npz"
        if file is not None and file.exists():
            kept = np.load(file)
            evidence = Evidence(kept["vectors"], kept["members"], kept["weights"])
        else:
            evidence = _read(task, rows)
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
                np.savez(
                    file,
                    vectors=evidence.vectors,
                    members=evidence.members,
                    weights=evidence.weights,
                )
        first, last = np.arange(pool), np.arange(pool, len(rows))
        return cls(
            name, len(task.labels), evidence.rows(first), targets[first], evidence.rows(last),
            targets[last],
        )  # fmt: skip


def _read(task: object, rows: list[Example]) -> Evidence:
    settings = Settings(backbone=BackboneConfig("pet-mini", "cpu", "fp32", 128))
    reader = TextReader(Panel.untrained(task, settings, Pool(lambda: iter(rows))))
    return reader.read(rows)


@dataclass
class Course:
    """What came of asking: accuracies by number of labels, and when labelling was to end."""

    accuracies: dict[int, float]
    stopped: int | None = None
    inside: list[bool] | None = None

    def reached(self, target: float, most: int) -> int:
        """Return the number of labels from which the accuracy is the target, twice in a row."""
        counts = sorted(self.accuracies)
        for count, following in itertools.pairwise(counts):
            if min(self.accuracies[count], self.accuracies[following]) >= target:
                return count
        return most


def ask(given: Set, by: str, seed: int, most: int) -> Course:
    """Ask for labels, five at a time, up to ``most``."""
    rng = np.random.default_rng(derived_seed(seed, 0))
    count = len(given.targets)
    order = rng.permutation(count)
    aside = order[: count // 5]  # as in the page: random texts come from here only
    free = np.ones(count, bool)
    free[aside] = False
    stop_set, config = given.pool.rows(np.arange(count)), LabelConfig()
    asked: list[int] = []
    at_random: list[bool] = []
    next_random = iter((order if by == "random" else aside).tolist())
    model = QuickModel(np.zeros((0, 1)), np.zeros(0, np.int64), given.n_labels)
    course, guesses, compared = Course({}, None, []), [], 0
    while len(asked) < most:
        if by != "random":
            judgement = model.judge(given.pool)
            queue = iter(
                next_texts(
                    judgement, given.pool.vectors, free, by, config.candidates,
                    derived_seed(seed, len(asked)),
                ).tolist()
            )  # fmt: skip
        for _ in range(A_ROUND):
            is_random = by == "random" or len(asked) % round(1 / SHARE) == 0
            row = next(next_random if is_random else queue)
            free[row] = False
            asked.append(row)
            at_random.append(is_random)
        rows = np.array(asked)
        model = QuickModel(given.pool.vectors[rows], given.targets[rows], given.n_labels)
        of_held = model.judge(given.held).together.argmax(axis=1)
        course.accuracies[len(asked)] = float((of_held == given.held_targets).mean())
        if len(asked) - compared >= LABELS_A_ROUND:
            compared = len(asked)
            guesses.append(model.judge(stop_set).together.argmax(axis=1))
            if course.stopped is None and verdict(guesses).is_stable:
                course.stopped = len(asked)
            wanted = np.array(at_random)
            shares = out_of_fold(
                given.pool.rows(rows), given.targets[rows], given.n_labels, seed, wanted
            )
            told = estimate(shares, given.targets[rows][wanted])
            course.inside.append(told.low <= course.accuracies[len(asked)] <= told.high)
    return course


def grid(sets: list[Set], seeds: tuple[int, ...]) -> list[list[str]]:
    """Return mean accuracies with random labels, for strengths of the regression and counts."""
    rows = []
    for strength in (1.0, 3.0, 10.0, 30.0):
        for count in (1.0, 2.0, 4.0, 8.0):
            found = []
            for given in sets:
                for labels in (20, 64, 150):
                    for seed in seeds:
                        asked = np.random.default_rng(seed).permutation(len(given.targets))[:labels]
                        model = QuickModel(
                            given.pool.vectors[asked], given.targets[asked], given.n_labels,
                            None, strength, count,
                        )  # fmt: skip
                        guesses = model.judge(given.held).together.argmax(axis=1)
                        found.append(100 * (guesses == given.held_targets).mean())
            rows.append([f"{strength:g}", f"{count:g}", f"{np.mean(found):.1f}"])
    return rows


def shown(values: list[float], places: int = 0) -> str:
    """Return mean and deviation."""
    return f"{np.mean(values):.{places}f} ± {np.std(values, ddof=1):.{places}f}"


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--cache", type=click.Path(path_type=Path), help="Folder for what was read.")
@click.option("--tasks", default=TASKS, show_default=True)
@click.option("--seeds", default="13,21,42,87,100", show_default=True)
@click.option("--pool", default=2000, show_default=True, help="Unlabelled texts.")
@click.option("--held", default=1000, show_default=True, help="Held-out texts.")
@click.option("--most", default=200, show_default=True, help="Most labels asked for.")
@click.option("--grid", "only_grid", is_flag=True, help="Try settings of the quick model instead.")
@click.option("--measures", default=",".join(MEASURES), show_default=True)
def main(
    data: Path,
    cache: Path | None,
    tasks: str,
    seeds: str,
    pool: int,
    held: int,
    most: int,
    only_grid: bool,
    measures: str,
) -> None:
    """Count the labels that each measure needs."""
    names, draws = tasks.split(","), number_list(seeds, "--seeds")
    if only_grid:
        sets = [Set.read(name, data, pool, held, cache) for name in names]
        header = ["strength", "patterns count", "accuracy, 20 to 150 labels"]
        click.echo(text_table(grid(sets, draws), header))
        return
    ways = ["random", *measures.split(",")]
    rows: dict[str, list[str]] = {way: [way] for way in ways}
    needed: dict[str, list[float]] = {way: [] for way in ways}
    ends: Mapping[str, list[str]] = {
        "accuracy, 64 random": ["accuracy, 64 random"],
        "untrained patterns": ["untrained patterns"],
        "ends at": ["it says: enough, at"],
        "accuracy then": ["accuracy then"],
        "accuracy at most": [f"accuracy, {most} labels"],
        "interval holds": ["interval holds"],
    }
    for name in names:
        given = Set.read(name, data, pool, held, cache)
        start = QuickModel(np.zeros((0, 1)), np.zeros(0, np.int64), given.n_labels)
        untrained = (start.judge(given.held).together.argmax(1) == given.held_targets).mean()
        courses = {way: [ask(given, way, seed, most) for seed in draws] for way in ways}
        at_64 = [
            np.interp(TARGET, list(c.accuracies), list(c.accuracies.values()))
            for c in courses["random"]
        ]
        target = float(np.mean(at_64))
        for way, found in courses.items():
            counts = [course.reached(target, most) for course in found]
            needed[way] += counts
            rows[way].append(shown(counts))
            click.echo(json.dumps({"task": name, "by": way, "needed": counts}), err=True)
        ends["accuracy, 64 random"].append(shown([100 * value for value in at_64], 1))
        ends["untrained patterns"].append(f"{100 * untrained:.1f}")
        example = courses.get(LabelConfig().by, courses[ways[-1]])
        stops = [course.stopped or most for course in example]
        ends["ends at"].append(
            shown(stops) + f" ({sum(c.stopped is not None for c in example)} of {len(example)})"
        )
        ends["accuracy then"].append(
            shown([100 * c.accuracies[n] for c, n in zip(example, stops, strict=True)], 1)
        )
        ends["accuracy at most"].append(shown([100 * c.accuracies[most] for c in example], 1))
        inside = [told for course in example for told in course.inside or []]
        ends["interval holds"].append(f"{100 * np.mean(inside):.0f} %")
    table = [[*rows[way], shown(needed[way])] for way in ways]
    click.echo(text_table(table, ["labels needed", *names, "all"]))
    click.echo(text_table(list(ends.values()), ["", *names]))


if __name__ == "__main__":
    main()
