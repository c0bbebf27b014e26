"""Short adaptations of tiny models, and their weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from toy import GOOD, NEW
from transformers import AutoModelForMaskedLM

from pet.adaptation import Adaptation, Source, adapt
from pet.config import BackboneConfig, LMConfig

TEXTS = [f"{text} , {other}" for text in NEW for other in GOOD]
QUICK: dict[str, Any] = {
    "max_steps": 7, "batch_size": 4, "length": 16, "shuffle_buffer": 8, "held_out": 10,
    "checkpoint_every": 2, "learning_rate": 1e-3,
}  # fmt: skip


def start(folder: str) -> BackboneConfig:
    return BackboneConfig(folder, "cpu", "fp32")


def run(
    backbone: str, output: Path, texts: Sequence[str] = TEXTS, seed: int = 0, **how: Any
) -> Adaptation:
    source = Source("texts", lambda: iter(texts))
    return adapt(start(backbone), [source], LMConfig(**{**QUICK, **how}), seed, output)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(AutoModelForMaskedLM.from_pretrained(folder).state_dict())


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
