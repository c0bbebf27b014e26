"""The folder of a BERT model is read directly if nothing in it is unusual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from safetensors.torch import load_file
from torch import Tensor

from pet.backbone.direct.bert import BertClassifier, BertMaskedLM, settings_in
from pet.backbone.direct.tokenizer import DirectTokenizer
from pet.errors import is_out_of_memory

AnyModel = TypeVar("AnyModel", BertClassifier, BertMaskedLM)
# What config.json may say of such a model, besides its sizes and its architecture.
_AS_EXPECTED = {
    "model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute",
    "is_decoder": False, "add_cross_attention": False, "tie_word_embeddings": True,
}  # fmt: skip
# Files that transformers adds to what it reads.
_BESIDE = ("adapter_config.json", "special_tokens_map.json", "added_tokens.json")
_SIZES = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "max_position_embeddings", "type_vocab_size", "layer_norm_eps",
)  # fmt: skip
# What changes nothing when texts are scored.
_WITHOUT_EFFECT = {
    "id2label", "label2id", "problem_type", "dtype", "torch_dtype", "transformers_version",
    "pad_token_id", "bos_token_id", "eos_token_id", "use_cache",
    "initializer_range", "gradient_checkpointing", "attention_probs_dropout_prob",
    "hidden_dropout_prob", "classifier_dropout", "_name_or_path", "embeds_texts",
}  # fmt: skip


def read_classifier(folder: Path, labels: Sequence[str]) -> tuple[Any, Any] | None:
    """Read a saved BERT classifier with these labels; its weights stay mapped to their file.

    Returns
    -------
    tuple or None
        Model and tokenizer, each in place of transformers' own. None if the folder has to be loaded
        by transformers: it is of another architecture, has a setting that is not known here, or is
        damaged.
    """
    if (found := _read_or_none(folder, "BertForSequenceClassification", BertClassifier)) is None:
        return None
    named = sorted((int(number), label) for number, label in found[0].config.id2label.items())
    return found if [label for _, label in named] == [*labels] else None


def read_masked_lm(folder: Path) -> tuple[Any, Any] | None:
    """Read a BERT masked LM, as `read_classifier` reads a classifier."""
    return _read_or_none(folder, "BertForMaskedLM", BertMaskedLM)


def _read_or_none(
    folder: Path, architecture: str, model_class: type[AnyModel]
) -> tuple[AnyModel, DirectTokenizer] | None:
    try:
        return _read(folder, architecture, model_class)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return None  # transformers tells what is wrong


def _read(
    folder: Path, architecture: str, model_class: type[AnyModel]
) -> tuple[AnyModel, DirectTokenizer] | None:
    if any((folder / name).exists() for name in _BESIDE):
        return None
    config = settings_in((folder / "config.json").read_text(encoding="utf-8"))
    settings = {key: value for key, value in vars(config).items() if key != "text"}
    for key, value in {**_AS_EXPECTED, "architectures": [architecture]}.items():
        if settings.pop(key, value) != value:
            return None
    if set(settings) - set(_SIZES) - _WITHOUT_EFFECT:
        return None
    weights = load_file(folder / "model.safetensors")
    if not 0 < config.num_hidden_layers <= len(weights):
        return None
    if config.hidden_size % config.num_attention_heads:
        return None
    model = model_class(config)
    if _shapes(model.state_dict()) != _shapes(weights):
        return None
    model.load_state_dict({name: w.float() for name, w in weights.items()}, assign=True)
    return model, DirectTokenizer(folder)


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(weight.shape) for name, weight in weights.items()}
