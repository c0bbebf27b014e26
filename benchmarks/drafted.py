"""Drafted tasks beside hand-written ones, on rows of the train files: no test file is read.

    python benchmarks/drafted.py --data DIR --folder FOLDER

DIR has one folder a task with train.jsonl. Of each the last rows are kept to measure on; the 16
shots of a label come from the others. A task is drafted from those shots alone, as pet train does
where --task is left out: label names, words and patterns. Beside it stand the patterns and words of
`fresh.py`, written by hand. Members are those of a run with its defaults, trained once a seed;
their figures are kept in FOLDER, so an interrupted study goes on. Printed is the accuracy of the
cloze members' ensemble, of all members', and of single patterns on the shots before training, as a
mean over seeds with its deviation; paired differences have 95 % intervals over all pairs of a task
and a seed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from fresh import fresh
from numpy.typing import NDArray
from unlike import interval

from pet.backbone.held import held_backbone
from pet.config import BackboneConfig, Settings
from pet.data import Columns, Data, Example, draw_shots, examples_from
from pet.drafting import draft_task, refined
from pet.encoding import Chunk
from pet.evaluation.tables import text_table
from pet.members import Work, members_of
from pet.members.training import train_member
from pet.seeds import RunStream, derived_seed
from pet.task import Task
from pet.task.kinds import accuracy, targets_of

TASKS = (
    "trec,emotion,snli,qqp,ag_news,sst5,mrpc,yelp_full,rte,sst2,boolq,mr,mnli,yahoo_answers,"
    "banking77"
)


def drafted(by_hand: Task, examples: Sequence[Example], settings: Settings) -> Task:
    """Return a task that is drafted from labelled examples of another one's fields."""
    fields = dict(zip(by_hand.fields, by_hand.fields, strict=True))
    found = draft_task(sorted(by_hand.labels), fields)
    config = settings.backbone
    task = refined(found, examples, held_backbone(config), (), config.max_length).task
    for pvp in task.pvps:
        click.echo(f"  {pvp.pattern.template}", err=True)
    click.echo(json.dumps({k: [*v] for k, v in pvp.verbalizers[0].words.items()}), err=True)
    return task


def measure(
    data: Path, folder: Path, name: str, seed: int, way: str, rows: int, length: int
) -> dict[str, float]:
    """Train the members of one draw of one task; return accuracies of ensembles, in points."""
    file = folder / f"{name}.{seed}.{way}.json"
    if file.exists():
        return dict(json.loads(file.read_text()))
    task = fresh(name)
    examples = list(examples_from(data / name / "train.jsonl", Columns(task, {})))
    held, rest = examples[-rows:], examples[:-rows]
    shots = min(16, *(len({e.key for e in rest if e.label == one}) for one in task.labels))
    train = draw_shots(rest, task.labels, shots, derived_seed(seed, RunStream.SHOTS))
    settings = Settings(seed=seed, backbone=BackboneConfig(max_length=length))
    start = time.process_time()
    if way == "drafted":
        task = drafted(task, train, settings)
    found = {"drafting seconds": time.process_time() - start}
    backbone = held_backbone(settings.backbone)
    targets = targets_of(task, [example.label for example in held])
    chunk = Chunk(backbone.tokenizer, [example.texts for example in held])
    scores: dict[bool, list[NDArray[Any]]] = {True: [], False: []}
    before = []
    for spec in members_of(task, settings, len(train)):
        result = train_member(backbone, spec, Work(task, Data(train)))
        scorer = spec.scorer(task.labels, backbone, result.offsets)
        scorer.put(result.weights)
        is_cloze = spec.name.startswith("pattern-")
        scores[is_cloze].append(scorer.score(chunk).mean(axis=0) / (result.spread or 1.0))
        if is_cloze:
            before.append(100 * (result.accuracy_before or 0.0))
        backbone.weights.put({})
    cloze, other = (np.mean(scores[is_cloze], axis=0) for is_cloze in (True, False))
    found["cloze"] = 100 * accuracy(task, cloze, targets)
    found["all"] = 100 * accuracy(task, cloze + other, targets)
    found["before, shots"] = float(np.mean(before))
    found["seconds"] = time.process_time() - start
    file.write_text(json.dumps(found))
    return found


def tables(found: dict[tuple[str, int], dict[str, dict[str, float]]]) -> str:
    """Return accuracies a task, their means, and paired differences with the hand-written task."""
    figures = ["cloze", "all", "before, shots"]
    columns = [(way, figure) for figure in figures for way in ("hand", "drafted")]
    rows = []
    names = dict.fromkeys(name for name, _ in found)
    for name in [*names, None]:
        draws = [both for (task, _), both in found.items() if name in (task, None)]
        values = [np.array([both[way][figure] for both in draws]) for way, figure in columns]
        cells = [f"{v.mean():.1f} ± {v.std(ddof=len(v) > 1):.1f}" for v in values]
        rows.append([f"{name} ({len(draws)})" if name else "mean", *cells])
    told = [f"{way}, {figure}" for way, figure in columns]
    differences = [
        [figure, interval(np.array([b["drafted"][figure] - b["hand"][figure] for b in draws]))]
        for figure in figures
    ]
    return (
        text_table(rows, ["task (draws)", *told])
        + "\n\n"
        + text_table(differences, ["drafted against hand-written", "points"])
    )


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--folder", required=True, type=click.Path(path_type=Path), help="Keeps figures.")
@click.option("--tasks", default=TASKS, show_default=True)
@click.option("--seeds", default="13,21,42,87,100", show_default=True)
@click.option("--rows", default=400, show_default=True, help="Last rows of train.jsonl, held out.")
@click.option("--max-length", default=128, show_default=True)
def main(data: Path, folder: Path, tasks: str, seeds: str, rows: int, max_length: int) -> None:
    """Compare drafted and hand-written tasks over tasks and seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[tuple[str, int], dict[str, dict[str, float]]] = {}
    for seed in map(int, seeds.split(",")):
        for name in tasks.split(","):
            both = {
                way: measure(data, folder, name, seed, way, rows, max_length)
                for way in ("hand", "drafted")
            }
            found[name, seed] = both
            click.echo(f"{name} {seed}: {both}", err=True)
    click.echo(tables(found))


if __name__ == "__main__":
    main()
