"""Steps and rates of members: accuracy against time, on rows of the train files alone.

    python benchmarks/levers.py --data DIR --folder FOLDER --recipe "before: 100@5e-5, 50@5e-5" \\
      --recipe "half: 50@1e-4, 25@1e-4" --recipe "two patterns: 30@2e-4, 25@2e-4, 2"

DIR has one folder a task with train.jsonl. Of each the last rows are kept to measure on; shots come
from the others. Patterns are those of `fresh.py`. A recipe is a name, steps and peak rate of the
cloze members, those of the contrastive one (a comparison has none), and how many of the patterns
are used, all by default. What a member scores is kept in FOLDER and serves all recipes that have
it, so an interrupted study goes on. Printed are the accuracies of both kinds together, of the cloze
members and of the other one, processor seconds of the training, and differences with the first
recipe, paired by task and seed, with 95 % intervals (bootstrap). --picture draws accuracy against
time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
from fresh import fresh
from unlike import interval

from pet.backbone import LanguageModel, load_backbone
from pet.config import BackboneConfig, Settings
from pet.data import Columns, Data, draw_shots, examples_from
from pet.encoding import Chunk
from pet.evaluation.tables import text_table
from pet.members import MemberSpec, Work, members_of
from pet.members.training import train_member
from pet.seeds import RunStream, derived_seed
from pet.task.kinds import accuracy, targets_of
from pet.types import Scores

TASKS = "trec,emotion,sst2,ag_news,sst5,yahoo_answers,qqp,snli"
Draw = tuple[str, int]  # task and seed


@dataclass(frozen=True)
class Way:
    """Optimiser steps and peak rate of a member."""

    steps: int
    rate: float

    @classmethod
    def read(cls, text: str) -> Way:
        """Read ``50@1e-4``."""
        steps, rate = text.split("@")
        return cls(int(steps), float(rate))

    def __str__(self) -> str:
        return f"{self.steps}@{self.rate:g}"


@dataclass(frozen=True)
class Recipe:
    """Ways of both kinds of members, and the number of patterns."""

    name: str
    cloze: Way
    other: Way
    patterns: int | None

    @classmethod
    def read(cls, text: str) -> Recipe:
        """Read a recipe as it is written on the command line."""
        name, _, rest = text.partition(":")
        cloze, other, *patterns = (part.strip() for part in rest.split(","))
        return cls(
            name.strip(), Way.read(cloze), Way.read(other), int(patterns[0]) if patterns else None
        )

    def members(self, specs: list[MemberSpec]) -> list[tuple[MemberSpec, Way]]:
        """Return a run's members of this recipe, each with its way."""
        cloze = [spec for spec in specs if spec.kind == "cloze"][: self.patterns]
        others = [spec for spec in specs if spec.kind != "cloze"]
        return [(spec, self.cloze) for spec in cloze] + [(spec, self.other) for spec in others]


def scored(
    data: Path, folder: Path, draw: Draw, recipes: list[Recipe], rows: int, length: int
) -> None:
    """Train the members of one draw that are not there yet, and keep their scores."""
    name, seed = draw
    task = fresh(name)
    examples = list(examples_from(data / name / "train.jsonl", Columns(task, {})))
    held, rest = examples[-rows:], examples[:-rows]
    train = draw_shots(rest, task.labels, 16, derived_seed(seed, RunStream.SHOTS))
    settings = Settings.from_flat({"seed": seed, "max_length": length})
    specs = members_of(task, settings, len(train))
    backbone: LanguageModel | None = None
    for spec, way in [member for recipe in recipes for member in recipe.members(specs)]:
        file = _file(folder, draw, spec, way)
        if file.exists():
            continue
        backbone = backbone or load_backbone(BackboneConfig())
        start = time.process_time()
        training = replace(spec.training, max_steps=way.steps, learning_rate=way.rate)
        result = train_member(backbone, spec.changed(training=training), Work(task, Data(train)))
        seconds = time.process_time() - start
        scorer = spec.scorer(task.labels, backbone, result.offsets)
        scorer.put(result.weights)
        chunk = Chunk(backbone.tokenizer, [example.texts for example in held])
        np.savez(
            file,
            scores=scorer.score(chunk).mean(axis=0) / (result.spread or 1.0),
            targets=targets_of(task, [example.label for example in held]),
            seconds=seconds,
        )
        click.echo(f"{file.stem}: {seconds:.0f} s", err=True)


def _file(folder: Path, draw: Draw, spec: MemberSpec, way: Way) -> Path:
    made = str(way) if spec.kind in ("cloze", "contrastive") else "frozen"
    return folder / f"{draw[0]}.{draw[1]}.{spec.name}.{made}.npz"


def figures(folder: Path, draw: Draw, recipe: Recipe) -> dict[str, float] | None:
    """Return accuracies and seconds of one draw, None while a member is missing."""
    task = fresh(draw[0])
    members = recipe.members(members_of(task, Settings.from_flat({"seed": draw[1]}), 16))
    files = [_file(folder, draw, spec, way) for spec, way in members]
    if not all(file.exists() for file in files):
        return None
    kept = [dict(np.load(file)) for file in files]
    scores: dict[bool, list[Scores]] = {True: [], False: []}
    for (spec, _), one in zip(members, kept, strict=True):
        scores[spec.kind == "cloze"].append(one["scores"])
    cloze, other = (np.mean(scores[of], axis=0) for of in (True, False))
    targets = kept[0]["targets"]
    return {
        "both": 100 * accuracy(task, (cloze + other) / 2, targets),
        "cloze": 100 * accuracy(task, cloze, targets),
        "the other": 100 * accuracy(task, other, targets),
        "cpu seconds": float(sum(one["seconds"] for one in kept)),
    }


def tables(found: dict[str, dict[Draw, dict[str, float]]]) -> str:
    """Return accuracies by task, means, and differences with the first recipe."""
    first, *others = found
    draws = [draw for draw in found[first] if all(draw in of for of in found.values())]
    rows = []
    for name in dict.fromkeys(task for task, _ in draws):
        of_task = [draw for draw in draws if draw[0] == name]
        cells = [np.mean([of[draw]["both"] for draw in of_task]) for of in found.values()]
        rows.append([f"{name} ({len(of_task)})", *(f"{cell:.1f}" for cell in cells)])
    for key in ("both", "cloze", "the other", "cpu seconds"):
        means = [np.mean([of[draw][key] for draw in draws]) for of in found.values()]
        rows.append([f"mean, {key}", *(f"{mean:.1f}" for mean in means)])
    both = {name: np.array([of[draw]["both"] for draw in draws]) for name, of in found.items()}
    rows.append([f"against {first}", "-", *(interval(both[o] - both[first]) for o in others)])
    return text_table(rows, ["task (draws)", *found])


def picture(found: dict[str, dict[Draw, dict[str, float]]], file: Path) -> None:
    """Draw mean accuracy against mean time, as SVG, with matplotlib."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    draws = [draw for draw in next(iter(found.values())) if all(draw in o for o in found.values())]
    chart, axes = pyplot.subplots(figsize=(7, 4))
    for name, of in found.items():
        seconds, points = (
            float(np.mean([of[draw][key] for draw in draws])) for key in ("cpu seconds", "both")
        )
        axes.plot(seconds, points, "o")
        axes.annotate(name, (seconds, points), textcoords="offset points", xytext=(6, 4))
    axes.set_xlabel("processor seconds of the members' training")
    axes.set_ylabel("accuracy of the ensemble, %")
    axes.margins(0.15)
    axes.grid(alpha=0.3)
    chart.tight_layout()
    chart.savefig(file, metadata={"Date": None})


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--folder", required=True, type=click.Path(path_type=Path), help="Keeps scores.")
@click.option("--recipe", "recipes", multiple=True, required=True, help="Several; see above.")
@click.option("--tasks", default=TASKS, show_default=True)
@click.option("--seeds", default="42,87,100", show_default=True)
@click.option("--rows", default=500, show_default=True, help="Rows to measure on.")
@click.option("--max-length", default=128, show_default=True)
@click.option("--picture", "drawn", type=click.Path(path_type=Path), help="Also write an SVG.")
@click.option("--summary", is_flag=True, help="Only print what the folder holds.")
def main(
    data: Path,
    folder: Path,
    recipes: tuple[str, ...],
    tasks: str,
    seeds: str,
    rows: int,
    max_length: int,
    drawn: Path | None,
    summary: bool,
) -> None:
    """Compare recipes of members over tasks and seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = [Recipe.read(text) for text in recipes]
    draws = [(name, int(seed)) for seed in seeds.split(",") for name in tasks.split(",")]
    for draw in [] if summary else draws:
        scored(data, folder, draw, asked, rows, max_length)
    found = {
        recipe.name: {draw: of for draw in draws if (of := figures(folder, draw, recipe))}
        for recipe in asked
    }
    if any(found.values()):
        click.echo(tables(found))
        if drawn is not None:
            picture(found, drawn)


if __name__ == "__main__":
    main()
