"""A sentence encoder beside a tiny backbone: some of its weights, changed."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from tiny import save_lively_bert
from torch import Tensor
from transformers import BertForMaskedLM

from pet.backbone.sentences import FILE


@torch.no_grad()
def moved_body(folder: str | Path, seed: int = 3) -> dict[str, Tensor]:
    """Every weight before the head, word embeddings included, moved a little."""
    generator = torch.Generator().manual_seed(seed)
    model = BertForMaskedLM.from_pretrained(folder)
    return {
        name: (weight + 0.05 * torch.randn(weight.shape, generator=generator)).contiguous()
        for name, weight in model.named_parameters()
        if name.startswith("bert.")
    }


def save_bert_with_sentences(folder: Path) -> Path:
    """Write a lively BERT, and weights of a sentence encoder beside it."""
    save_lively_bert(folder)
    save_file(moved_body(folder), folder / FILE)
    return folder
