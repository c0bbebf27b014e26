"""pet predict: label texts."""

from __future__ import annotations

import csv
import json
from itertools import chain, islice
from pathlib import Path

import click

from pet.cli.options import (
    column_mapping,
    compute_options,
    data_options,
    suffix,
    threshold_option,
)


@click.command(name="predict")
@click.argument("model")
@click.option("--input", "source", required=True, help="Texts: .jsonl, .csv, .tsv, or - .")
@click.option("-o", "--output", default="-", show_default=True, help=".jsonl or .csv file, or - .")
@threshold_option
@data_options
@compute_options
def command(
    model: str,
    source: str,
    output: str,
    threshold: float | None,
    columns: tuple[str, ...],
    file_format: str | None,
    device: str,
    precision: str,
) -> None:
    """Label texts with MODEL, a run folder or a saved classifier.

    Each output row repeats the texts and adds the label, its probability and those of all labels.
    Several labels are a list in jsonl and joined by the task's separator in csv. Rows are written
    as they are made. With --threshold a row whose prediction is less likely keeps its
    probabilities but has no label: null in jsonl, empty in csv.

    \b
    Example: pet predict runs/first --input new.csv -o labelled.csv
    """
    from pet.classifier import predict_stream
    from pet.cli.console import opened
    from pet.data import Columns, examples_from
    from pet.errors import UsageError
    from pet.labels import label_text
    from pet.model import load_model

    if output != "-" and not output.endswith((".jsonl", ".csv")):
        raise UsageError(f"-o {output}: expected a name that ends in .jsonl or .csv, or - .")
    if Path(output).is_file() and Path(source).is_file() and Path(output).samefile(source):
        raise UsageError(f"-o {output} is the input file.", "Give the labelled copy another name.")
    loaded = load_model(model, device, precision)
    task = loaded.task
    rows = Columns(task, column_mapping(columns), "ignored")
    examples = examples_from(source, rows, suffix(file_format))
    labelled = predict_stream(loaded, examples, threshold=threshold or 0.0)
    first = list(islice(labelled, 1))  # an unreadable input leaves an older output as it is
    with opened(output) as stream:
        table = csv.writer(stream, lineterminator="\n") if output.endswith(".csv") else None
        if table is not None:
            shares = [f"p({label})" for label in task.labels]
            table.writerow([*task.fields, "label", "probability", *shares])
        for example, prediction in chain(first, labelled):
            if table is not None:
                numbers = [prediction.probability, *prediction.probabilities.values()]
                table.writerow(
                    [
                        *example.texts.values(),
                        label_text(prediction.label or "", task.label_separator),
                        *(f"{p:.6f}" for p in numbers),
                    ]
                )
                continue
            row = {
                **example.texts,
                "label": prediction.label,
                "probability": round(prediction.probability, 6),
                "probabilities": {k: round(p, 6) for k, p in prediction.probabilities.items()},
            }
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
