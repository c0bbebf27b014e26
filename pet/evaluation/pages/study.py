"""Context of the page about a few-shot study: its figures, as values for the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pet.config import METHODS
from pet.errors import RunError
from pet.evaluation import plots
from pet.evaluation.pages.patterns import pattern_list
from pet.evaluation.pages.rendering import (
    diagram,
    percent,
    points,
    settings_table,
    shown_metrics,
    tens,
)
from pet.evaluation.pages.run import result
from pet.evaluation.pages.verdict import MAYBE_CHANCE, p_value
from pet.evaluation.study.comparison import ALL_TASKS, SummaryRow, study_from_dict
from pet.evaluation.study.figures import curves, pattern_accuracies, pooled
from pet.evaluation.study.results import StudyResult
from pet.runs import StudyFolder, StudyTaskFolder
from pet.runs.damage import Damage
from pet.task import Task

_BASELINES = {
    "tfidf": "logistic regression on weighted counts of words and pairs, without a language model",
    "embedding": "logistic regression on vectors of texts from the backbone, which is not trained",
    "setfit": "SetFit: a sentence encoder that is trained on pairs, and logistic regression",
}


def study_context(folder: StudyFolder) -> dict[str, Any]:
    """Collect a study's figures from its folder."""
    if not folder.has(folder.results):
        raise RunError(
            f"{folder.path}: this study is not finished; it has no {folder.results} yet.",
            "Run the same pet fewshot command again: it goes on where it stopped.",
        )
    with folder.reading(folder.results):
        study, rows = study_from_dict(folder.read_json(folder.results))
    asked = [task.asked() for task in folder.task_folders()]
    by_name = {wanted["task"]["name"]: wanted for wanted in asked}
    names = list(dict.fromkeys(row.task for row in rows))
    for name in names:
        if name != ALL_TASKS and name not in by_name:
            record = StudyTaskFolder(folder.task(name))
            with record.reading(record.record):
                raise Damage(f"the record of the task {name!r} is missing")
    moment, typed = folder.made()
    return {
        "name": folder.path.resolve().name,
        "verdict": _verdict(rows, len(names)),
        "methods": {name: _text_of(name) for name in study.config.methods},
        "made": moment,
        "typed": typed,
        "config": study.config,
        "options": settings_table(folder.asked()["settings"]),
        "versions": folder.read_json(folder.record).get("versions", {}),
        "overlap": study.overlap,
        "cells": len(study.cells),
        "seconds": sum(cell.seconds for cell in study.cells),
        "tasks": [
            _task(study, rows, name, by_name.get(name), index) for index, name in enumerate(names)
        ],
        "plots": plots.available(),
    }


def _verdict(rows: Sequence[SummaryRow], tasks: int) -> list[str]:
    """Say which method is the best of each task and number of shots, and by how sure a margin."""
    said = []
    groups: dict[tuple[str, int], list[SummaryRow]] = {}
    for row in rows:
        groups.setdefault((row.task, row.shots), []).append(row)
    for (task, shots), block in groups.items():
        best = max(block, key=lambda row: row.accuracy)
        where = f"{task}, {shots}" if tasks > 1 else f"{shots}"
        text = f"{where} shots: {best.method} is the best, with {percent(best.accuracy)} on average"
        # The best may be what others are compared with: then the next one tells.
        others = [row for row in block if row.difference and row is not best]
        told = best if best.difference else max(others, key=lambda row: row.accuracy, default=None)
        if told is not None and (gap := told.difference):
            chance = "which may be chance" if gap.p > MAYBE_CHANCE else "more than chance explains"
            text += (
                f"; {told.method} differs from {gap.baseline} by {points(gap.mean)} points "
                f"({points(gap.low)} to {points(gap.high)}), {chance} (p\u00a0{p_value(gap.p)})"
            )
        said.append(f"{text}.")
    return said


def _text_of(method: str) -> str:
    """Say in a line what a method of a study is."""
    if method in METHODS:
        return METHODS[method].text
    if method in _BASELINES:
        return _BASELINES[method]
    return f"pet with learned slots of the kind {method}"


def _task(
    study: StudyResult,
    rows: Sequence[SummaryRow],
    name: str,
    asked: Mapping[str, Any] | None,
    index: int,
) -> dict[str, Any]:
    """Return the values of one task, or with ``asked`` None of the mean over all tasks."""
    shots = sorted(study.config.shots)
    task = Task.from_dict(asked["task"]) if asked else None
    points = curves(rows, name)
    several = len(shots) > 1
    details = pooled(study, name, shots[-1]) if task else {}
    return {
        "name": name,
        "id": f"task-{index}",
        "task": task,
        "asked": asked,
        "patterns": pattern_list(task) if task else None,
        "blocks": [_block(study, rows, name, count, index) for count in shots],
        "shots": shots,
        "curves": points if several else {},
        "curve_diagram": diagram(
            f"curve-{index}", f"learning curves of {name}", plots.learning_curves, points
        )
        if several
        else None,
        "results": {
            model: result(
                task.labels,
                {"confusion": confusion, "reliability": bins},
                f"{index}-{place}",
            )
            for place, (model, (confusion, bins)) in enumerate(details.items())
        }
        if task
        else {},
    }


def _block(
    study: StudyResult, rows: Sequence[SummaryRow], task: str, shots: int, index: int
) -> dict[str, Any]:
    block_rows = [row for row in rows if (row.task, row.shots) == (task, shots)]
    draws = [cell for cell in study.cells if cell.task == task and cell.shots in (0, shots)]
    by_seed: dict[int, dict[str, float]] = {}
    for cell in draws:
        for model, figures in cell.models.items():
            by_seed.setdefault(cell.seed, {})[model] = figures.accuracy
    means = {row.method: row.accuracy for row in block_rows}
    spreads = []
    for place, (method, patterns) in enumerate(pattern_accuracies(study, task, shots).items()):
        together = {name: means[name] for name in (method, f"{method} ensemble") if name in means}
        picture = diagram(
            f"patterns-{index}-{shots}-{place}", f"accuracy of the patterns of {method}",
            plots.pattern_spread, patterns, together,
        )  # fmt: skip
        spreads.append((method, patterns, together, picture))
    shown = [value for row in block_rows for value in (row.worst, row.best)]
    shown += [v for _, patterns, _, _ in spreads for values in patterns.values() for v in values]
    return {
        "shots": shots,
        "rows": block_rows,
        "metrics": shown_metrics(row.metrics for row in block_rows),
        "axis": tens(shown),
        "best": max(row.accuracy for row in block_rows),
        "models": list(dict.fromkeys(model for models in by_seed.values() for model in models)),
        "seeds": by_seed,
        "spreads": spreads,
    }
