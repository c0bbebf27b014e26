"""The diagrams of a few-shot study, and what they are drawn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from pet.evaluation import plots
from pet.evaluation.study.comparison import Row
from pet.evaluation.study.results import ModelFigures, StudyResult
from pet.model.reliability import merged_reliability

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curves(rows: Sequence[Row], task: str) -> dict[str, list[plots.Point]]:
    """Return a learning curve a method: points in the order of the shots."""
    found: dict[str, list[plots.Point]] = {}
    for row in sorted(rows, key=lambda row: row.shots):
        if row.task == task:
            point = plots.Point(row.shots, row.accuracy, row.deviation)
            found.setdefault(row.method, []).append(point)
    return found


def pattern_accuracies(
    study: StudyResult, task: str, shots: int
) -> dict[str, dict[str, list[float]]]:
    """Return every pattern's accuracies, one a seed, of all methods with two patterns or more."""
    found: dict[str, dict[str, list[float]]] = {}
    for cell in study.cells:
        if cell.task == task and cell.shots in (0, shots) and len(cell.patterns) > 1:
            own = found.setdefault(cell.method, {})
            for name, accuracy in cell.patterns.items():
                own.setdefault(name, []).append(accuracy)
    return found


def pooled(
    study: StudyResult, task: str, shots: int
) -> dict[str, tuple[list[list[int]], list[dict[str, float]]]]:
    """Return every model's confusion and reliability, those of all seeds added up."""
    parts: dict[str, list[ModelFigures]] = {}
    for cell in study.cells:
        if cell.task == task and cell.shots in (0, shots):
            for name, figures in cell.models.items():
                if figures.reliability:
                    parts.setdefault(name, []).append(figures)
    return {
        name: (
            np.sum([figures.confusion for figures in own], axis=0).tolist(),
            merged_reliability([figures.reliability for figures in own]),
        )
        for name, own in parts.items()
    }


def study_figures(
    study: StudyResult, rows: Sequence[Row], labels: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Figure]]:
    """Yield all diagrams of a study with their names, one at a time.

    Learning curves where there are several numbers of shots; the spread over patterns for every
    number of shots; reliability and confusion for the largest, over all seeds.

    Parameters
    ----------
    study : StudyResult
        Its cells.
    rows : sequence of Row
        What `pet.evaluation.study.comparison.summarise` made of it.
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
    study: StudyResult, rows: Sequence[Row], task: str, shots: int
) -> Iterator[tuple[str, Figure]]:
    """Yield the spread over patterns of every method that has several."""
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
