"""Gain of a shared frozen backbone: members trained together, tasks scored in mixed batches.

The same pet-mini, 20 pseudo tokens a prompt, texts of the task reviews, in one process, in turns.
Times on a CPU are processor seconds, so that other work on the machine does not count; those on a
GPU are seconds until it has done its work.

training    K members (repetitions of one pattern), steps of 8 texts each: together, in one forward
            and backward pass a step, against one after the other
scoring     requests with some texts of each of 8 tasks: in mixed batches of a prompt bank, against
            task after task with the same bank

Both are also compared with PEFT's prompt tuning (pip install peft), used the obvious way: an
adapter a member or task, batches padded to their longest text, the logits of all words at all
positions. Its slots stand before everything, pet's behind the first special token; each has the
same number of tokens, and the same autocast.

    python benchmarks/bank.py --json
    python benchmarks/bank.py --device cuda --members 2,4,8 --steps 50
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import islice
from statistics import median
from typing import Any

import click
import numpy as np
import torch
from naive import clock, spread
from torch.nn import functional

from pet import PromptBank, load_task
from pet.backbone import MaskedLM
from pet.config import TrainingConfig
from pet.data import Columns, Data, Example, examples_from
from pet.members import MemberSet, PatternSpec, train_member, train_together
from pet.members.work import Work
from pet.model import Ensemble, EnsembleModel, TaskPrompt
from pet.progress import Event
from pet.resources import resource_folder
from pet.scoring.soft.patterns import with_slots
from pet.scoring.soft.template import SoftSpec
from pet.task import Task

SLOTS = 20
BATCH = 8
TASKS = ("reviews", "ag_news", "sst2", "trec", "emotion", "yelp_full", "mr", "sst5")


def spec_of(task: Task, number: int, steps: int) -> PatternSpec:
    """Return the spec of a member with slots before the task's first pattern."""
    pvp = task.pvps[0]
    soft = pvp.with_pattern(with_slots(pvp.pattern, SLOTS), "prompt-tuning")
    training = TrainingConfig(
        max_steps=steps, batch_size=BATCH, scope="prompt", offsets="none", warmup=0
    )
    template = SoftSpec("prompt-tuning", seed=number)
    return PatternSpec(f"m{number}", 0, soft, number, training, 256, soft=template)


def bank_of(backbone: MaskedLM) -> PromptBank:
    """Return a bank of untrained prompts of all tasks: training does not change their cost."""
    bank = PromptBank(backbone)
    for number, name in enumerate(TASKS):
        task = load_task(name)
        spec = spec_of(task, number, 0)
        weights = spec.scorer(task.labels, backbone).take(())
        members = MemberSet(backbone, task, [spec], {spec.name: weights})
        bank.add(TaskPrompt.from_model(EnsembleModel(members, Ensemble.uniform(1))), name)
    return bank


class Peft:
    """Prompt tuning with PEFT: an adapter for each task, and all logits at all positions."""

    def __init__(self, backbone: MaskedLM, tasks: Sequence[Task]) -> None:
        from peft import PromptTuningConfig, get_peft_model

        self.backbone = backbone
        self.tokenizer = backbone.hf_tokenizer
        # PEFT has no masked-LM task type; this one only puts its tokens before the others.
        config = PromptTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=SLOTS)
        self.model = get_peft_model(backbone.model, config, adapter_name="0")
        for number in range(1, len(tasks)):
            self.model.add_adapter(str(number), config)
        self.words = []
        for task in tasks:
            words = task.pvps[0].verbalizers[0].words
            firsts = [
                self.tokenizer.convert_tokens_to_ids(next(iter(words[x]))) for x in task.labels
            ]
            self.words.append(torch.tensor(firsts, device=backbone.compute.device))

    def scores(self, adapter: int, texts: Sequence[str], template: str) -> torch.Tensor:
        """Return logits (B, C) of one word a label."""
        mask = self.tokenizer.mask_token
        filled = [template.replace("{text}", text).replace("{mask}", mask) for text in texts]
        inputs = self.tokenizer(
            filled, padding=True, truncation=True, max_length=256 - SLOTS, return_tensors="pt"
        ).to(self.backbone.compute.device)
        inputs.pop("token_type_ids", None)
        self.model.set_adapter(str(adapter))
        with self.backbone.compute.autocast():
            logits = self.model(**inputs).logits.float()
        masks = (inputs["input_ids"] == self.tokenizer.mask_token_id).int().argmax(dim=1)
        rows = torch.arange(len(texts), device=logits.device)
        return logits[rows, masks + SLOTS][:, self.words[adapter]]


def seconds_used(backbone: MaskedLM) -> float:
    """Return processor seconds since some time; on a GPU, seconds."""
    if backbone.compute.device.type == "cpu":
        return time.process_time()
    return clock(backbone)


def seconds(backbone: MaskedLM, call: Callable[[], Any]) -> float:
    """Return the seconds that a call takes."""
    start = seconds_used(backbone)
    call()
    return seconds_used(backbone) - start


def train_pet(backbone: MaskedLM, examples: Sequence[Example], count: int, steps: int) -> float:
    """Return the time of K members one after the other over that of all together."""
    task = load_task("reviews")
    specs = [spec_of(task, number, steps) for number in range(count)]
    before: list[float] = []

    def mark(event: Event) -> None:
        # Reading the clock at other steps would delay a GPU.
        if event.moment == "step" and event.step in (1, event.total):
            before.append(seconds_used(backbone))

    def one_by_one() -> float:
        used = 0.0
        for spec in specs:
            before.clear()
            train_member(backbone, spec, Work(task, Data(examples), mark))
            used += before[-1] - before[0]
        return used

    def together() -> float:
        before.clear()
        train_together(backbone, specs, Work(task, Data(examples), mark))
        # Every member tells of a step when all have made it.
        return before[-1] - before[count - 1]

    alone = one_by_one()
    return alone / together()


def train_peft(backbone: MaskedLM, examples: Sequence[Example], steps: int) -> float:
    """Return the time of a member's steps with PEFT over that with pet."""
    task = load_task("reviews")
    marks: list[float] = []

    def mark(event: Event) -> None:
        if event.moment == "step" and event.step in (1, event.total):
            marks.append(seconds_used(backbone))

    train_member(backbone, spec_of(task, 0, steps), Work(task, Data(examples), mark))
    pet_seconds = marks[-1] - marks[0]
    peft = Peft(MaskedLM.load(device=str(backbone.compute.device)), [task])
    trained = [p for p in peft.model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-2)
    generator = np.random.default_rng(0)
    labels = [task.labels.index(str(example.label)) for example in examples]
    targets = torch.tensor(labels, device=backbone.compute.device)

    def step() -> None:
        rows = generator.permutation(len(examples))[:BATCH]
        texts = [examples[row].texts["text"] for row in rows]
        scores = peft.scores(0, texts, task.pvps[0].pattern.template)
        functional.cross_entropy(scores, targets[rows]).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad()

    step()
    peft_seconds = seconds(backbone, lambda: [step() for _ in range(steps - 1)])
    return peft_seconds / pet_seconds


def score(
    bank: PromptBank, peft: Peft | None, texts: Sequence[str], each: int
) -> tuple[float, float | None]:
    """Return the time of task after task over that of mixed batches, and PEFT's over that."""
    rows = [
        (name, {"text": texts[(number * each + row) % len(texts)]})
        for number, name in enumerate(TASKS)
        for row in range(each)
    ]
    by_task = [[row for row in rows if row[0] == name] for name in TASKS]
    mixed = seconds(bank.backbone, lambda: bank.scores(rows))
    alone = seconds(bank.backbone, lambda: [bank.scores(requests) for requests in by_task])
    if peft is None:
        return alone / mixed, None

    @torch.inference_mode()
    def obvious() -> None:
        for index, requests in enumerate(by_task):
            template = bank.tasks[requests[0][0]].pvps[0].pattern.template
            for start in range(0, len(requests), BATCH):
                batch = [texts["text"] for _, texts in requests[start : start + BATCH]]
                peft.scores(index, batch, template)

    return alone / mixed, seconds(bank.backbone, obvious) / mixed


def check_agreement(bank: PromptBank, texts: Sequence[str]) -> None:
    """Stop unless rows have the same scores in mixed batches and alone."""
    rows = [(name, {"text": text}) for text in texts[:2] for name in TASKS]
    worst = 0.0
    for row, mixed in zip(rows, bank.scores(rows), strict=True):
        worst = max(worst, float(np.abs(mixed - bank.scores([row])[0]).max()))
    print(f"{bank.backbone.compute.precision}: mixed and alone differ by at most {worst:.1e}\n")
    if worst > (1e-4 if bank.backbone.compute.precision == "fp32" else 0.3):
        raise SystemExit("Rows have other scores in mixed batches than alone.")


@click.command(context_settings={"show_default": True}, help=__doc__.split("\n\n")[0])
@click.option("--members", default="2,4,8", help="Numbers of members that are trained together.")
@click.option("--steps", default=6, help="Optimiser steps.")
@click.option("--each", default="1,4,32", help="Texts of each task in a request.")
@click.option("--pairs", default=3, help="Measurements of each ratio; their median counts.")
@click.option("--device", default="cpu", help="cpu or cuda.")
@click.option("--json", "as_json", is_flag=True, help="End with one line of JSON.")
def main(members: str, steps: int, each: str, pairs: int, device: str, as_json: bool) -> None:
    task = load_task("reviews")
    file = resource_folder("tasks") / "reviews" / "train.jsonl"
    examples = list(islice(examples_from(file, Columns(task, {}, "required")), 64))
    texts = [example.texts["text"] for example in examples]
    exact = PromptBank(MaskedLM.load(device=device, precision="fp32"))
    check_agreement(bank_of(exact.backbone), texts)
    backbone = MaskedLM.load(device=device)
    bank = bank_of(backbone)
    has_peft = find_spec("peft") is not None
    if not has_peft:
        print("PEFT is not installed, so nothing is compared with it: pip install peft\n")
    results: dict[str, float] = {}

    def tell(name: str, text: str, ratios: Sequence[float]) -> None:
        results[name] = round(median(ratios), 2)
        print(f"{text:<64} {spread(ratios)}", flush=True)

    for count in map(int, members.split(",")):
        ratios = [train_pet(backbone, examples, count, steps) for _ in range(pairs)]
        tell(f"train_{count}", f"training, {count} members: one by one / together", ratios)
    if has_peft:
        ratios = [train_peft(backbone, examples, steps) for _ in range(pairs)]
        tell("train_peft", "training, one member: PEFT / pet", ratios)
    peft = None
    if has_peft:
        peft = Peft(MaskedLM.load(device=device), [load_task(name) for name in TASKS])
    for size in map(int, each.split(",")):
        both = [score(bank, peft, texts, size) for _ in range(pairs + 1)][1:]
        title = f"scoring, 8 tasks with {size} texts each"
        tell(f"score_{size}", f"{title}: task by task / mixed", [alone for alone, _ in both])
        others = [other for _, other in both if other is not None]
        if others:
            tell(f"score_peft_{size}", f"{title}: PEFT / mixed", others)
    if as_json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
