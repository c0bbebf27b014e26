"""Labelled rows of a small task, written to files and read back."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from pet.data import (
    Columns,
    Example,
    Labels,
    examples_from,
)
from pet.task import PVP, Task, Verbalizer

POLARITY = Verbalizer({"positive": ["great"], "negative": ["awful"]})
TASK = Task(
    name="films",
    labels=["positive", "negative"],
    fields=["text"],
    pvps=[PVP("{text} {mask}", POLARITY)],
)
ROWS = [
    {"text": "A moving film.", "label": "positive"},
    {"text": 'He said "no", twice\nand left.', "label": "negative"},
    {"text": "Käse, \t 🙂", "label": "positive"},
]
EXPECTED = [Example({"text": row["text"]}, row["label"]) for row in ROWS]


def columns(task: Task = TASK, labels: Labels = "required", **mapping: str) -> Columns:
    return Columns(task, mapping, labels)


def read(source: Any, *args: Any, **options: Any) -> list[Example]:
    return list(examples_from(source, *(args or (columns(),)), **options))


def write_csv(path: Path, delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["text", "label"], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(ROWS)
