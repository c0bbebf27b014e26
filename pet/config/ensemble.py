"""Settings of the way from members to one model: combination, generations, distillation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pet.config.base import Checked, setting
from pet.registry import Names

Combiner = Annotated[
    str, Names(("logits", "probabilities", "log-probabilities", "vote"), "combiners")
]
Weighting = Literal["uniform", "accuracy", "learned", "tempered"]
ReadoutKind = Annotated[
    str, Names(("words", "word-weights", "class-vectors", "prototypes"), "readouts")
]
MemberKind = Annotated[str, Names(("cloze", "contrastive", "comparison"), "member_kinds")]
Temper = Literal["none", "agreement", "folds"]


@dataclass(frozen=True)
class EnsembleConfig(Checked):
    """Members of each pattern, and their combination."""

    members: tuple[MemberKind, ...] | None = setting(
        None,
        "Kinds of members; by default cloze and, where the backbone has a sentence encoder, as "
        "pet-mini has, one of the others. cloze: one for each pattern; contrastive: texts as "
        "vectors that are pulled together by label; comparison: of the two texts of a pair.",
    )
    encoder: str | None = setting(
        None,
        "Sentence encoder that contrastive members and comparisons start from, by default the "
        "backbone's own: hub name or folder of a model of its architecture and vocabulary.",
    )
    second_round: int | None = setting(
        None,
        "Train members a second time; by default once. So many unlabelled texts for each labelled "
        "one, such as 3, are then examples too, at most: the surest ones on which all kinds of "
        "members of a first, shorter round agree.",
        low=0,
    )
    readout: tuple[ReadoutKind, ...] = setting(
        ("words",),
        "Readout of labels at the mask, one or several: words, the verbalizer unchanged; "
        "word-weights, learned; class-vectors, which start from the words; prototypes of the "
        "labels' mask states. With several, every pattern has a member of each.",
    )
    repetitions: int = setting(1, "Members of each pattern, with different seeds.", low=1)
    combine_verbalizers: Combiner = setting(
        "logits", "Combination of the verbalizers of one member."
    )
    combine_members: Combiner = setting("logits", "Combination of the members.")
    weighting: Weighting = setting(
        "uniform",
        "Member weights: uniform, the same for every kind of member, shared equally among its "
        "members; accuracy on the labelled examples before training; learned on out-of-fold "
        "scores of the labelled examples; or tempered: uniform, with a temperature for every "
        "member from those scores.",
    )
    temper: Temper = setting(
        "agreement",
        "Temperature that makes probabilities honest: agreement makes the ensemble as sure as two "
        "members agree on unlabelled text, at no cost; folds fits out-of-fold scores of the "
        "labelled examples, which takes `--folds` more trainings of every member.",
        formerly="calibrate",
    )
    folds: int = setting(4, "Folds for learned and tempered weights and `--temper folds`.", low=2)


@dataclass(frozen=True)
class IpetConfig(Checked):
    """Generations of iPET (PET, section 3.4)."""

    generations: int | None = setting(
        None,
        "iPET: generations after the first; by default until members learn from 1,000 examples, "
        "the next would draw more than half of the unlabelled text, or a draw cannot be filled.",
        low=1,
    )
    growth: int = setting(
        5, "iPET: factor by which the training examples grow from generation to generation.", low=2
    )
    labeller_share: float = setting(
        0.25,
        "iPET: share of the other members that label the text a member learns from; at least one.",
        low=0,
        high=1,
    )


@dataclass(frozen=True)
class DistillationConfig(Checked):
    """Training of the final classifier on softly labelled text."""

    distill_student: str | None = setting(
        None,
        "Model that the distilled classifier starts from; by default the backbone as the member "
        "most like the ensemble changed it, or pet-mini where the backbone's architecture has no "
        "classifier.",
        formerly="student",
    )
    distill_temperature: float = setting(
        2.0,
        "Temperature that softens the ensemble's labels; 1 leaves them as they are.",
        low=0.01,
        formerly="temperature",
    )
    distill_epochs: int = setting(4, "Passes over the unlabelled text.", low=1)
    distill_max_steps: int = setting(2000, "Most optimiser steps, whatever the epochs.", low=1)
    distill_batch_size: int = setting(32, "Unlabelled texts per optimiser step.", low=1)
    distill_learning_rate: float | None = setting(
        None, "Peak learning rate; by default from the width: 2e-4 for pet-mini.", above=0
    )
