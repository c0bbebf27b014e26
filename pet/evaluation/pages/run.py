"""Context of the page about a training run: its figures, as values for the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pet.evaluation import plots
from pet.evaluation.pages.patterns import pattern_list
from pet.evaluation.pages.rendering import diagram, settings_table, shown_metrics, tens
from pet.evaluation.pages.verdict import interval, majority, sentences
from pet.evaluation.run_metrics import read_metrics
from pet.members import MemberRecord
from pet.members.kinds import spec_from_dict
from pet.runs import RunFolder
from pet.task import Task
from pet.task.kinds import task_kind

_NO_EXAMPLES: dict[str, Any] = {
    "labels": {}, "mistakes": [], "uncertain": [], "disputed": [], "explained": [],
}  # fmt: skip
_MOST_LABELS = 25
_MOST_PAIRS = 15


def run_context(folder: RunFolder) -> dict[str, Any]:
    """Collect a run's figures from its folder."""
    record = folder.read_json(folder.record)
    asked = record["asked"]
    task = Task.from_dict(asked["task"])
    metrics = read_metrics(folder)
    tests = metrics.get("test", {})
    rows = metrics.get("rows", {})
    members = _members(folder, task, tests)
    final = "classifier" if "classifier" in rows else "ensemble"
    test = tests.get(final)
    baseline = majority(test, task_kind(task).has_one_label) if test else None
    moment, typed = folder.made()
    return {
        "name": folder.path.resolve().name,
        "task": task,
        "settings": asked["settings"],
        "options": settings_table(asked["settings"]),
        "versions": record.get("versions", {}),
        "data": asked["data"],
        "examples": {**_NO_EXAMPLES, **_optional(folder, folder.examples)},
        "members": members,
        **pattern_list(task, {member.get("pattern") for member in members} if members else None),
        "generations": metrics.get("generations", []),
        "final": final,
        "metrics": shown_metrics(tests.values()),
        "tests": {name: tests[name] for name in ("classifier", "ensemble") if name in tests},
        "result": result(task.labels, test, final) if test else None,
        "verdict": _verdict(task, metrics, members, final, baseline) if test else [],
        "interval": interval(test["accuracy"], test["n"]) if test else None,
        "baseline": baseline,
        "axis": _axis(tests, baseline),
        "made": moment,
        "typed": typed,
        "steps": _steps(folder, members),
        "sizes": _sizes(folder),
        "finished": folder.has(folder.classifier),
        "plots": plots.available(),
    }


def result(labels: Sequence[str], test: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Arrange a model's confusion and calibration for a page.

    Parameters
    ----------
    labels : sequence of str
        Labels of the task.
    test : mapping
        ``confusion`` and ``reliability`` of a `pet.evaluation.metrics.Evaluation`.
    name : str
        Identifier, different for every model of a page.
    """
    confusion, bins = test["confusion"], test.get("reliability", [])
    pairs = [
        (count, labels[row], labels[column])
        for row, counts in enumerate(confusion)
        for column, count in enumerate(counts)
        if count and row != column
    ]
    return {
        "labels": labels,
        "confusion": confusion if confusion and len(labels) <= _MOST_LABELS else None,
        "pairs": sorted(pairs, key=lambda pair: -pair[0])[:_MOST_PAIRS],
        "bins": [
            {**figures, "low": 100 * place / len(bins), "high": 100 * (place + 1) / len(bins)}
            for place, figures in enumerate(bins)
        ],
        "diagram": diagram(
            f"reliability-{name}", "accuracy over confidence", plots.reliability_diagram, bins
        )
        if bins
        else None,
    }


def _optional(folder: RunFolder, name: str) -> dict[str, Any]:
    if not folder.has(name):
        return {}
    with folder.reading(name):
        return dict(folder.read_json(name))


def _members(folder: RunFolder, task: Task, tests: Mapping[str, Any]) -> list[dict[str, Any]]:
    ensemble = _optional(folder, folder.ensemble)
    total = sum(ensemble.get("weights", ())) or 1
    members = []
    columns = [ensemble.get(key, ()) for key in ("members", "weights", "temperatures")]
    for name, weight, temperature in zip(*columns, strict=True):
        record = MemberRecord.read(folder, name)
        members.append(
            {
                **record.to_dict(),
                "template": spec_from_dict(task, name, record.to_dict(), 0).title,
                "weight": weight / total,
                "temperature": temperature,
                "test": tests.get(name),
            }
        )
    return members


def _verdict(
    task: Task,
    metrics: Mapping[str, Any],
    members: Sequence[Mapping[str, Any]],
    final: str,
    baseline: float | None,
) -> list[str]:
    before = [own["accuracy_before"] for own in members if own.get("pattern") is not None]
    return sentences(
        final,
        metrics["test"][final],
        baseline,
        metrics.get("student"),
        metrics["test"].get("ensemble", {}).get("accuracy"),
        [share for share in before if share is not None],
    )


def _axis(tests: Mapping[str, Mapping[str, Any]], baseline: float | None) -> tuple[float, float]:
    """Return the ends of the axis on which accuracies are compared, the baseline on it too."""
    shown = [test["accuracy"] for test in tests.values()]
    return tens([*shown, *([] if baseline is None else [baseline])] or [0.0, 1.0])


def _steps(folder: RunFolder, members: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the trainings in order, each once, with optimiser steps and seconds."""
    steps: dict[str, dict[str, Any]] = {}
    for event in folder.results_logged():
        name = event.get("name", event["event"])
        steps[name] = {"name": name, **event}
    for member in members:
        steps.setdefault(member["name"], dict(member))
    return list(steps.values())


def _sizes(folder: RunFolder) -> dict[str, float]:
    """Return the sizes on disk of a run's models, in MiB."""
    sizes: dict[str, float] = {}
    for name in (folder.classifier, folder.members, folder.backbone):
        files = [file.stat().st_size for file in (folder.path / name).rglob("*") if file.is_file()]
        if files:
            sizes[name] = sum(files) / 2**20
    return sizes
