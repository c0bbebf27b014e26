"""Soft templates: patterns with learned slots. One kind a file; `KINDS` names them all."""

from __future__ import annotations

from collections.abc import Sequence

from pet.backbone import LanguageModel
from pet.errors import BackboneError, UsageError, did_you_mean
from pet.soft.deep import Deep
from pet.soft.p_tuning import PTuning
from pet.soft.prefix import Prefix
from pet.soft.prompt_tuning import PromptTuning
from pet.soft.starts import start_vectors
from pet.soft.template import Site, SoftSpec, SoftTemplate
from pet.soft.words import Words

__all__ = ["KINDS", "SoftSpec", "SoftTemplate", "make_template"]

KINDS: dict[str, type[SoftTemplate]] = {
    "words": Words,
    "prompt-tuning": PromptTuning,
    "p-tuning": PTuning,
    "deep": Deep,
    "prefix": Prefix,
}


def make_template(
    spec: SoftSpec,
    backbone: LanguageModel,
    words: Sequence[int | None],
    label_ids: Sequence[int] = (),
) -> SoftTemplate:
    """Make a soft template as it is before training.

    Parameters
    ----------
    spec : SoftSpec
        Kind, start and seed.
    backbone : LanguageModel
        Where its vectors come from and go to.
    words : sequence of int or None
        For every slot the token it starts as, None for pseudo tokens; see
        `pet.encoding.Encoder.soft_starts`.
    label_ids : sequence of int
        Tokens of label words, for the start that takes them.

    Raises
    ------
    UsageError
        When the kind or the start is unknown.
    BackboneError
        When the backbone takes no learned vectors, or not those of this kind.
    """
    if not backbone.takes_prompts:
        raise BackboneError(
            f"Backbone {backbone.name!r} reads from left to right and takes no learned slots.",
            "Choose a masked LM such as roberta-base, or a pattern without {soft}.",
        )
    if spec.kind not in KINDS:
        raise UsageError(f"No soft template {spec.kind!r}.", did_you_mean(spec.kind, KINDS))
    start = start_vectors(backbone, words, label_ids, spec)
    return KINDS[spec.kind](Site(spec, backbone, start)).to(backbone.compute.device)
