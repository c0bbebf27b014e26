"""Models and tokenizers from a folder or the hub: safetensors only, never remote code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from pet.backbone.plausible import refuse_implausible
from pet.errors import BackboneError, is_out_of_memory

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

EMBEDDED = "pet-mini"
# Raised when its weights change: members that are kept without the backbone belong to one edition.
EDITION = 3


def resolve_backbone(name: str) -> str:
    """Return a path or hub name that transformers loads; "pet-mini" is the embedded model."""
    return str(Path(__file__).parent / EMBEDDED) if name == EMBEDDED else name


def edition_of(*names: str | None) -> dict[str, int]:
    """Return the edition of pet-mini for a run's record, where one of these backbones is it."""
    return {"edition": EDITION} if EMBEDDED in names else {}


def load_config(name: str) -> PretrainedConfig:
    """Load the configuration of a folder, a GGUF file or a hub name.

    Raises
    ------
    BackboneError
        When there is none.
    """
    from transformers import AutoConfig

    refuse_implausible(name, resolve_backbone(name))
    config: PretrainedConfig = _from_pretrained(AutoConfig, name)
    return config


def load_pretrained(auto_class: Any, name: str, **options: Any) -> tuple[Any, dict[str, Any]]:
    """Load a model from a folder or the hub: safetensors or GGUF only, no remote code.

    Returns
    -------
    tuple
        The model in fp32 and transformers' loading report.

    Raises
    ------
    BackboneError
        One message for whatever went wrong.
    """
    from transformers.utils import logging as transformers_logging

    refuse_implausible(name, resolve_backbone(name))
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    previous = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # the report is read here instead
    try:
        model, report = _from_pretrained(
            auto_class,
            name,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            **options,
        )
    finally:
        transformers_logging.set_verbosity(previous)
    if name.endswith(".gguf") and getattr(model, "hf_quantizer", None) is not None:
        # Its weights are unpacked now; the mark that they were packed would forbid saving them.
        model.hf_quantizer.remove_quantization_config(model)
    return model, report


def _from_pretrained(auto_class: Any, name: str, detail: str = "", **options: Any) -> Any:
    """Call ``auto_class.from_pretrained``; ``detail`` follows the name in error messages."""
    source = Path(resolve_backbone(name))
    if source.suffix == ".gguf" and source.is_file():
        if find_spec("gguf") is None:
            raise BackboneError(
                f"Backbone {name!r}: GGUF files need the package gguf.",
                "Install it with: pip install 'pet-fewshot[gguf]'",
            )
        options |= {"gguf_file": source.name}
    folder = str(source.parent) if "gguf_file" in options else resolve_backbone(name)
    try:
        return auto_class.from_pretrained(folder, trust_remote_code=False, **options)
    except Exception as error:
        if is_out_of_memory(error):
            raise  # told by the caller
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        if "Unrecognized configuration class" in reason:
            match = re.search(r"class '[\w.]*?(\w+)'", reason)
            architecture = match[1].removesuffix("Config") if match else "such architecture"
            if auto_class.__name__ == "AutoModelForMaskedLM":
                raise BackboneError(
                    f"Backbone {name!r}: expected a masked language model, found "
                    f"{architecture}, which has no mask to fill in.",
                    f"Choose one such as roberta-base, or {EMBEDDED!r}.",
                ) from error
            reason = f"{auto_class.__name__} knows no {architecture}."
        if "ignore_mismatched_sizes" in reason:
            reason = "its weights have other shapes than its config.json asks for."
        if "Repo id must be" in reason or "repo id must be" in reason:
            reason = "there is no such folder."
        raise BackboneError(
            f"Backbone {name!r}{detail} cannot be loaded: {reason}",
            "Give a whole folder with config.json, model.safetensors and tokenizer files, a model "
            f"name of the Hugging Face hub, or {EMBEDDED!r}.",
        ) from error


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a folder, a GGUF file or a hub name.

    Raises
    ------
    BackboneError
        When it cannot be loaded, or its files are missing.
    """
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = _from_pretrained(AutoTokenizer, name, ": its tokenizer")
    # If the files are missing, transformers makes a tokenizer that knows special tokens only.
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise BackboneError(f"Backbone {name!r} lacks its tokenizer files, such as tokenizer.json.")
    return tokenizer


def positions_of(config: PretrainedConfig) -> int:
    """Return the number of positions that a model's config names; 512 without any."""
    return getattr(config, "max_position_embeddings", None) or 512


def longest_input(model: PreTrainedModel) -> int:
    """Return the most tokens a model takes; some families spend the first positions on padding."""
    positions = positions_of(model.config)
    embeddings = getattr(model.base_model, "embeddings", None)
    padding = getattr(getattr(embeddings, "position_embeddings", None), "padding_idx", None)
    return int(positions if padding is None else positions - padding - 1)


def too_large(name: str) -> tuple[str, str]:
    """Return a message's beginning and hint for a model that does not fit into memory."""
    return (
        f"Backbone {name!r} cannot be loaded",
        "Its weights are kept in fp32: 4 bytes a parameter. Choose a smaller `--backbone`, end "
        "what else takes memory, or use `--device cpu` if it is a GPU's.",
    )


def some_of(names: Sequence[str]) -> str:
    """List the first names of many parameters, for a message."""
    return f"{', '.join(names[:3])}{' ...' if len(names) > 3 else ''}"
