"""Texts a second of a distilled classifier, beside transformers' pipeline on the same folder.

    python benchmarks/labelling.py --data DIR/ag_news/test.jsonl

A classifier of pet-mini's size is saved as a run saves it, and labels the texts of FILE: through
`pet.load_model`, as `pet predict` does, and through `pipeline("text-classification")` as it comes
(a text at a time), in batches of 32, and in batches of 32 of texts that were sorted by length
before. All cut at the same length, run in fp32 with the same threads, and give the same
probabilities (checked). Processor seconds are counted, so that other work disturbs little. The
machine's limit is the time that the encoder's products would take on real tokens alone, at the rate
of a large matrix product in the same run; pet, which leaves most of the last layer out, can go
beyond it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch

from pet import PVP, Task, Verbalizer, load_model
from pet.config import BackboneConfig
from pet.evaluation.tables import text_table
from pet.model import SequenceClassifier, save_model
from pet.task.kinds import task_kind

LABELS = ("world", "sports", "business", "science")
TASK = Task(
    "topics",
    LABELS,
    ["text"],
    [PVP("{text} {mask}", Verbalizer({label: [label] for label in LABELS}))],
)


def matrix_rate() -> float:
    """Return floating-point operations a processor second of a large product, all threads."""
    left, right = torch.randn(2048, 2048), torch.randn(2048, 2048)
    left @ right
    start = time.process_time()
    for _ in range(3):
        left @ right
    return 3 * 2 * 2048**3 / (time.process_time() - start)


def timed(label: Callable[[], Any]) -> tuple[float, Any]:
    """Return processor seconds and the result; what is made once was made before."""
    start = time.process_time()
    result = label()
    return time.process_time() - start, result


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--texts", default=1000, show_default=True)
@click.option("--max-length", default=128, show_default=True)
@click.option("--threads", default=1, show_default=True)
def main(data: Path, texts: int, max_length: int, threads: int) -> None:
    """Time a classifier."""
    from transformers import pipeline
    from transformers.utils import logging

    logging.set_verbosity_error()
    torch.set_num_threads(threads)
    rows = [json.loads(line)["text"] for line in data.read_text("utf-8").splitlines()[:texts]]
    config = BackboneConfig("pet-mini", "cpu", "fp32", max_length)
    with TemporaryDirectory() as folder:
        save_model(SequenceClassifier.fresh(config, TASK, 0)[0], Path(folder) / "model")
        model = load_model(Path(folder) / "model", "cpu", "fp32", only_scores=True)
        pipe = pipeline(
            "text-classification", str(Path(folder) / "model"), device="cpu", top_k=None
        )
        tokenizer = pipe.tokenizer
        assert tokenizer is not None

        def piped(given: list[str], size: int) -> list[list[dict[str, Any]]]:
            return list(pipe(given, batch_size=size, truncation=True))

        by_length = sorted(rows, key=len)
        ways: dict[str, tuple[Callable[[], Any], list[str]]] = {
            "pipeline": (lambda: piped(rows, 1), rows),
            "pipeline, batches of 32": (lambda: piped(rows, 32), rows),
            "pipeline, sorted, batches of 32": (lambda: piped(by_length, 32), by_length),
            "pet": (
                lambda: task_kind(TASK).probabilities(
                    model.scores([{"text": text} for text in rows])
                ),
                rows,
            ),
        }
        ways["pet"][0](), piped(rows[:32], 32)
        times, found = {}, {}
        for name, (label, given) in ways.items():
            times[name], result = timed(label)
            if name != "pet":
                result = np.array(
                    [
                        [{s["label"]: s["score"] for s in row}[label] for label in LABELS]
                        for row in result
                    ]
                )
            found[name] = dict(zip(given, result, strict=True))
        lengths = [len(ids) for ids in tokenizer(rows, truncation=True)["input_ids"]]
    layers, width = 6, 384
    products = sum(2 * layers * (12 * width**2 * n + 2 * width * n**2) for n in lengths)
    limit = products / matrix_rate()
    furthest = max(
        float(np.abs(found[way][text] - found["pet"][text]).max()) for way in found for text in rows
    )
    table = [
        [
            name,
            f"{texts / seconds:.0f}",
            f"{times['pipeline'] / seconds:.2f}",
            f"{100 * limit / seconds:.0f} %",
        ]
        for name, seconds in times.items()
    ]
    header = ["", "texts a processor second", "times the pipeline's", "of the matrix limit"]
    click.echo(text_table(table, header))
    click.echo(
        f"largest difference of a probability: {furthest:.1e}; {np.mean(lengths):.0f} tokens"
    )


if __name__ == "__main__":
    main()
