"""Comparison of a study's methods: means over seeds, learning curves, and differences."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pet.config import StudyConfig
from pet.config.study import check_baseline
from pet.errors import RunError
from pet.evaluation.bootstrap import paired_bootstrap
from pet.evaluation.metrics import METRICS
from pet.evaluation.run_metrics import row_name
from pet.evaluation.study.results import CellResult, ModelFigures, StudyResult
from pet.evaluation.tables import percent, text_table

ALL_TASKS = "all tasks"


@dataclass(frozen=True)
class Difference:
    """Accuracy of a method minus that of a baseline: 95 % interval and two-sided p."""

    baseline: str
    mean: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class SummaryRow:
    """A method on one task with one number of shots, over the seeds; accuracies are shares.

    ``deviation`` is the sample's standard deviation (n - 1), None for one seed; ``metrics`` holds
    the means of all metrics but the accuracy; ``patterns`` each pattern's mean accuracy by member
    name; ``seconds`` and ``memory`` (MiB) are means. In rows of `ALL_TASKS` a seed's value is its
    mean over the tasks.
    """

    task: str
    shots: int
    method: str
    seeds: int
    accuracy: float
    deviation: float | None
    best: float
    worst: float
    metrics: Mapping[str, float]
    seconds: float
    memory: float
    patterns: Mapping[str, float]
    difference: Difference | None = None


def summarise(study: StudyResult, baseline: str | None = None) -> list[SummaryRow]:
    """Return the rows of every task and number of shots, and their means over several tasks.

    Every method is compared with ``baseline``, by default the method of the highest mean. The p
    values are not corrected for the number of comparisons. Methods that need no labels have a row
    for every number of shots.

    Raises
    ------
    UsageError
        When the baseline is not among the methods.
    """
    check_baseline(study.config.methods, baseline)
    rows: list[SummaryRow] = []
    tasks = list(dict.fromkeys(cell.task for cell in study.cells))
    for shots in study.config.shots:
        groups = {}
        for task in tasks:
            groups[task] = _by_model(
                [cell for cell in study.cells if cell.task == task and cell.shots in (0, shots)]
            )
            rows += _compared(
                [_row(task, shots, method, runs) for method, runs in groups[task].items()],
                groups[task],
                baseline,
            )
        if len(tasks) > 1:
            task_rows = [row for row in rows if row.shots == shots]
            everywhere = [m for m in groups[tasks[0]] if all(m in runs for runs in groups.values())]
            rows += [_over_tasks(shots, method, groups, task_rows) for method in everywhere]
    return sorted(rows, key=lambda row: [*tasks, ALL_TASKS].index(row.task))


Runs = list[tuple[CellResult, ModelFigures]]


def _by_model(cells: Sequence[CellResult]) -> dict[str, Runs]:
    runs: dict[str, Runs] = {}
    for cell in cells:
        for name, figures in cell.models.items():
            runs.setdefault(name, []).append((cell, figures))
    return runs


def _row(task: str, shots: int, method: str, runs: Runs) -> SummaryRow:
    cells = [cell for cell, _ in runs]

    def mean(values: Sequence[float]) -> float:
        return float(np.mean(values))

    return SummaryRow(
        task,
        shots,
        method,
        len(runs),
        *_mean_and_range([figures.accuracy for _, figures in runs]),
        {
            name: mean([figures.metrics[name] for _, figures in runs])
            for name in _shared([figures.metrics for _, figures in runs])
        },
        mean([cell.seconds for cell in cells]),
        mean([cell.memory for cell in cells]),
        {
            name: mean([cell.patterns[name] for cell in cells])
            for name in cells[0].patterns
            if all(name in cell.patterns for cell in cells)  # members of one edition have one name
        }
        if method == cells[0].method
        else {},
    )


def _shared(tables: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the registered metrics, except accuracy, that all tables have."""
    return [name for name in METRICS if name != "accuracy" and all(name in t for t in tables)]


def _mean_and_range(values: Sequence[float]) -> tuple[float, float | None, float, float]:
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return float(np.mean(values)), deviation, max(values), min(values)


def _compared(
    rows: list[SummaryRow], runs: Mapping[str, Runs], baseline: str | None
) -> list[SummaryRow]:
    chosen = baseline or max(rows, key=lambda row: row.accuracy).method
    other = _right(runs[chosen])
    return [
        row
        if row.method == chosen
        else replace(
            row,
            difference=Difference(chosen, *paired_bootstrap(_right(runs[row.method]), other)),
        )
        for row in rows
    ]


def _right(runs: Runs) -> NDArray[np.float64]:
    return np.array([[float(mark) for mark in figures.right] for _, figures in runs])


def _over_tasks(
    shots: int, method: str, groups: Mapping[str, Mapping[str, Runs]], rows: Sequence[SummaryRow]
) -> SummaryRow:
    values = [[figures.accuracy for _, figures in runs[method]] for runs in groups.values()]
    per_seed = np.mean(values, axis=0).tolist()
    method_rows = [row for row in rows if row.method == method]

    return SummaryRow(
        ALL_TASKS,
        shots,
        method,
        len(per_seed),
        *_mean_and_range(per_seed),
        {
            name: float(np.mean([row.metrics[name] for row in method_rows]))
            for name in _shared([row.metrics for row in method_rows])
        },
        float(np.mean([row.seconds for row in method_rows])),
        float(np.mean([row.memory for row in method_rows])),
        {},
    )


def study_table(rows: Sequence[SummaryRow]) -> str:
    """Return one table a task and number of shots and, for several, the learning curves."""
    blocks = []
    groups: dict[tuple[str, int], list[SummaryRow]] = {}
    for row in rows:
        groups.setdefault((row.task, row.shots), []).append(row)
    for (task, shots), block in groups.items():
        blocks.append(f"{task}, {shots} shots, {block[0].seeds} seeds\n" + _table(block))
    curve = list(dict.fromkeys(row.shots for row in rows))
    for task in dict.fromkeys(row.task for row in rows) if len(curve) > 1 else ():
        lines: dict[str, list[str]] = {}
        for row in rows:
            if row.task == task:
                cell = percent(row.accuracy)
                if row.deviation is not None:
                    cell += f" ± {percent(row.deviation)}"
                lines.setdefault(row.method, []).append(cell)
        header = [f"{task}, accuracy", *(f"{shots} shots" for shots in curve)]
        blocks.append(text_table([[name, *cells] for name, cells in lines.items()], header))
    return "\n\n".join(blocks)


def _table(rows: Sequence[SummaryRow]) -> str:
    # The terminal shows only shares; the page, results.csv and results.json have all metrics.
    shares = [n for n, metric in METRICS.items() if n in rows[0].metrics and metric.is_share]
    header = ["method", "accuracy", "deviation", "best", "worst"]
    header += [*(METRICS[name].title for name in shares), "patterns", "seconds", "MiB"]
    differences = {row.difference.baseline: None for row in rows if row.difference}
    header += [f"against {name}" for name in differences] + ["95 % interval", "p"] * bool(
        differences
    )
    lines = []
    for row in rows:
        figures = [row.accuracy, row.deviation, row.best, row.worst]
        figures += [row.metrics.get(name) for name in shares]
        by_pattern = sorted(row.patterns.values())
        span = "-"
        if len(by_pattern) > 1:
            span = f"{percent(by_pattern[0])} to {percent(by_pattern[-1])}"
        cells = [row.method, *map(percent, figures), span]
        cells += [f"{row.seconds:.1f}", f"{row.memory:.0f}"]
        if row.difference:
            gap = row.difference
            cells += [f"{100 * gap.mean:+.1f}", f"{100 * gap.low:+.1f} to {100 * gap.high:+.1f}"]
            cells.append("< 0.001" if gap.p < 0.001 else f"{gap.p:.3f}")
        lines.append(cells + ["-"] * (len(header) - len(cells)))
    return text_table(lines, header)


def study_to_dict(study: StudyResult, rows: Sequence[SummaryRow]) -> dict[str, Any]:
    """Return everything as JSON values: config, overlap, rows and cells."""
    return {
        "config": asdict(study.config),
        "overlap": dict(study.overlap),
        "rows": [asdict(row) for row in rows],
        "cells": [asdict(cell) for cell in study.cells],
    }


def study_from_dict(plain: Mapping[str, Any]) -> tuple[StudyResult, list[SummaryRow]]:
    """Rebuild a study and its rows from `study_to_dict`.

    Raises
    ------
    RunError
        When the values are not those of a study.
    """
    try:
        config: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in plain["config"].items()
        }
        cells = tuple(CellResult.from_dict(cell) for cell in plain["cells"])
        rows = [_row_from_dict(row) for row in plain["rows"]]
        return StudyResult(StudyConfig(**config), cells, plain["overlap"]), rows
    except (TypeError, KeyError, AttributeError) as error:
        raise RunError(f"These are not the results of a few-shot study: {error!r}.") from error


def _row_from_dict(plain: Mapping[str, Any]) -> SummaryRow:
    values = dict(plain)
    if "metrics" not in values:  # versions before 0.2
        values["metrics"] = {name: values.pop(name) for name in ("macro_f1", "ece")}
    values["patterns"] = {row_name(key): value for key, value in values["patterns"].items()}
    difference = values.pop("difference")
    return SummaryRow(**values, difference=difference and Difference(**difference))


def study_csv(study: StudyResult) -> str:
    """Return one line a model: task, shots, method, seed and its figures."""
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    metrics = list(
        dict.fromkeys(
            name for cell in study.cells for model in cell.models.values() for name in model.metrics
        )
    )
    counts = ("train", "dev", "unlabeled", "seconds", "memory", "gpu_memory")
    table.writerow(["task", "shots", "method", "seed", *metrics, *counts])
    for cell in study.cells:
        for name, figures in cell.models.items():
            values = [figures.metrics.get(metric, "") for metric in metrics]
            rest = [getattr(cell, count) for count in counts]
            table.writerow([cell.task, cell.shots, name, cell.seed, *values, *rest])
    return stream.getvalue()
