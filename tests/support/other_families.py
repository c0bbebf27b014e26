"""Tiny random causal and encoder-decoder LMs, built in code and saved as plain folders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import transformers
from families import MAX_LENGTH, byte_pairs, sentence_pieces
from tiny import randomise
from transformers import PreTrainedTokenizerFast

_SENTINELS = ["<extra_id_0>", "<extra_id_1>"]
_GPT = {"eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
_LLAMA = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}


def _gpt_tokenizer(**special: str) -> Any:
    """Byte-level BPE without a frame, in the manner of GPT-2 and Qwen."""
    backend = byte_pairs({"cls_token": "<|endoftext|>", "sep_token": "<|endoftext|>"}, 0, False)
    tokenizer = backend.backend_tokenizer
    tokenizer.post_processor = None
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **(special or _GPT))


def _llama_tokenizer() -> Any:
    """Unigram pieces behind a start token, in the manner of Llama 2."""
    from tokenizers import processors

    named = {"unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>"}
    pieces = sentence_pieces(named, 0, False)
    tokenizer = pieces.backend_tokenizer
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **_LLAMA)


def _t5_tokenizer() -> Any:
    """Unigram pieces that end with </s>, and sentinels, in the manner of T5."""
    from tokenizers import processors

    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    named = {"cls_token": "<pad>", "sep_token": "</s>", "unk_token": "<unk>"}
    tokenizer = sentence_pieces(named, 0, False).backend_tokenizer
    tokenizer.add_special_tokens(_SENTINELS)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>",
        pair="$A </s> $B </s>",
        special_tokens=[("</s>", tokenizer.token_to_id("</s>"))],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        additional_special_tokens=_SENTINELS,
        model_input_names=["input_ids", "attention_mask"],
        **special,
    )


@dataclass(frozen=True)
class Other:
    """One architecture: its configuration's name, its model class, tokenizer and sizes."""

    architecture: str
    head: str
    tokenizer: Callable[[], Any]
    options: dict[str, Any]
    goes_on: bool = True  # from keys and values of what it has read
    takes_prefix: bool = True  # its attention lets keys and values be changed


def _llama_sizes(**more: Any) -> dict[str, Any]:
    return {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "intermediate_size": 48, "max_position_embeddings": MAX_LENGTH,
        **more,
    }  # fmt: skip


_T5 = {
    "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 4,
    "decoder_start_token_id": 0,
}  # fmt: skip

CAUSAL: dict[str, Other] = {
    "gpt2": Other(
        "GPT2", "GPT2LMHeadModel", _gpt_tokenizer,
        {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": MAX_LENGTH},
    ),
    "llama": Other("Llama", "LlamaForCausalLM", _llama_tokenizer, _llama_sizes()),
    "llama-tied": Other(
        "Llama", "LlamaForCausalLM", _llama_tokenizer, _llama_sizes(tie_word_embeddings=True)
    ),
    # A window shorter than most texts of the tests, and longer than some.
    "mistral": Other(
        "Mistral", "MistralForCausalLM", _llama_tokenizer, _llama_sizes(sliding_window=16)
    ),
    "qwen2": Other("Qwen2", "Qwen2ForCausalLM", _gpt_tokenizer, _llama_sizes()),
    "qwen3": Other("Qwen3", "Qwen3ForCausalLM", _gpt_tokenizer, _llama_sizes(head_dim=8)),
    "bloom": Other(
        "Bloom", "BloomForCausalLM", _gpt_tokenizer,
        {"hidden_size": 32, "n_layer": 2, "n_head": 4}, goes_on=False, takes_prefix=False,
    ),
}  # fmt: skip
SEQ2SEQ: dict[str, Other] = {
    "t5": Other("T5", "T5ForConditionalGeneration", _t5_tokenizer, {**_T5}),
    "t5-1.1": Other(
        "T5", "T5ForConditionalGeneration", _t5_tokenizer,
        {**_T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    ),
    "mt5": Other("MT5", "MT5ForConditionalGeneration", _t5_tokenizer, {**_T5}),
}  # fmt: skip


def save_other(other: Other, folder: Path, seed: int = 0) -> Path:
    """Write a random model of one family, with its tokenizer."""
    tokenizer = other.tokenizer()
    special = {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    config = getattr(transformers, f"{other.architecture}Config")(
        vocab_size=len(tokenizer), **special, **other.options
    )
    model = getattr(transformers, other.head)(config)
    randomise(model, seed)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
