"""Speed of pet adapt, against the usual recipe and the limit of the machine.

The same model, text and masks, in one process, pair by pair. The usual recipe is that of
transformers' examples: packed rows of one length, logits of all words at all positions (B, L, V),
cross entropy that ignores the positions that are not masked, AdamW over all parameters.

    python benchmarks/adaptation.py --text FILE.txt --json

ratio         the usual recipe's time a step / pet's
tokens        that pet reads in a second
matmul_share  floating-point operations of a step's linear layers, attention and decoder, forward
              and backward / pet's time / the rate of a large matrix product
"""

from __future__ import annotations

import copy
import json
import time
from statistics import median

import click
import numpy as np
import torch
from naive import show_machine, spread
from scoring import product_rate
from torch import nn
from torch.nn import functional

from pet.adaptation import Source
from pet.adaptation.corpus import Corpus
from pet.adaptation.packing import Packer, RowStream
from pet.adaptation.steps import adaptation_losses, trained_parameters
from pet.backbone import MaskedLM
from pet.config import LMConfig
from pet.data.documents import documents_from
from pet.progress import Event
from pet.training import Group, Job, Schedule, optimise

SEED, RATE = 13, 1e-4


def stream_of(backbone: MaskedLM, file: str, config: LMConfig) -> RowStream:
    corpus = Corpus([Source(file, lambda: documents_from(file))], 0, SEED)
    return RowStream(corpus, Packer(backbone.tokenizer, config.length), 256)


def train_fast(backbone: MaskedLM, file: str, config: LMConfig, steps: int) -> float:
    """Return pet's seconds a step, without the first step."""
    marks: list[float] = []
    losses = adaptation_losses(backbone, stream_of(backbone, file, config), config, SEED, 0)
    job = Job([Group(trained_parameters(backbone, config))], losses, "masked LM")

    def mark(event: Event) -> None:
        if event.moment == "step":
            marks.append(time.perf_counter())

    optimise([job], Schedule(steps, RATE, warmup=0), backbone.compute, progress=mark)
    return (marks[-1] - marks[0]) / (steps - 1)


def train_usual(backbone: MaskedLM, file: str, config: LMConfig, steps: int) -> float:
    """Return the usual recipe's seconds a step, without the first step."""
    model = copy.deepcopy(backbone.model).train(False)
    model.requires_grad_(True)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE)
    rows = stream_of(backbone, file, config)
    generator = np.random.default_rng(SEED)
    mask_id, special = backbone.tokenizer.mask_id, backbone.tokenizer.special_ids
    marks: list[float] = []
    for _ in range(steps):
        ids = torch.from_numpy(rows.draw(config.batch_size, generator)[:, 0].astype(np.int64))
        hidden = torch.from_numpy(generator.random(ids.shape) < config.mask_rate)
        hidden &= ~torch.isin(ids, torch.tensor(special))
        logits = model(input_ids=ids.masked_fill(hidden, mask_id)).logits
        targets = ids.masked_fill(~hidden, -100)
        functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        marks.append(time.perf_counter())
    return (marks[-1] - marks[0]) / (steps - 1)


def operations(backbone: MaskedLM, config: LMConfig) -> float:
    """Return the operations of a step; a backward pass counts as two forward passes."""
    model, tokens = backbone.model, config.batch_size * config.length
    linear = sum(
        layer.weight.numel() for layer in model.base_model.encoder.modules()
        if isinstance(layer, nn.Linear)
    )  # fmt: skip
    size = model.config
    attention = 2 * config.length * size.hidden_size * size.num_hidden_layers
    decoder = config.mask_rate * size.vocab_size * size.hidden_size
    return 3 * 2 * tokens * (linear + attention + decoder)


@click.command(context_settings={"show_default": True}, help=__doc__.split("\n\n")[0])
@click.option("--text", required=True, help="Text file, a document a line.")
@click.option("--model", default="pet-mini", help="Masked LM of the BERT family.")
@click.option("--steps", default=6, help="Steps of each in a pair.")
@click.option("--pairs", default=3, help="Pairs of measurements.")
@click.option("--batch-size", default=32, help="Rows in a step.")
@click.option("--length", default=128, help="Tokens of a row.")
@click.option("--mask-rate", default=0.15, help="Share of the tokens that are predicted.")
@click.option("--json", "as_json", is_flag=True, help="End with one line of JSON.")
def main(
    text: str, model: str, steps: int, pairs: int, batch_size: int, length: int, mask_rate: float,
    as_json: bool,
) -> None:  # fmt: skip
    backbone = MaskedLM.load(model, "cpu")
    show_machine(backbone)
    config = LMConfig(batch_size=batch_size, length=length, mask_rate=mask_rate)
    figures: dict[str, list[float]] = {"ratio": [], "tokens": [], "matmul_share": []}
    print(f"{'usual s/step':>12} {'pet s/step':>11} {'ratio':>6} {'tokens/s':>9} {'share':>6}")
    for _ in range(pairs):
        slow = train_usual(backbone, text, config, steps)
        fast = train_fast(MaskedLM.load(model, "cpu"), text, config, steps)
        share = operations(backbone, config) / fast / product_rate(backbone)
        speed = batch_size * length / fast
        print(f"{slow:>12.2f} {fast:>11.2f} {slow / fast:>6.2f} {speed:>9.0f} {share:>6.0%}")
        for values, value in zip(figures.values(), (slow / fast, speed, share), strict=True):
            values.append(value)
    print(f"\nratio {spread(figures['ratio'])}, share {spread(figures['matmul_share'])}")
    if as_json:
        print(json.dumps({name: round(median(values), 3) for name, values in figures.items()}))


if __name__ == "__main__":
    main()
