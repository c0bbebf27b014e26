"""Report table: a report as text."""

from __future__ import annotations

from pet.evaluation.metrics import METRICS, Evaluation
from pet.evaluation.run_report import Report
from pet.evaluation.tables import percent, text_table
from pet.task.kinds import task_kind


def report_table(report: Report, per_class: bool = False) -> str:
    """Return the figures of all rows and, with ``per_class``, those of the last row by label."""
    header = ["", "labelled, before", "after", "seconds"]
    kind = task_kind(report.task)
    metrics = {name: metric for name, metric in METRICS.items() if name not in kind.without_metrics}
    if report.evaluations:
        titles = {name: metric.title for name, metric in metrics.items()}
        header += {**titles, "accuracy": kind.accuracy_title}.values()
    lines = []
    for row in report.rows:
        record = row.record
        cells = [
            row.title,
            percent(record.accuracy_before if record else None),
            percent(record.accuracy_after if record else None),
            "-" if record is None else f"{record.seconds:.1f}",
        ]
        if row.name in report.evaluations:
            values = report.evaluations[row.name].metrics
            cells += [metric.shown(values[key]) for key, metric in metrics.items()]
        cells += ["-"] * (len(header) - len(cells))
        lines.append(cells)
    text = text_table(lines, header)
    if report.generations:
        text += "\n\n" + _generation_table(report)
    if per_class and report.evaluations:
        last, evaluation = list(report.evaluations.items())[-1]
        text += f"\n\n{last}\n" + per_class_table(evaluation)
    return text


def per_class_table(evaluation: Evaluation) -> str:
    """Return precision, recall and F1 of every label, and the confusion matrix."""
    rows = [
        [
            label,
            *(percent(figures[name]) for name in ("precision", "recall", "f1")),
            str(int(figures["support"])),
        ]
        for label, figures in evaluation.per_class.items()
    ]
    text = text_table(rows, ["label", "precision", "recall", "F1", "examples"])
    labels = list(evaluation.per_class)
    if evaluation.confusion and len(labels) <= 12:
        rows = [
            [f"{index} {label}", *map(str, counts)]
            for index, (label, counts) in enumerate(zip(labels, evaluation.confusion, strict=True))
        ]
        text += "\n\n" + text_table(rows, ["true \\ predicted", *map(str, range(len(labels)))])
    return text


def _generation_table(report: Report) -> str:
    """Return members, texts drawn by label, agreement and, if known, test accuracy."""
    rows = []
    for generation, test in report.generation_tests():
        drawn = generation.drawn
        counts = [f"{label} {count}" for label, count in drawn.items() if count]
        shown = ", ".join(counts) if len(counts) <= 4 else f"{sum(drawn.values())} in all"
        rows.append(
            [
                str(generation.number),
                str(len(generation.members)),
                shown or "-",
                percent(generation.agreement),
                percent(test.accuracy if test else None),
            ]
        )
    header = ["generation", "members", "drawn by each", "agreement", "test accuracy"]
    width = len(header) if report.evaluations else -1
    return text_table([row[:width] for row in rows], header[:width])
