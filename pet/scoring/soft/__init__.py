"""Soft templates: learned values of a pattern's slots. One kind a file, all named in `KINDS`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pet.backbone import LanguageModel
from pet.registry import Registry
from pet.scoring.soft.deep import Deep
from pet.scoring.soft.mixture import Mixture
from pet.scoring.soft.p_tuning import PTuning
from pet.scoring.soft.prefix import Prefix
from pet.scoring.soft.prompt_tuning import PromptTuning
from pet.scoring.soft.starts import scattered, start_vectors
from pet.scoring.soft.template import Site, Soft, SoftSpec, SoftTemplate
from pet.scoring.soft.words import Words
from pet.seeds import MemberStream, derived_seed

__all__ = ["KINDS", "Mixture", "Soft", "SoftSpec", "SoftTemplate", "make_template"]

KINDS: Registry[type[SoftTemplate]] = Registry(
    "soft_kinds",
    "soft template",
    {
        "words": Words,
        "prompt-tuning": PromptTuning,
        "p-tuning": PTuning,
        "deep": Deep,
        "prefix": Prefix,
    },
    subclasses_of=SoftTemplate,
)


def make_template(
    spec: SoftSpec,
    backbone: LanguageModel,
    words: Sequence[int | None],
    label_ids: Sequence[int] = (),
) -> Soft:
    """Make an untrained soft template, or a mixture of some.

    Parameters
    ----------
    spec : SoftSpec
        Kind, start and seed.
    backbone : LanguageModel
        The model that its vectors come from and go to.
    words : sequence of int or None
        Token that each slot starts as, None for pseudo tokens; see
        `pet.encoding.Encoder.soft_starts`.
    label_ids : sequence of int
        Tokens of label words, for the start "label-words".

    Raises
    ------
    UsageError
        When the kind or the start is unknown.
    BackboneError
        When the backbone does not take this kind or start.
    """
    template = KINDS[spec.kind]
    starts = [start_vectors(backbone, words, label_ids, spec)]
    for index in range(1, spec.mixture):
        seed = derived_seed(spec.seed, MemberStream.MIXTURE, index)
        vectors = start_vectors(backbone, words, label_ids, replace(spec, seed=seed))
        starts.append(scattered(vectors, backbone, seed))
    templates = [template(Site(spec, backbone, start)).begin() for start in starts]
    soft = Mixture(templates) if len(templates) > 1 else templates[0]
    return soft.to(backbone.compute.device)
