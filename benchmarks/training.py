"""Speed of training a member, against the way of the original PET code.

The same model, texts and batch size of 8, one pattern with two verbalizers, in one process, pair
by pair: some optimiser steps of the naive reference (see naive.py), which trains one model for
each verbalizer, and all steps of `pet.members.train_member`, which trains one for both. A step's
time is the mean over all steps but the first, so converting and tokenising texts is in neither.

ratio               naive time for the steps of 2 verbalizers / pet's time
ratio_one_verbalizer  the same with the first verbalizer only
ratio_padded        pet's time when every batch is padded to its longest text / pet's time
peak_memory_ratio   peak memory of pet / of the naive reference, in processes of their own

    python benchmarks/training.py --data FILE --json
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from itertools import islice
from statistics import median
from unittest.mock import patch

import click
import numpy as np
from naive import (
    BATCH_SIZE,
    MAX_LENGTH,
    NaivePVP,
    clock,
    first_verbalizer,
    load,
    load_backbone,
    show_machine,
    spread,
)
from peaks import peak_of

from pet import PVP, Task
from pet.backbone import MaskedLM
from pet.config import TrainingConfig, default_learning_rate
from pet.data import Data, Example
from pet.device import Compute
from pet.members import MemberResult, PatternSpec, train_member
from pet.members.work import Work
from pet.progress import Event
from pet.training.loop import shuffled_batches

SEED = 13


def train_fast(
    backbone: MaskedLM, task: Task, pvp: PVP, examples: Sequence[Example], steps: int
) -> tuple[float, MemberResult]:
    """Return seconds a step, and the trained member."""
    # The rate is given: by default fewer than 100 steps have a higher one.
    training = TrainingConfig(
        offsets="none",
        max_steps=steps,
        batch_size=BATCH_SIZE,
        warmup=0,
        learning_rate=default_learning_rate(backbone.hidden_size),
    )
    spec = PatternSpec("benchmark", 0, pvp, SEED, training, MAX_LENGTH)
    marks: list[float] = []

    def mark(event: Event) -> None:
        # Reading the clock at other steps would delay a GPU.
        if event.moment == "step" and event.step in (1, event.total):
            marks.append(clock(backbone))

    result = train_member(backbone, spec, Work(task, Data(examples), mark))
    backbone.weights.put({})
    return (marks[-1] - marks[0]) / (steps - 1), result


def train_naive(
    backbone: MaskedLM,
    task: Task,
    pvp: PVP,
    examples: Sequence[Example],
    steps: int,
    total_steps: int,
    scope: str | None = None,
) -> tuple[list[float], list[float]]:
    """Return seconds a step for each verbalizer, and the last losses; batches are as in pet."""
    seconds, losses = [], []
    rows = [(example.texts, task.labels.index(str(example.label))) for example in examples]
    drawn = shuffled_batches(len(rows), BATCH_SIZE, np.random.default_rng(SEED))
    batches = [batch.tolist() for batch in islice(drawn, steps)]
    for verbalizer in pvp.verbalizers:
        naive = NaivePVP(pvp.pattern, verbalizer, task.labels, backbone.hf_tokenizer)
        model = copy.deepcopy(backbone.model)
        trained = None if scope is None else backbone.scope_names(scope)
        rate = default_learning_rate(backbone.hidden_size)
        run = naive.train(model, rows, batches, rate, total_steps, trained)
        marks = [(clock(backbone), loss) for loss in run]
        seconds.append((marks[-1][0] - marks[0][0]) / (len(marks) - 1))
        losses.append(marks[-1][1])
    return seconds, losses


def check_agreement(backbone: MaskedLM, task: Task, examples: Sequence[Example]) -> None:
    """Stop unless a few steps of both, in fp32 and on the same parameters, end at the same loss."""
    exact = Compute(backbone.compute.device, "fp32")
    same = MaskedLM(backbone.model, backbone.hf_tokenizer, exact)
    pvp = first_verbalizer(task.pvps)[0]
    _, losses = train_naive(same, task, pvp, examples, 4, 4, scope="full")
    _, result = train_fast(same, task, pvp, examples, 4)
    print(f"fp32: loss at the fourth step: pet {result.loss:.5f}, naive {losses[0]:.5f}\n")
    if abs(result.loss - losses[0]) > 1e-3:
        raise SystemExit("pet and the naive reference do not train the same.")


def memory_fast(task: Task, examples: Sequence[Example], steps: int) -> None:
    """Train with pet, in a child process whose memory is measured."""
    train_fast(MaskedLM.load(device="cpu"), task, task.pvps[0], examples, steps)


def memory_naive(task: Task, examples: Sequence[Example]) -> None:
    """Train with the reference, in a child process whose memory is measured."""
    backbone = MaskedLM.load(device="cpu")
    naive = NaivePVP(
        task.pvps[0].pattern,
        task.pvps[0].verbalizers[0],
        task.labels,
        backbone.hf_tokenizer,
    )
    rows = [(example.texts, task.labels.index(str(example.label))) for example in examples]
    batches = [list(range(BATCH_SIZE))] * 2
    list(naive.train(backbone.model, rows, batches, 1e-5, 100))


@click.command(context_settings={"show_default": True}, help=__doc__.split("\n\n")[0])
@click.option("--data", type=click.Path(exists=True), help="jsonl rows of AG's News: text, label.")
@click.option("--texts", "count", default=1000, help="Texts that are trained on.")
@click.option("--steps", default=100, help="Optimiser steps.")
@click.option("--pairs", default=5, help="Pairs of measurements.")
@click.option("--block", default=5, help="Steps of the naive reference in a pair.")
@click.option("--full", is_flag=True, help="Run all steps of the naive reference in every pair.")
@click.option("--backbone", "name", default="pet-mini", help="Name, folder, or large.")
@click.option("--device", default="cpu", help="cpu, or cuda, where no memory is measured.")
@click.option("--json", "as_json", is_flag=True, help="End with one line of JSON.")
def main(
    data: str | None,
    count: int,
    steps: int,
    pairs: int,
    block: int,
    full: bool,
    name: str,
    device: str,
    as_json: bool,
) -> None:
    task, examples = load(data, count)
    backbone = load_backbone(name, device)
    show_machine(backbone)
    block = steps if full else min(block, steps)
    check_agreement(backbone, task, examples)
    one = first_verbalizer(task.pvps)[0]
    ratios, ratios_one, ratios_padded = [], [], []
    header = f"{'pair':>4} {'naive s/step':>13} {'pet s/step':>11} {'ratio':>7} {'one verb.':>10}"
    print(f"{header} {'padded':>7}")
    for pair in range(1, pairs + 1):
        slow, _ = train_naive(backbone, task, task.pvps[0], examples, block, steps)
        fast, _ = train_fast(backbone, task, task.pvps[0], examples, steps)
        fast_one, _ = train_fast(backbone, task, one, examples, steps)
        with patch.object(Compute, "pass_cost", 10**9):
            padded, _ = train_fast(backbone, task, task.pvps[0], examples, steps)
        ratios.append(sum(slow) / fast)
        ratios_padded.append(padded / fast)
        ratios_one.append(slow[0] / fast_one)
        print(f"{pair:>4} {sum(slow):>13.2f} {fast:>11.3f} {ratios[-1]:>7.1f} "
              f"{ratios_one[-1]:>10.1f} {ratios_padded[-1]:>7.2f}")  # fmt: skip
    result = {
        "ratio": round(median(ratios), 2),
        "ratio_one_verbalizer": round(median(ratios_one), 2),
        "ratio_padded": round(median(ratios_padded), 2),
    }
    print(f"\nIn every pair pet did all {steps} steps, and the naive reference {block} for each")
    print("verbalizer.", end=" ")
    print(
        ""
        if block == steps
        else "Its time for all is extrapolated: every step costs it 8 x 256 tokens."
    )
    print(f"ratio:                     {spread(ratios)}")
    print(f"ratio with one verbalizer: {spread(ratios_one)}")
    print(f"padded to the longest text: {spread(ratios_padded)}")
    if device == "cpu":
        fast_peak = peak_of(memory_fast, task, examples, steps)
        slow_peak = peak_of(memory_naive, task, examples)
        result["peak_memory_ratio"] = round(fast_peak / slow_peak, 3)
        print(f"peak memory, pet, {steps} steps: {fast_peak / 2**20:,.0f} MiB")
        print(f"peak memory, naive, 2 steps: {slow_peak / 2**20:,.0f} MiB")
    if as_json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
