"""Figures of a few-shot study: its diagrams and their data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from pet.evaluation import plots
from pet.evaluation.study.comparison import SummaryRow
from pet.evaluation.study.results import ModelFigures, StudyResult
from pet.evaluation.tables import pattern_title
from pet.model.reliability import merged_reliability

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curves(rows: Sequence[SummaryRow], task: str) -> dict[str, list[plots.Point]]:
    """Return a learning curve a method: points in the order of the shots."""
    points: dict[str, list[plots.Point]] = {}
    for row in sorted(rows, key=lambda row: row.shots):
        if row.task == task:
            point = plots.Point(row.shots, row.accuracy, row.deviation)
            points.setdefault(row.method, []).append(point)
    return points


def pattern_accuracies(
    study: StudyResult, task: str, shots: int
) -> dict[str, dict[str, list[float]]]:
    """Return the accuracies by method and pattern, one a seed, of methods with several patterns.

    The inner keys are titles of patterns: the member's name and its template.
    """
    accuracies: dict[str, dict[str, list[float]]] = {}
    for cell in study.cells:
        if cell.task == task and cell.shots in (0, shots) and len(cell.patterns) > 1:
            by_pattern = accuracies.setdefault(cell.method, {})
            for name, accuracy in cell.patterns.items():
                title = pattern_title(name, cell.templates.get(name, ""))
                by_pattern.setdefault(title, []).append(accuracy)
    return accuracies


def pooled(
    study: StudyResult, task: str, shots: int
) -> dict[str, tuple[list[list[int]], list[dict[str, float]]]]:
    """Return every model's confusion and reliability, summed over the seeds."""
    by_model: dict[str, list[ModelFigures]] = {}
    for cell in study.cells:
        if cell.task == task and cell.shots in (0, shots):
            for name, figures in cell.models.items():
                if figures.reliability:
                    by_model.setdefault(name, []).append(figures)
    return {
        name: (
            np.sum([figures.confusion for figures in seeds], axis=0).tolist(),
            merged_reliability([figures.reliability for figures in seeds]),
        )
        for name, seeds in by_model.items()
    }


def study_figures(
    study: StudyResult, rows: Sequence[SummaryRow], labels: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Figure]]:
    """Yield all diagrams of a study with their names, one at a time.

    These are learning curves for several numbers of shots, the spread over patterns for every
    number of shots, and reliability and confusion for the largest, over all seeds.

    Parameters
    ----------
    study : StudyResult
        The study.
    rows : sequence of SummaryRow
        Its rows, from `pet.evaluation.study.comparison.summarise`.
    labels : mapping
        A task's name to its labels.
    """
    for task in dict.fromkeys(row.task for row in rows):
        if len(study.config.shots) > 1:
            yield (
                f"{_file(task)}-learning-curve",
                plots.learning_curves(curves(rows, task), f"{task}: accuracy"),
            )
        if task not in labels:
            continue  # the mean over tasks has no patterns and no labels
        for shots in sorted(study.config.shots):
            yield from spreads(study, rows, task, shots)
        most = max(study.config.shots)
        for model, (confusion, reliability) in pooled(study, task, most).items():
            name, title = f"{_file(task)}-{most}-{_file(model)}", f"{task}, {most} shots: {model}"
            yield f"{name}-reliability", plots.reliability_diagram(reliability, title)
            if len(confusion):
                yield f"{name}-confusion", plots.confusion_diagram(confusion, labels[task], title)


def spreads(
    study: StudyResult, rows: Sequence[SummaryRow], task: str, shots: int
) -> Iterator[tuple[str, Figure]]:
    """Yield the spread over patterns of every method with several patterns."""
    means = {row.method: row.accuracy for row in rows if (row.task, row.shots) == (task, shots)}
    for method, patterns in pattern_accuracies(study, task, shots).items():
        together = {
            name: mean for name, mean in means.items() if name in (method, f"{method} ensemble")
        }
        title = f"{task}, {shots} shots: patterns of {method}"
        name = f"{_file(task)}-{shots}-{_file(method)}-patterns"
        yield name, plots.pattern_spread(patterns, together, title)


def _file(name: str) -> str:
    return quote(name.replace(" ", "-"), safe="")
