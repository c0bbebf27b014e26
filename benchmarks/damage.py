"""Cost of noticing damage: sums of stored files, when they are written and when they are read.

Times are processor seconds, so that other work on the machine does not count; the median of some
repetitions, in one process, with the files in the system's cache.

sums        each hash of the standard library that could be used, in megabytes a second
model       `pet.load_model` of a saved classifier with its list of sums, and without
tensors     a file of safetensors written and read by a run folder, with sums and without

    python benchmarks/damage.py --json
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import click
import torch
from safetensors.torch import load_file, save_file

from pet import PETClassifier, load_model
from pet.runs.checksums import Checksums
from pet.runs.storage import Storage

HASHES = ("sha256", "blake2b", "sha1", "md5")


def seconds(work: Callable[[], Any], times: int) -> float:
    """Return the median processor seconds of some calls."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return median(taken)


def speeds(megabytes: int, times: int) -> dict[str, float]:
    """Return the megabytes a second of every hash."""
    content = os.urandom(megabytes * 10**6)
    return {
        name: megabytes / seconds(lambda name=name: hashlib.new(name, content).digest(), times)
        for name in HASHES
    }


def loading(folder: Path, times: int) -> dict[str, float]:
    """Return the seconds of loading an ensemble of pet-mini with sums and without, and its size."""
    PETClassifier("reviews", method="zero-shot").fit([]).save_pretrained(folder)
    load_model(folder, "cpu")  # what is imported once is imported now
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    with_sums = seconds(lambda: load_model(folder, "cpu"), times)
    (folder / Checksums.name).unlink()
    without = seconds(lambda: load_model(folder, "cpu"), times)
    return {"megabytes": size / 10**6, "with sums": with_sums, "without": without}


def tensors(folder: Path, megabytes: int, times: int) -> dict[str, float]:
    """Return the seconds of writing and reading a file by a run folder, and plainly."""
    values = {"weight": torch.randn(megabytes * 10**6 // 4)}
    plain = folder / "plain.safetensors"

    def write() -> None:
        with storage.writing("weights.safetensors") as temporary:
            save_file(values, temporary)

    def read() -> None:
        load_file(storage.checksums.check("weights.safetensors"))

    storage = Storage(folder)
    written, read_seconds = seconds(write, times), []
    for _ in range(times):
        storage = Storage(folder)  # another one would not sum a second time
        read_seconds.append(seconds(read, 1))
    return {
        "megabytes": megabytes,
        "written with sums": written,
        "written": seconds(lambda: save_file(values, plain), times),
        "read with sums": median(read_seconds),
        "read": seconds(lambda: load_file(plain), times),
    }


@click.command()
@click.option("--megabytes", default=100, show_default=True)
@click.option("--times", default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(megabytes: int, times: int, as_json: bool) -> None:
    """Measure what sums of stored files cost."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        found = {
            "sums": speeds(megabytes, times),
            "model": loading(Path(temporary, "model"), times),
            "tensors": tensors(Path(temporary), megabytes, times),
        }
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, figures in found.items():
        shown = ", ".join(f"{key} {value:.3g}" for key, value in figures.items())
        click.echo(f"{name}: {shown}")


if __name__ == "__main__":
    main()
