"""The class for an architecture: masked, encoder-decoder or causal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pet.backbone.base import LanguageModel
from pet.backbone.causal import CausalLM
from pet.backbone.direct.bert import BertSettings
from pet.backbone.direct.reading import read_masked_lm
from pet.backbone.loading import EMBEDDED, load_config, resolve_backbone, too_large
from pet.backbone.masked import MaskedLM
from pet.backbone.seq2seq import Seq2SeqLM
from pet.config import BackboneConfig
from pet.device import Compute
from pet.errors import memory_told

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def load_backbone(
    name: str | BackboneConfig = EMBEDDED, device: str = "auto", precision: str = "auto"
) -> LanguageModel:
    """Load any Hugging Face language model: masked, encoder-decoder or causal.

    Parameters
    ----------
    name : str or BackboneConfig
        Hub name, folder, GGUF file or "pet-mini"; or a configuration, which also has the device
        and the precision.
    device, precision : str
        As `pet.config.BackboneConfig` explains them.

    Raises
    ------
    BackboneError
        When it cannot be loaded, or its word logits cannot be reproduced.

    Examples
    --------
    >>> from pet import load_backbone
    >>> backbone = load_backbone("pet-mini", device="cpu")
    >>> backbone.name, type(backbone).__name__
    ('pet-mini', 'MaskedLM')
    """
    if isinstance(name, BackboneConfig):
        return load_backbone(name.backbone, name.device, name.precision)
    return backbone_class(load_config(name)).load(name, device, precision)


def load_to_score(name: str, device: str = "auto", precision: str = "auto") -> LanguageModel:
    """Load a language model that is never trained and has no soft slots put into it.

    Without transformers, whose import takes seconds, where `pet.backbone.direct` can read it.

    Raises
    ------
    BackboneError
        As `load_backbone`.
    """
    with memory_told(*too_large(name)):
        if found := read_masked_lm(Path(resolve_backbone(name))):
            return MaskedLM(*found, Compute.choose(device, precision), name)
    return load_backbone(name, device, precision)


def backbone_class(config: PretrainedConfig) -> type[LanguageModel]:
    """Return the class for an architecture; an unknown one is tried as a masked LM.

    Its loading then explains the failure.
    """
    if isinstance(config, BertSettings):
        return MaskedLM
    from transformers import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        MODEL_FOR_MASKED_LM_MAPPING,
        MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
    )

    if type(config) in MODEL_FOR_MASKED_LM_MAPPING:
        return MaskedLM
    if type(config) in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING:
        return Seq2SeqLM
    return CausalLM if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING else MaskedLM
