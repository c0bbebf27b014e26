"""Context of the page about a few-shot study: its figures, as values for the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor
from typing import Any

from pet.errors import RunError
from pet.evaluation import plots
from pet.evaluation.pages.rendering import diagram, settings_table, shown_metrics
from pet.evaluation.pages.run import result
from pet.evaluation.study.comparison import ALL_TASKS, SummaryRow, study_from_dict
from pet.evaluation.study.figures import curves, pattern_accuracies, pooled
from pet.evaluation.study.results import StudyResult
from pet.runs import StudyFolder, StudyTaskFolder
from pet.runs.damage import Damage
from pet.task import Task


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
    return {
        "name": folder.path.resolve().name,
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
        "axis": _tens(shown),
        "best": max(row.accuracy for row in block_rows),
        "models": list(dict.fromkeys(model for models in by_seed.values() for model in models)),
        "seeds": by_seed,
        "spreads": spreads,
    }


def _tens(values: Sequence[float]) -> tuple[float, float]:
    """Return the tens of per cent between which all values are."""
    low, high = floor(10 * min(values)) / 10, ceil(10 * max(values)) / 10
    return (low, high) if low < high else (low - 0.1, high) if low else (low, 0.1)
