"""Settings of soft templates: learned slots of patterns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pet.config.base import Checked, setting
from pet.errors import UsageError
from pet.registry import Names

SOFT_KINDS = Names(("words", "prompt-tuning", "p-tuning", "deep", "prefix"), "soft_kinds")
DeepKind = Literal["replace", "add"]
# Kinds with certain settings; see `pet.config.recipes`.
SOFT_RECIPES = Names(("warp", "mixture"))
SoftName = Annotated[str, SOFT_KINDS, SOFT_RECIPES]
SoftMember = Annotated[str, Names(("none",)), SOFT_KINDS, SOFT_RECIPES]
SoftStart = Literal["label-words", "vocabulary", "uniform", "mask"]


@dataclass(frozen=True)
class TemplateConfig(Checked):
    """Learned slots of patterns, and their start."""

    soft: tuple[SoftMember, ...] = setting(
        ("none",),
        "Soft templates, one or several: words, a learned change of the slots' words; "
        "prompt-tuning, free vectors; p-tuning, the same trained through an LSTM; deep, vectors at "
        "every layer; prefix, keys and values at every layer; warp, prompt-tuning that starts as "
        "mask tokens, with class vectors; mixture, prompt-tuning templates mixed by EM; none "
        "is the pattern without more. With several, every pattern has a member of each kind.",
    )
    soft_slots: int = setting(
        20, "Number of slots that a pattern without slots gets.", low=1, formerly="soft_length"
    )
    soft_text: str | None = setting(
        None, "Words that the slots before a pattern start as; by default none."
    )
    soft_start: SoftStart = setting(
        "label-words",
        "Start of slots without words: label words (and common words for those that remain), "
        "common words of the vocabulary, uniform noise, or the mask token.",
    )
    soft_deep: DeepKind = setting(
        "replace",
        "Use of the vectors of `--soft deep`: they replace a layer's input at the slots, or are "
        "added to it.",
        formerly="deep",
    )
    soft_deep_layers: str = setting(
        "all",
        "Layers that have vectors with `--soft deep`, such as 1,4-6; all are those after layer 0.",
        formerly="deep_layers",
    )
    soft_mixture: int | None = setting(
        None,
        "Number of soft templates of a member, by default 1 (4 with `--soft mixture`); their "
        "probabilities are mixed, with weights found by EM.",
        low=1,
        formerly="mixture",
    )
    soft_from_words: bool = setting(
        False,
        "Make slots of a pattern's own words, instead of putting slots before it.",
        formerly="soften",
        formerly_values={"none": False, "words": True},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.soft_text is not None and not self.soft_text.strip():
            raise UsageError(
                "`--soft-text` has no words.", "Leave it out, or give some: 'In short,'."
            )
        if self.soft_from_words and set(self.soft) <= {"none"}:
            object.__setattr__(self, "soft", ("words",))
