"""Which settings a method does not read, so that nobody tunes what changes nothing."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, fields
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
    | _names(TrainingConfig, "offsets", "demonstrations")
    | {"repetitions"},
    "fine-tune": _GENERATIONS
    | _STUDENT
    | _names(TrainingConfig, *_STEPS)
    | _names(TemplateConfig)
    | _names(EnsembleConfig, "temper", "folds")
    | {"patterns"},
}


@dataclass(frozen=True)
class SlotUse:
    """What slots the members have, so far as settings of soft templates count for them.

    ``kinds`` are those of the soft templates, None for a member without one; ``given`` tells
    whether some pattern gets slots before it, ``started`` whether some slots have no words and
    start as ``soft_start`` says.
    """

    kinds: Set[str | None]
    given: bool
    started: bool


def unused(settings: Settings, slots: SlotUse) -> list[str]:
    """Names of settings that are not at their defaults and that nothing reads."""
    own: list[tuple[str, Any, Any]] = [("patterns", settings.patterns, None)]
    for part in CONFIGS:
        config = getattr(settings, part)
        own += [(item.name, getattr(config, item.name), item.default) for item in fields(config)]
    ignored = _UNUSED[settings.method] | _unused_by_members(settings, slots)
    return [name for name, value, default in own if name in ignored and value != default]


def _unused_by_members(settings: Settings, slots: SlotUse) -> frozenset[str]:
    ignored: set[str] = set()
    template, training = settings.template, settings.training
    if slots.kinds <= {None}:
        ignored.add("prompt_rate")
    elif None not in slots.kinds and training.scope == "prompt":
        ignored.add("learning_rate")  # of the whole model, which is frozen
    if not slots.given:
        ignored.add("soft_text")
    if not slots.given or template.soft_text is not None:
        ignored.add("soft_slots")
    if not slots.started:
        ignored.add("soft_start")
    if "deep" not in slots.kinds:
        ignored |= {"soft_deep", "soft_deep_layers"}
    if all(Recipe.of(name).readout for name in template.soft):
        ignored.add("readout")
    if training.without_slots != "lora" or settings.method == "head":
        ignored.add("lora_rank")
    return frozenset(ignored)
