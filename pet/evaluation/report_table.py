"""Report table: a report as text."""

from __future__ import annotations

from pet.evaluation.metrics import METRICS, Evaluation
from pet.evaluation.run_report import Report
from pet.evaluation.tables import names_below, percent, text_table
from pet.task.kinds import task_kind


def report_table(report: Report, per_class: bool = False, fit: bool = False) -> str:
    """Return the figures of all rows, and below what the members are.

    Parameters
    ----------
    report : Report
        Figures of a run.
    per_class : bool
        Whether the last row's figures of every label follow.
    fit : bool
        Whether figures of the labelled examples are shown beside those of a test, too. They tell
        how well members fit what they learned from, and look like accuracy; without a test there
        are no others.
    """
    columns: dict[str, list[str]] = {}
    if report.evaluations:
        kind = task_kind(report.task)
        for name, metric in METRICS.items():
            if name not in kind.without_metrics:
                title = kind.accuracy_title if name == "accuracy" else metric.title
                seen = (report.evaluations.get(row.name) for row in report.rows)
                columns[title] = [
                    "-" if of is None else metric.shown(of.metrics[name]) for of in seen
                ]
    records = [row.record for row in report.rows]
    if fit or not report.evaluations:
        shares = {
            "labelled examples: untrained": [
                None if of is None else of.accuracy_before for of in records
            ],
            "fitted to them": [None if of is None else of.accuracy_after for of in records],
        }
        columns |= {
            title: [*map(percent, cells)]
            for title, cells in shares.items()
            if any(cell is not None for cell in cells)
        }
    columns["seconds"] = ["-" if of is None else f"{of.seconds:.1f}" for of in records]
    names = [row.name for row in report.rows]
    rows = [list(cells) for cells in zip(names, *columns.values(), strict=True)]
    text = text_table(rows, ["", *columns])
    if templates := {row.name: row.template for row in report.rows if row.template}:
        text += "\n\n" + names_below(templates)
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
