"""pet evaluate: compare predictions with true labels."""

from __future__ import annotations

import json

import click

from pet.cli.console import echo, loading, say
from pet.cli.inputs import require_files
from pet.cli.options import compute_options, plot_options, threshold_option
from pet.cli.reading_options import data_options
from pet.cli.row_reader import RowReader
from pet.config.files import Reading
from pet.runs.finding import model_folder


@click.command(name="evaluate")
@click.argument("model")
@click.option("--test", required=True, help="Labelled examples: a file of rows, or - .")
@click.option("--json", "json_file", metavar="FILE|-", help="Also write the figures as JSON.")
@threshold_option
@plot_options
@data_options
@compute_options
def command(
    model: str,
    test: str,
    json_file: str | None,
    threshold: float | None,
    plots: str | None,
    plot_format: str,
    columns: tuple[str, ...],
    reading: Reading,
    device: str,
    precision: str,
) -> None:
    """Evaluate MODEL, a run folder, a saved classifier or a bank's prompt, on labelled examples.

    The JSON has every metric by its name: accuracy (the share of texts all of whose labels are
    right), macro_f1, micro_f1 (multi-label tasks), ece (expected calibration error, 10 bins),
    mean_absolute_error (ordinal tasks); and n, per_class, confusion (true labels in rows; none for
    multi-label tasks) and reliability (the 10 bins), which are drawn as diagrams; and
    training_examples, the number of examples that the run was trained on. With
    --threshold there are also coverage, the share of examples that get a label, and
    covered_accuracy, the accuracy on these; all other figures are of all examples.

    \b
    Example: pet evaluate runs/first --test test.jsonl --json -
    """
    require_files(test)
    model_folder(model)
    loading(model)

    import numpy as np

    from pet.cli.output import opened
    from pet.evaluation.metrics import METRICS, evaluate, formatted, selective
    from pet.evaluation.plots import evaluation_figures, require, save
    from pet.evaluation.report_table import per_class_table
    from pet.evaluation.seen import seen_texts
    from pet.evaluation.tables import percent
    from pet.model import load_model
    from pet.model.prediction import predict_stream
    from pet.task.kinds import targets_of, task_kind

    if plots:
        require()
    loaded = load_model(model, device, precision)
    task = loaded.task
    rows = RowReader.from_options(task, columns, reading)
    labels, probabilities, seen, repeated = [], [], seen_texts(model), 0
    for example, prediction in predict_stream(loaded, rows.labelled_stream(test)):
        labels.append(example.label)
        repeated += seen is not None and example.key in seen
        probabilities.append(list(prediction.probabilities.values()))
    targets = targets_of(task, labels)
    evaluation = evaluate(np.array(probabilities), targets, task)
    if plots:
        count = save(evaluation_figures(evaluation, task), plots, plot_format)
        say(f"{count} diagrams are in {plots}.")
    covered = None
    if threshold is not None:
        covered = selective(np.array(probabilities), targets, threshold, task_kind(task))
    if repeated:
        say(
            f"{repeated:,} of the {len(labels):,} examples are ones that {model} was trained on; "
            "the figures tell little about other texts."
        )
    figures = {**evaluation.to_dict(), **(covered or {})}
    figures["training_examples"] = None if seen is None else repeated
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    if json_file == "-":
        echo(text)
        return
    if json_file:
        with opened(json_file) as stream:
            stream.write(text + "\n")
    shown = {name: evaluation.metric(name) for name in task.metrics}
    known = {name: value for name, value in evaluation.metrics.items() if value is not None}
    shown |= {name: value for name, value in known.items() if METRICS[name].is_share}
    echo("  ".join(f"{name} {formatted(name, value)}" for name, value in shown.items()))
    others = [
        f"{METRICS[name].title} {METRICS[name].shown(value)}"
        for name, value in known.items()
        if not METRICS[name].is_share
    ]
    echo("  ".join([*others, f"examples {evaluation.n}"]))
    if covered is not None:
        echo(
            f"above {threshold:g}: coverage {percent(covered['coverage'])}  "
            f"accuracy {percent(covered['covered_accuracy'])}"
        )
    echo("\n" + per_class_table(evaluation))
