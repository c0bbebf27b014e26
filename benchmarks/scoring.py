"""Speed of scoring without training, against the way of the original PET code.

The same model, texts, patterns and verbalizers, in one process, pair by pair: the naive reference
(see naive.py) on a random block of texts, then pet on all of them, then a large matrix product.

ratio               naive time a text / pet time a text, 4 patterns with 2 verbalizers each
ratio_one_verbalizer  the same with the first verbalizer only
matmul_share        floating-point operations of the encoder / pet's time / the rate of the matrix
                    product: padding, embeddings and head do not count as operations, tokenising
                    and everything else do count as time
peak_memory_ratio   peak memory of pet / of the naive reference, in processes of their own
pool_memory_ratio   with --memory: peak memory at 50,000 unlabelled texts / at 2,000

    python benchmarks/scoring.py --data FILE --json
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import click
import numpy as np
import torch
from memory import pool_peaks
from naive import (
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
from torch import nn

from pet import PVP, Task
from pet.backbone import MaskedLM
from pet.device import Compute
from pet.encoding import Chunk
from pet.scoring import PVPScorer

Texts = Sequence[Mapping[str, str]]
PRODUCT = (4096, 1024, 4096)  # rows, inner, columns
POOLS = (2_000, 50_000)  # unlabelled texts


def score_fast(backbone: MaskedLM, task: Task, pvps: Sequence[PVP], texts: Texts) -> np.ndarray:
    """Return scores (patterns, verbalizers, N, C); texts are tokenised once for all patterns."""
    chunk = Chunk(backbone.tokenizer, texts)
    scorers = [PVPScorer(pvp, task.labels, backbone, MAX_LENGTH) for pvp in pvps]
    return np.stack([scorer.score(chunk) for scorer in scorers])


def score_naive(backbone: MaskedLM, task: Task, texts: Texts) -> tuple[np.ndarray, list[float]]:
    """Return scores as `score_fast` does, and each verbalizer's seconds over all patterns."""
    scores, seconds = [], []
    for index in range(2):
        start = clock(backbone)
        of_patterns = []
        for pvp in task.pvps:
            naive = NaivePVP(
                pvp.pattern, pvp.verbalizers[index], task.labels, backbone.hf_tokenizer
            )
            of_patterns.append(naive.score(backbone.model, texts))
        seconds.append(clock(backbone) - start)
        scores.append(np.stack(of_patterns))
    return np.stack(scores, axis=1), seconds


def encoder_operations(backbone: MaskedLM, task: Task, texts: Texts) -> float:
    """Return the operations of the encoder's linear layers and attention on real tokens."""
    encoder = backbone.model.base_model.encoder
    weights = sum(m.weight.numel() for m in encoder.modules() if isinstance(m, nn.Linear))
    chunk = Chunk(backbone.tokenizer, texts)
    total = 0.0
    for pvp in task.pvps:
        encoded = PVPScorer(pvp, task.labels, backbone, MAX_LENGTH).encode(chunk)
        lengths = encoded[1].ids.lengths.astype(float)
        attention = 4 * (lengths**2).sum() * backbone.hidden_size * len(encoder.layer)
        total += 2 * weights * lengths.sum() + attention
    return total


@torch.inference_mode()
def product_rate(backbone: MaskedLM, repetitions: int = 8) -> float:
    """Return operations a second of a large matrix product, the best of some repetitions."""
    rows, inner, columns = PRODUCT
    types = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    dtype, device = types[backbone.compute.precision], backbone.compute.device
    left = torch.randn(rows, inner, dtype=dtype, device=device)
    layer = nn.Linear(inner, columns, bias=False, dtype=dtype, device=device)
    best = float("inf")
    for _ in range(repetitions + 1):
        start = clock(backbone)
        layer(left)
        best = min(best, clock(backbone) - start)
    return 2 * rows * inner * columns / best


def check_agreement(backbone: MaskedLM, task: Task, texts: Texts) -> None:
    """Stop unless pet in fp32 computes the scores of the naive reference."""
    exact = Compute(backbone.compute.device, "fp32")
    same = MaskedLM(backbone.model, backbone.hf_tokenizer, exact)
    fast = score_fast(same, task, task.pvps, texts)
    gap = float(np.abs(fast - score_naive(same, task, texts)[0]).max())
    print(f"fp32: largest difference of a score on {len(texts)} texts: {gap:.1e}")
    if gap > 1e-3:
        raise SystemExit("pet and the naive reference do not compute the same.")


def memory_fast(task: Task, texts: Texts) -> None:
    """Score with pet, in a child process whose memory is measured."""
    score_fast(MaskedLM.load(device="cpu"), task, task.pvps, texts)


def memory_naive(task: Task, texts: Texts) -> None:
    """Score with the reference, in a child process whose memory is measured."""
    score_naive(MaskedLM.load(device="cpu"), task, texts)


@click.command(context_settings={"show_default": True}, help=__doc__.split("\n\n")[0])
@click.option("--data", type=click.Path(exists=True), help="jsonl rows of AG's News: text, label.")
@click.option("--texts", "count", default=1000, help="Texts that are scored.")
@click.option("--pairs", default=5, help="Pairs of measurements.")
@click.option("--block", default=40, help="Texts of the naive reference in a pair.")
@click.option("--full", is_flag=True, help="Run the naive reference on all texts in every pair.")
@click.option("--memory", is_flag=True, help="Also compare pools of 2,000 and 50,000 texts.")
@click.option("--backbone", "name", default="pet-mini", help="Name, folder, or large.")
@click.option("--device", default="cpu", help="cpu, or cuda, where no memory is measured.")
@click.option("--json", "as_json", is_flag=True, help="End with one line of JSON.")
def main(
    data: str | None,
    count: int,
    pairs: int,
    block: int,
    full: bool,
    memory: bool,
    name: str,
    device: str,
    as_json: bool,
) -> None:
    if memory and device != "cpu":
        raise SystemExit("--memory is measured on a CPU alone.")
    task, examples = load(data, count)
    texts = [example.texts for example in examples]
    backbone = load_backbone(name, device)
    show_machine(backbone)
    generator = np.random.default_rng(0)
    block = count if full else min(block, count)
    check_agreement(backbone, task, [texts[row] for row in generator.choice(count, min(8, count))])
    operations = encoder_operations(backbone, task, texts)

    figures: dict[str, list[float]] = {"ratio": [], "one": [], "share": [], "same": []}
    # A GPU chooses its products for every shape when it meets it first.
    score_fast(backbone, task, task.pvps, texts[:64] if device == "cpu" else texts)
    print(f"\n{'pair':>4} {'naive ms/text':>14} {'pet ms/text':>12} {'ratio':>7} "
          f"{'one verb.':>10} {'product GFLOP/s':>16} {'share':>6}")  # fmt: skip
    for pair in range(1, pairs + 1):
        rows = generator.choice(count, block, replace=False)
        slow_scores, slow = score_naive(backbone, task, [texts[row] for row in rows])
        start = clock(backbone)
        scores = score_fast(backbone, task, task.pvps, texts)
        middle = clock(backbone)
        score_fast(backbone, task, first_verbalizer(task.pvps), texts)
        fast, fast_one = middle - start, clock(backbone) - middle
        rate = product_rate(backbone)
        figures["ratio"].append((sum(slow) / block) / (fast / count))
        figures["one"].append((slow[0] / block) / (fast_one / count))
        figures["share"].append(operations / fast / rate)
        same = scores[:, :, rows].argmax(axis=-1) == slow_scores.argmax(axis=-1)
        figures["same"].append(float(same.mean()))
        print(f"{pair:>4} {1e3 * sum(slow) / block:>14.1f} {1e3 * fast / count:>12.2f} "
              f"{figures['ratio'][-1]:>7.1f} {figures['one'][-1]:>10.1f} {rate / 1e9:>16.0f} "
              f"{figures['share'][-1]:>6.0%}")  # fmt: skip

    result: dict[str, Any] = {
        "ratio": round(median(figures["ratio"]), 2),
        "ratio_one_verbalizer": round(median(figures["one"]), 2),
        "matmul_share": round(median(figures["share"]), 3),
    }
    print(
        f"\nIn every pair pet scored all {count} texts with 4 patterns and 2 verbalizers, and the"
    )
    print(f"naive reference {block} of them.", end=" ")
    print(
        ""
        if block == count
        else "Its time for all is extrapolated: every text costs it 256 tokens."
    )
    print(f"ratio:                     {spread(figures['ratio'])}")
    print(f"ratio with one verbalizer: {spread(figures['one'])}")
    print(f"share of the product rate: {spread(figures['share'], 3)}, product {PRODUCT}")
    print(f"same label as the naive reference: {np.mean(figures['same']):.1%} of all scores")
    if device == "cpu":
        fast_peak = peak_of(memory_fast, task, texts)
        slow_peak = peak_of(memory_naive, task, texts[:block])
        result["peak_memory_ratio"] = round(fast_peak / slow_peak, 3)
        print(f"peak memory, pet on {count} texts: {fast_peak / 2**20:,.0f} MiB")
        print(f"peak memory, naive on {block} texts: {slow_peak / 2**20:,.0f} MiB")
    if memory:
        small, large = pool_peaks(task, texts, POOLS)
        result["pool_memory_ratio"] = round(large / small, 3)
        print(f"the larger pool takes {large / small:.2f} times the memory of the smaller")
    if as_json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
