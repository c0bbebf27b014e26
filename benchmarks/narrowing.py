"""What the last layer costs when it computes all tokens, and what with the masks alone.

    OMP_NUM_THREADS=1 python benchmarks/narrowing.py

One step of training and one pass of scoring of pet-mini, on a batch of texts with one mask each, in
processor milliseconds: the same model, with the last layer for the masks alone (as pet does) and
for all tokens, turn by turn. Scores and losses are compared, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from statistics import median
from unittest.mock import patch

import click
import numpy as np
import torch
from torch import Tensor

from pet.backbone import MaskedLM
from pet.encoding import Batch
from pet.evaluation.tables import text_table


def batch_of(texts: int, length: int, backbone: MaskedLM) -> Batch:
    """Return texts of random tokens with a mask each, none of them padded."""
    ids = np.random.default_rng(0).integers(2000, 30000, (texts, length))
    ids[:, length // 2] = backbone.tokenizer.mask_id
    columns = torch.full((texts, 1), length // 2)
    return Batch(torch.from_numpy(ids), None, None, columns)


def timed(work: Callable[[], Tensor]) -> tuple[float, Tensor]:
    """Return processor milliseconds and the result."""
    start = time.process_time()
    result = work()
    return 1000 * (time.process_time() - start), result


@click.command()
@click.option("--texts", default=32, show_default=True, help="Texts of a batch.")
@click.option("--length", default=32, show_default=True, help="Tokens of a text.")
@click.option("--pairs", default=7, show_default=True, help="Turns of each way.")
def main(texts: int, length: int, pairs: int) -> None:
    """Measure what narrowing the last layer gives."""
    backbone = MaskedLM.load(device="cpu", precision="fp32")
    batch = batch_of(texts, length, backbone)
    words = torch.arange(2000, 2008)

    def score() -> Tensor:
        with torch.inference_mode():
            return backbone.word_logits(backbone.mask_states(batch)[:, 0], words)

    def step() -> Tensor:
        logits = backbone.word_logits(backbone.mask_states(batch)[:, 0], words)
        loss = torch.nn.functional.cross_entropy(logits, torch.arange(texts) % len(words))
        backbone.model.zero_grad()
        loss.backward()
        return loss.detach()

    rows = []
    for name, work in (("a step of training", step), ("a pass of scoring", score)):
        found: dict[str, list[float]] = {"masks": [], "all": []}
        results = {}
        for turn in range(pairs + 1):
            for way, times in found.items():
                whole = patch("pet.backbone.base.can_narrow", lambda _: False)
                with whole if way == "all" else nullcontext():
                    milliseconds, results[way] = timed(work)
                if turn:  # the first turn makes room
                    times.append(milliseconds)
        middle = {way: median(times) for way, times in found.items()}
        gap = float((results["masks"] - results["all"]).abs().max())
        ratio = f"{middle['masks'] / middle['all'] - 1:+.0%}"
        rows.append([name, f"{middle['all']:.0f}", f"{middle['masks']:.0f}", ratio, f"{gap:.1e}"])
    header = [f"{texts} texts of {length} tokens", "all tokens, ms", "masks, ms", "", "difference"]
    click.echo(text_table(rows, header))


if __name__ == "__main__":
    main()
