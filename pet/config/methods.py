"""Methods: one row each, with everything in which they differ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pet.config.base import settings_but
from pet.config.ensemble import DistillationConfig, EnsembleConfig, IpetConfig
from pet.config.soft import TemplateConfig
from pet.config.training import Scope, TrainingConfig
from pet.registry import Names

_GENERATIONS, _STUDENT = settings_but(IpetConfig), settings_but(DistillationConfig)
_UNLIKE = frozenset({"members", "encoder", "second_round"})
_CLASSIFIER_TRAINING = (
    "max_steps batch_size accumulation learning_rate weight_decay warmup clip_norm dropout "
    "class_weight eval_every patience"
).split()


@dataclass(frozen=True)
class Method:
    """A method: the steps from data to a model.

    Parameters
    ----------
    text : str
        One line for the help text.
    ignores : frozenset of str
        Names of settings that the method does not read.
    patterns : {"all", "first", "none"}
        Patterns that get members, of those chosen; "none" trains a classifier without patterns.
    trains : bool
        Whether members are trained; otherwise they have the backbone's weights.
    repeats : bool
        Whether each pattern has as many members as the setting ``repetitions`` says.
    scope : str, optional
        Trained weights of the backbone, instead of the setting of that name.
    needs_labels, needs_pool : bool
        Whether labelled examples, or unlabelled text, must be given.
    generations : bool
        Whether members of a generation label text for those of the next.
    unlike : bool
        Whether there may be members without patterns beside those with.
    distils : bool
        Whether a classifier learns the ensemble's labels of unlabelled text, if there is some.
    """

    text: str
    ignores: frozenset[str]
    patterns: Literal["all", "first", "none"] = "all"
    trains: bool = True
    repeats: bool = True
    scope: Scope | None = None
    needs_labels: bool = True
    needs_pool: bool = False
    generations: bool = False
    unlike: bool = False
    distils: bool = False

    def training(self, config: TrainingConfig) -> TrainingConfig:
        """Return the training settings of this method's members."""
        if not self.trains:
            return replace(config, max_steps=0)
        return config if self.scope is None else replace(config, scope=self.scope)


METHODS: dict[str, Method] = {
    "pet": Method(
        "a member for every pattern and one unlike them, ensembled and distilled",
        _GENERATIONS,
        unlike=True,
        distils=True,
    ),
    "ipet": Method(
        "the same members in generations that label text for each other",
        frozenset({"second_round"}),
        needs_labels=False,
        needs_pool=True,
        generations=True,
        unlike=True,
        distils=True,
    ),
    "zero-shot": Method(
        "no training",
        _GENERATIONS
        | _STUDENT
        | settings_but(TrainingConfig, "offsets", "demonstrations")
        | {"repetitions"}
        | _UNLIKE,
        trains=False,
        repeats=False,
        needs_labels=False,
    ),
    "single": Method(
        "the first pattern alone",
        _GENERATIONS | _STUDENT | {"weighting", "combine_members", "repetitions"} | _UNLIKE,
        patterns="first",
        repeats=False,
    ),
    "head": Method(
        "members whose LM head alone is trained",
        _GENERATIONS | _STUDENT | {"scope"} | _UNLIKE,
        scope="head",
    ),
    "fine-tune": Method(
        "no patterns",
        _GENERATIONS
        | _STUDENT
        | settings_but(TrainingConfig, *_CLASSIFIER_TRAINING)
        | settings_but(TemplateConfig)
        | settings_but(EnsembleConfig, "temper", "folds")
        | {"patterns"},
        patterns="none",
    ),
}

MethodName = Annotated[str, Names(tuple(METHODS))]


def method_help() -> str:
    """Return one text that describes every method."""
    rows = "; ".join(f"{name}: {method.text}" for name, method in METHODS.items())
    return f"Steps of a run. {rows}."
