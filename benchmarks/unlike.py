"""What members that err differently bring, on rows of the train files: no test file is read.

    python benchmarks/unlike.py --data DIR --folder FOLDER

DIR has one folder a task with train.jsonl. Of each the last rows are kept to measure on; shots come
from the others. Patterns are those of `fresh.py`. Every member is trained once a seed and its
scores are kept in FOLDER, so an interrupted study goes on. Printed are the accuracy of the cloze
ensemble, of the member without a pattern, and of both: with equal weights, which a run has, and
with weights exp(s a), where a is a kind's accuracy before training and s the steepness. Paired
differences with the cloze ensemble have 95 % intervals over all pairs of a task and a seed
(bootstrap). "before" is a kind's accuracy before training. --picture draws the ensembles.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from fresh import fresh
from numpy.typing import NDArray

from pet.backbone import load_backbone
from pet.config import Settings
from pet.data import Columns, Data, draw_shots, examples_from
from pet.encoding import Chunk
from pet.evaluation.tables import text_table
from pet.members import Work, members_of
from pet.members.training import train_member
from pet.seeds import RunStream, derived_seed
from pet.task.kinds import accuracy, targets_of

TASKS = "trec,emotion,ag_news,sst2,mr,sst5,yahoo_answers,yelp_full,qqp,mrpc,snli,rte,mnli,boolq"
STEEPNESS = (0.0, 2.0, 4.0, 8.0, 15.0)
Scores = NDArray[np.float32]


def members(data: Path, folder: Path, name: str, seed: int, rows: int, length: int) -> None:
    """Train the members of one draw, and keep their scores of the held-out rows."""
    task = fresh(name)
    examples = list(examples_from(data / name / "train.jsonl", Columns(task, {})))
    held, rest = examples[-rows:], examples[:-rows]
    train = draw_shots(rest, task.labels, 16, derived_seed(seed, RunStream.SHOTS))
    settings = Settings.from_flat({"seed": seed, "max_length": length})
    specs = [
        spec
        for spec in members_of(task, settings, len(train))
        if not _file(folder, name, seed, spec.name).exists()
    ]
    if not specs:
        return
    backbone = load_backbone(settings.backbone)
    targets = targets_of(task, [example.label for example in held])
    for spec in specs:
        start = time.process_time()
        result = train_member(backbone, spec, Work(task, Data(train)))
        seconds = time.process_time() - start
        scorer = spec.scorer(task.labels, backbone, result.offsets)
        scorer.put(result.weights)
        chunk = Chunk(backbone.tokenizer, [example.texts for example in held])
        np.savez(
            _file(folder, name, seed, spec.name),
            scores=scorer.score(chunk).mean(axis=0) / (result.spread or 1.0),
            targets=targets,
            before=result.accuracy_before or 0.0,
            seconds=seconds,
        )
        click.echo(f"{name} {seed} {spec.name}: {seconds:.0f} s", err=True)


def _file(folder: Path, name: str, seed: int, member: str) -> Path:
    return folder / f"{name}.{seed}.{member}.npz"


def ensembles(folder: Path, name: str, seed: int) -> dict[str, float]:
    """Return accuracies, in points, of one draw: of both kinds of members, and together."""
    kept: dict[str, list[Any]] = {"cloze": [], "other": []}
    for file in sorted(folder.glob(f"{name}.{seed}.*.npz")):
        kept["cloze" if "pattern-" in file.name else "other"].append(np.load(file))
    if not all(kept.values()):
        return {}
    task, targets = fresh(name), kept["other"][0]["targets"]
    scores = {kind: np.mean([one["scores"] for one in of], axis=0) for kind, of in kept.items()}
    before = {kind: float(np.mean([one["before"] for one in of])) for kind, of in kept.items()}
    found = {kind: 100 * accuracy(task, of, targets) for kind, of in scores.items()}
    found |= {f"before, {kind}": 100 * share for kind, share in before.items()}
    for steepness in STEEPNESS:
        part = 1 / (1 + np.exp(steepness * (before["cloze"] - before["other"])))
        mixed: Scores = (1 - part) * scores["cloze"] + part * scores["other"]
        found[_named(steepness)] = 100 * accuracy(task, mixed, targets)
    found["seconds, cloze"], found["seconds, other"] = (
        float(sum(one["seconds"] for one in of)) for of in kept.values()
    )
    return found


def _named(steepness: float) -> str:
    return f"exp({steepness:g} a)" if steepness else "equal weights"


def interval(differences: NDArray[np.float64]) -> str:
    """Return the mean of paired differences with its 95 % interval."""
    generator = np.random.default_rng(0)
    drawn = generator.choice(differences, (10_000, len(differences))).mean(axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return f"{differences.mean():+.1f} ({low:+.1f} to {high:+.1f})"


def tables(found: dict[tuple[str, int], dict[str, float]]) -> str:
    """Return accuracies a task, their means, and paired differences with the cloze ensemble."""
    columns = list(next(iter(found.values())))
    rows = []
    for name in dict.fromkeys(name for name, _ in found):
        of_task = [figures for (task, _), figures in found.items() if task == name]
        cells = [f"{np.mean([figures[column] for figures in of_task]):.1f}" for column in columns]
        rows.append([f"{name} ({len(of_task)})", *cells])
    means = {c: np.array([figures[c] for figures in found.values()]) for c in columns}
    rows.append(["mean of all draws", *(f"{of.mean():.1f}" for of in means.values())])
    differences = [
        [column, interval(means[column] - means["cloze"])]
        for column in columns
        if "," not in column and column != "cloze"
    ]
    return (
        text_table(rows, ["task (draws)", *columns])
        + "\n\n"
        + text_table(differences, ["against the cloze ensemble", "points"])
    )


def picture(found: dict[tuple[str, int], dict[str, float]], file: Path) -> None:
    """Draw each task's accuracies, as SVG, with matplotlib."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(name for name, _ in found))
    shown = {"cloze": "cloze members", "other": "the member without a pattern", _named(0.0): "both"}
    figure, axes = pyplot.subplots(figsize=(8, 0.42 * len(names) + 1.2))
    for (column, label), marker in zip(shown.items(), "o^D", strict=True):
        values = [
            np.mean([figures[column] for (task, _), figures in found.items() if task == name])
            for name in names
        ]
        axes.plot(values, range(len(names)), marker, label=label, markersize=7)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("accuracy, 16 texts a label, % of held-out rows")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--folder", required=True, type=click.Path(path_type=Path), help="Keeps scores.")
@click.option("--tasks", default=TASKS, show_default=True)
@click.option("--seeds", default="13,21,42", show_default=True)
@click.option("--rows", default=300, show_default=True, help="Rows to measure on.")
@click.option("--max-length", default=128, show_default=True)
@click.option("--picture", "drawn", type=click.Path(path_type=Path), help="Also write an SVG.")
@click.option("--summary", is_flag=True, help="Only print what the folder holds.")
def main(
    data: Path,
    folder: Path,
    tasks: str,
    seeds: str,
    rows: int,
    max_length: int,
    drawn: Path | None,
    summary: bool,
) -> None:
    """Measure members alone and together over tasks and seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    cells = [(name, int(seed)) for seed in seeds.split(",") for name in tasks.split(",")]
    found = {}
    for name, seed in cells:
        if not summary:
            members(data, folder, name, seed, rows, max_length)
        if figures := ensembles(folder, name, seed):
            found[name, seed] = figures
    if found:
        click.echo(tables(found))
        if drawn is not None:
            picture(found, drawn)


if __name__ == "__main__":
    main()
