"""Which settings a method does not read, so that nobody tunes what changes nothing."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import fields
from typing import Any

from pet.config.ensemble import DistillationConfig, EnsembleConfig, IpetConfig
from pet.config.recipes import Recipe
from pet.config.settings import CONFIGS, Method, Settings
from pet.config.soft import TemplateConfig
from pet.config.training import TrainingConfig


def _names(config: type[Any], *read: str) -> frozenset[str]:
    return frozenset(item.name for item in fields(config) if item.name not in read)


_SEVERAL = frozenset({"weighting", "combine_members", "repetitions"})
_GENERATIONS, _STUDENT = _names(IpetConfig), _names(DistillationConfig)
_STEPS = frozenset(
    "max_steps batch_size accumulation learning_rate weight_decay warmup clip_norm dropout "
    "class_weight eval_every patience".split()
)
_UNUSED: dict[Method, frozenset[str]] = {
    "pet": _GENERATIONS,
    "ipet": frozenset(),
    "single": _GENERATIONS | _STUDENT | _SEVERAL,
    "head": _GENERATIONS | _STUDENT | {"scope"},
    "zero-shot": _GENERATIONS
    | _STUDENT
    | _names(TrainingConfig, "calibration", "demonstrations")
    | {"repetitions"},
    "fine-tune": _GENERATIONS
    | _STUDENT
    | _names(TrainingConfig, *_STEPS)
    | _names(TemplateConfig)
    | _names(EnsembleConfig, "calibrate", "folds")
    | {"patterns"},
}


def unused(settings: Settings, kinds: Set[str | None]) -> list[str]:
    """Names of settings that are not at their defaults and that nothing reads.

    Parameters
    ----------
    settings : Settings
        Method, members, soft templates.
    kinds : set of str or None
        The kinds of soft templates that the members have; None stands for hard members.
    """
    own: list[tuple[str, Any, Any]] = [("patterns", settings.patterns, None)]
    for part in CONFIGS:
        config = getattr(settings, part)
        own += [(item.name, getattr(config, item.name), item.default) for item in fields(config)]
    ignored = _UNUSED[settings.method] | _unused_by_templates(settings, kinds)
    return [name for name, value, default in own if name in ignored and value != default]


def _unused_by_templates(settings: Settings, kinds: Set[str | None]) -> frozenset[str]:
    ignored: set[str] = set()
    template = settings.template
    if kinds <= {None}:
        ignored |= {"soft_length", "soft_text", "soft_start", "prompt_rate"}
    elif None not in kinds and settings.training.scope == "prompt":
        ignored.add("learning_rate")  # of the whole model, which is frozen
    if template.soften == "words" or template.soft_text is not None:
        ignored.add("soft_length")
    if "deep" not in kinds:
        ignored |= {"deep", "deep_layers"}
    recipes = [Recipe.of(name) for name in template.soft]
    if all(recipe.start for recipe in recipes):
        ignored.add("soft_start")
    if all(recipe.readout for recipe in recipes):
        ignored.add("readout")
    return frozenset(ignored)
