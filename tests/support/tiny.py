"""Tiny models, built in code in a second, saved as plain Hugging Face folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import nn
from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

WORDS = (
    "the a it was is and film food room train phone great good bad terrible awful wonderful happy "
    "sad very just all in question answer yes no maybe news sports business world i we they this "
    "that not but so cold warm fast slow red blue one two three four five . , ! ? : ( ) [ ] ' - /"
).split()
# Rows of different lengths, one almost empty, with words that tiny models spell out.
TEXTS = [
    {"a": "the film was very good but not the food", "b": "we just love it"},
    {"a": "zebra", "b": ""},
    {"a": "a cold train, a warm room and this that", "b": "all in all: no"},
    {"a": "", "b": "one two three four five " * 3},
]
PIECES = list("abcdefghijklmnopqrstuvwxyz0123456789")
VOCABULARY = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
    *dict.fromkeys([*WORDS, *PIECES, *(f"##{piece}" for piece in PIECES)]),
]  # fmt: skip


def bert_tokenizer() -> BertTokenizerFast:
    """A WordPiece tokenizer that knows `WORDS` and spells out every other word."""
    ids = {token: number for number, token in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    return BertTokenizerFast(tokenizer_object=tokenizer)


def save_tiny_bert(folder: Path, seed: int = 0, hidden_size: int = 32) -> Path:
    """Write a random 2-layer BERT masked LM."""
    torch.manual_seed(seed)
    tokenizer = bert_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden_size,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=2 * hidden_size,
        max_position_embeddings=128,
        pad_token_id=tokenizer.pad_token_id,
    )
    BertForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@torch.no_grad()
def randomise(model: nn.Module, seed: int) -> None:
    """Give every parameter, biases and norms included, a value that matters."""
    torch.manual_seed(seed)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            parameter.copy_(torch.randn_like(parameter) * 0.3)
            if name.endswith("weight"):
                parameter.add_(1.0)
        else:
            parameter.copy_(torch.randn_like(parameter) * 0.2)


def save_lively_bert(folder: Path, seed: int = 5) -> Path:
    """Write a tiny BERT with larger random weights, so that scores differ clearly."""
    save_tiny_bert(folder)
    model = BertForMaskedLM.from_pretrained(folder)
    randomise(model, seed)
    model.save_pretrained(folder)
    return folder


@torch.no_grad()
def shake(own: Any) -> None:
    """Move everything learned, so that nothing is zero or where it started."""
    generator = torch.Generator().manual_seed(1)
    for parameter in own.learned.parameters():
        parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
