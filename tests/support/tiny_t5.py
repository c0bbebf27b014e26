"""A tiny T5 that writes spans, and examples for it."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from pet import Example

WORDS = ["it", "was", "{", ".", "good", "bad", "film", "food", "the"]


EXAMPLES = [
    Example({"text": "the film film"}, "positive"),
    Example({"text": "food"}, "negative"),
    Example({"text": "the food was"}, "negative"),
]


def save_tiny_t5(folder: Path, sentinels: int = 3, seed: int = 1) -> str:
    special = ["<pad>", "</s>", "<unk>", *(f"<extra_id_{n}>" for n in range(sentinels))]
    ids = {token: number for number, token in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        additional_special_tokens=special[3:],
    )  # fmt: skip
    torch.manual_seed(seed)
    config = T5Config(
        vocab_size=len(ids) + 3, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    model = T5ForConditionalGeneration(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return str(folder)
