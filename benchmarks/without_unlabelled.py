"""A run without unlabelled text: its ensemble, and students that learn from copies of its texts.

    python benchmarks/without_unlabelled.py --data DIR --results FILE.jsonl

A student is distilled on what there is, all of it labelled softly by the ensemble: on the labelled
texts alone, or also on copies of them. In half of the copies words are left out and exchanged for
words of the other texts, in the others for words that the masked LM proposes. DIR is that of
`quality.py`; test texts are read by the last figures only. Every finished run is a line of
FILE.jsonl, so an interrupted study goes on; --summary prints the table from the file.

Sources: words hidden and exchanged, Tang et al. 2019 (1903.12136), section 3.4; words proposed by
the masked LM, Jiao et al. 2020 (1909.10351), section 3.3 on data augmentation.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch

from pet.backbone import MaskedLM
from pet.config import BackboneConfig, DistillationConfig, Settings, TrainingConfig
from pet.data import Columns, Data, Example, Pool, draw_shots, examples_from
from pet.encoding import Chunk, Encoder
from pet.evaluation.tables import text_table
from pet.members import Work
from pet.model import Model, save_model
from pet.pipeline import asked, run
from pet.pipeline.distillation import distil
from pet.runs import RunFolder
from pet.seeds import RunStream, derived_seed
from pet.task import Task, load_task
from pet.task.kinds import accuracy, targets_of

TASKS = "sst2,trec,emotion,ag_news"
WAYS = ("labelled", "labelled + copies")
CHANGED, LEFT_OUT = 0.25, 0.1  # shares of the words of a copy


def exchanged(
    texts: Sequence[dict[str, str]], count: int, generator: np.random.Generator
) -> Iterator[dict[str, str]]:
    """Yield copies of texts with words left out, and exchanged for words of all texts."""
    vocabulary = [word for text in texts for value in text.values() for word in value.split()]
    for index in range(count):
        yield {
            name: _changed(value.split(), vocabulary, generator)
            for name, value in texts[index % len(texts)].items()
        }


def _changed(words: list[str], vocabulary: list[str], generator: np.random.Generator) -> str:
    fates = generator.random(len(words))
    others = generator.choice(vocabulary, len(words))
    kept = [
        str(other) if fate < CHANGED else word
        for word, other, fate in zip(words, others, fates, strict=True)
        if fate < 1 - LEFT_OUT
    ]
    return " ".join(kept or words)


@torch.inference_mode()
def proposed(
    texts: Sequence[dict[str, str]],
    count: int,
    generator: np.random.Generator,
    backbone: MaskedLM,
    max_length: int,
) -> Iterator[dict[str, str]]:
    """Yield copies of texts, some of whose tokens are drawn from the masked LM's own proposals."""
    tokenizer, compute = backbone.tokenizer, backbone.compute
    torch.manual_seed(int(generator.integers(2**31)))
    copies = [dict(texts[index % len(texts)]) for index in range(count)]
    for name in texts[0]:
        encoder = Encoder.plain(tokenizer, [name], max_length)
        encoded = encoder.encode(Chunk(tokenizer, copies))
        special = torch.tensor(tokenizer.special_ids)
        for rows in encoded.batches(compute.token_budget):
            batch = encoded.batch(rows, compute.device)
            hidden = torch.from_numpy(generator.random(tuple(batch.ids.shape)) < CHANGED)
            hidden &= ~torch.isin(batch.ids, special)
            where = hidden.nonzero(as_tuple=True)
            ids = batch.ids.clone()
            batch.ids[where] = tokenizer.mask_ids(1)[0]
            logits = backbone.logits_at(batch, *where)
            logits[:, special] = -torch.inf
            ids[where] = logits.softmax(1).multinomial(1)[:, 0]
            decoded = backbone.hf_tokenizer.batch_decode(ids, skip_special_tokens=True)
            for row, text in zip(rows, decoded, strict=True):
                copies[row][name] = text or copies[row][name]
    yield from copies


def size_of(model: Model) -> float:
    """Return the megabytes of a saved model."""
    with TemporaryDirectory() as folder:
        save_model(model, Path(folder))
        return sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file()) / 1e6


def figures(model: Model, task: Task, tests: Sequence[Example]) -> dict[str, float]:
    """Measure accuracy, seconds a thousand texts, and megabytes."""
    start = time.perf_counter()
    scores = model.scores([example.texts for example in tests])
    seconds = (time.perf_counter() - start) * 1000 / len(tests)
    right = accuracy(task, scores, targets_of(task, [example.label for example in tests]))
    return {"accuracy": right, "seconds": round(seconds, 1), "megabytes": round(size_of(model), 1)}


def one_run(
    folder: Path, name: str, seed: int, shots: int, steps: int, student_steps: int, copies: int,
    tests: int, max_length: int,
) -> dict[str, Any]:  # fmt: skip
    """Train one ensemble, and a student of it by every way; measure them all."""
    task = load_task(name)
    labelled = Columns(task, {})
    examples = list(examples_from(folder / name / "train.jsonl", labelled))
    train = draw_shots(examples, task.labels, shots, derived_seed(seed, RunStream.SHOTS))
    backbone = BackboneConfig(max_length=max_length)
    settings = Settings(
        seed=seed, patterns=(0, 1), backbone=backbone, training=TrainingConfig(max_steps=steps)
    )
    with TemporaryDirectory() as temporary:
        run_folder = RunFolder.start(Path(temporary), asked(task, settings, Data(train)))
        start = time.perf_counter()
        ensemble = run(task, settings, Data(train), run_folder)
        seconds = time.perf_counter() - start
    test = list(islice(examples_from(folder / name / "test.jsonl", labelled), tests))
    result: dict[str, Any] = {"task": name, "seed": seed, "training": {"ensemble": round(seconds)}}
    result["ensemble"] = figures(ensemble, task, test)
    for way in WAYS:
        start = time.perf_counter()
        texts = [dict(example.texts) for example in train]
        if way != "labelled":
            generator = np.random.default_rng(derived_seed(seed, RunStream.DISTILLATION))
            reader = MaskedLM.load()
            texts += [
                *exchanged(texts, copies // 2, generator),
                *proposed(texts, copies - copies // 2, generator, reader, max_length),
            ]
        pool = Pool(lambda texts=texts: (Example(text) for text in texts))  # type: ignore[misc]
        soft = [ensemble.scores([e.texts for e in chunk]) for chunk in pool.chunks()]
        how = DistillationConfig(
            distill_epochs=1000, distill_max_steps=student_steps, distill_batch_size=8
        )
        work = Work(task, Data(train, pool=pool))
        student, _ = distil(work, lambda soft=soft: iter(soft), backbone, how, seed)  # type: ignore[misc]
        result["training"][way] = round(time.perf_counter() - start)
        result[way] = figures(student, task, test)
    return result


def summary(results: Sequence[dict[str, Any]]) -> str:
    """Return mean and deviation over seeds, one line a task, and the costs."""
    models = ["ensemble", *WAYS]
    rows = []
    for name in dict.fromkeys(result["task"] for result in results):
        of_task = [result for result in results if result["task"] == name]
        rows.append([f"{name} ({len(of_task)} seeds)", *(_spread(of_task, m) for m in models)])
    rows.append(["all", *(_spread(results, model) for model in models)])
    for label, read in (
        ("seconds of training", lambda r, m: r["training"][m]),
        ("seconds a 1,000 texts", lambda r, m: r[m]["seconds"]),
        ("megabytes", lambda r, m: r[m]["megabytes"]),
    ):
        rows.append([label, *(f"{np.mean([read(r, m) for r in results]):.0f}" for m in models)])
    return text_table(rows, ["accuracy", *models])


def _spread(results: Sequence[dict[str, Any]], model: str) -> str:
    values = [100 * result[model]["accuracy"] for result in results]
    return f"{np.mean(values):.1f} ± {np.std(values, ddof=len(values) > 1):.1f}"


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--results", required=True, type=click.Path(path_type=Path), help="Lines are added.")
@click.option("--tasks", default=TASKS, show_default=True)
@click.option("--seeds", default="13,21,42", show_default=True)
@click.option("--shots", default=16, show_default=True)
@click.option("--steps", default=30, show_default=True, help="Of each of two members.")
@click.option("--student-steps", default=50, show_default=True)
@click.option("--copies", default=300, show_default=True)
@click.option("--tests", default=150, show_default=True, help="Test texts, the first ones.")
@click.option("--max-length", default=32, show_default=True)
@click.option("--summary", "only_summary", is_flag=True, help="Only print what the file holds.")
def main(
    data: Path, results: Path, tasks: str, seeds: str, only_summary: bool, **sizes: int
) -> None:
    """Measure runs without unlabelled text over tasks and seeds."""
    lines = results.read_text().splitlines() if results.exists() else []
    done = [json.loads(line) for line in lines]
    finished = {(result["task"], result["seed"]) for result in done}
    for seed in [] if only_summary else map(int, seeds.split(",")):
        for name in tasks.split(","):
            if (name, seed) not in finished:
                done.append(one_run(data, name, seed, **sizes))
                with results.open("a") as stream:
                    stream.write(json.dumps(done[-1]) + "\n")
                click.echo(json.dumps(done[-1]), err=True)
    click.echo(summary(done))


if __name__ == "__main__":
    main()
