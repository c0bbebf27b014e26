"""Methods: a row each, which everything that differs between them is read from."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal

from pet.config.ensemble import DistillationConfig, EnsembleConfig, IpetConfig
from pet.config.soft import TemplateConfig
from pet.config.training import Scope, TrainingConfig
from pet.registry import Names


def _names(config: type[Any], *read: str) -> frozenset[str]:
    """Names of a configuration's settings, without those that are ``read``."""
    return frozenset(item.name for item in fields(config) if item.name not in read)


_GENERATIONS, _STUDENT = _names(IpetConfig), _names(DistillationConfig)
_CLASSIFIER_TRAINING = (
    "max_steps batch_size accumulation learning_rate weight_decay warmup clip_norm dropout "
    "class_weight eval_every patience"
).split()


@dataclass(frozen=True)
class Method:
    """Steps from data to a model.

    Parameters
    ----------
    text : str
        One line for the help.
    ignores : frozenset of str
        Names of settings that it does not read.
    patterns : {"all", "first", "none"}
        Chosen patterns that get members; "none" trains a classifier without patterns.
    trains : bool
        Learns from labels. Otherwise members stay as the backbone has them.
    repeats : bool
        Trains a pattern as often as ``repetitions`` says.
    scope : str, optional
        Trained part of the backbone, whatever the setting of that name says.
    needs_labels, needs_pool : bool
        Labelled examples or unlabelled text must be given.
    generations : bool
        Members of a generation label text for those of the next.
    distils : bool
        Unlabelled text, where there is some, teaches a classifier what the ensemble says.
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
    distils: bool = False

    def training(self, config: TrainingConfig) -> TrainingConfig:
        """Return the training of this method's members."""
        if not self.trains:
            return replace(config, max_steps=0)
        return config if self.scope is None else replace(config, scope=self.scope)


METHODS: dict[str, Method] = {
    "pet": Method(
        "a member for every pattern, ensembled and distilled",
        _GENERATIONS,
        distils=True,
    ),
    "ipet": Method(
        "the same after generations that label text for each other",
        frozenset(),
        needs_labels=False,
        needs_pool=True,
        generations=True,
        distils=True,
    ),
    "zero-shot": Method(
        "no training",
        _GENERATIONS
        | _STUDENT
        | _names(TrainingConfig, "offsets", "demonstrations")
        | {"repetitions"},
        trains=False,
        repeats=False,
        needs_labels=False,
    ),
    "single": Method(
        "the first pattern alone",
        _GENERATIONS | _STUDENT | {"weighting", "combine_members", "repetitions"},
        patterns="first",
        repeats=False,
    ),
    "head": Method(
        "members whose LM head alone is trained",
        _GENERATIONS | _STUDENT | {"scope"},
        scope="head",
    ),
    "fine-tune": Method(
        "no patterns",
        _GENERATIONS
        | _STUDENT
        | _names(TrainingConfig, *_CLASSIFIER_TRAINING)
        | _names(TemplateConfig)
        | _names(EnsembleConfig, "temper", "folds")
        | {"patterns"},
        patterns="none",
    ),
}

MethodName = Annotated[str, Names(tuple(METHODS))]


def method_help() -> str:
    """Describe every method in one text."""
    rows = "; ".join(f"{name}: {method.text}" for name, method in METHODS.items())
    return f"Steps of a run. {rows}."
