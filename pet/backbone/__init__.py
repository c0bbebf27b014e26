"""Language models: states at the mask and logits of label words, whatever the architecture.

This package is the only room that knows model architectures.
"""

from pet.backbone.base import LanguageModel
from pet.backbone.causal import CausalLM
from pet.backbone.families import backbone_class, load_backbone
from pet.backbone.fingerprint import fingerprint
from pet.backbone.held import held_backbone, holding
from pet.backbone.injection import model_inputs
from pet.backbone.masked import MaskedLM
from pet.backbone.parts import in_parts
from pet.backbone.seq2seq import Seq2SeqLM

__all__ = [
    "CausalLM",
    "LanguageModel",
    "MaskedLM",
    "Seq2SeqLM",
    "backbone_class",
    "fingerprint",
    "held_backbone",
    "holding",
    "in_parts",
    "load_backbone",
    "model_inputs",
]
