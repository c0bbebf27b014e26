"""Settings that a run does not read, to warn of tuning them without effect."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, fields
from typing import Any

from pet.config.methods import METHODS
from pet.config.recipes import Recipe
from pet.config.settings import CONFIGS, Settings


@dataclass(frozen=True)
class SlotUse:
    """Use of soft slots by the members of a run.

    Parameters
    ----------
    kinds : set of str or None
        Kinds of the members' soft templates; None for a member without one.
    given : bool
        Whether some pattern gets slots before it.
    started : bool
        Whether some slots have no words, so that ``soft_start`` counts.
    """

    kinds: Set[str | None]
    given: bool
    started: bool


def unused(settings: Settings, slots: SlotUse, unread: Sequence[frozenset[str]] = ()) -> list[str]:
    """Return the names of settings that differ from their defaults although nothing reads them.

    Parameters
    ----------
    settings : Settings
        Settings of a run.
    slots : SlotUse
        Use of soft slots.
    unread : sequence of set of str
        For each member the names of settings that its kind does not read; see
        `pet.members.MemberSpec`.
    """
    values: list[tuple[str, Any, Any]] = [("patterns", settings.patterns, None)]
    for config_name in CONFIGS:
        config = getattr(settings, config_name)
        values += [(item.name, getattr(config, item.name), item.default) for item in fields(config)]
    ignored = METHODS[settings.method].ignores | _unused_by_members(settings, slots)
    if unread:
        ignored |= frozenset.intersection(*unread)
    return [name for name, value, default in values if name in ignored and value != default]


def _unused_by_members(settings: Settings, slots: SlotUse) -> frozenset[str]:
    ignored: set[str] = set()
    template, training = settings.template, settings.training
    if slots.kinds <= {None}:
        ignored.add("prompt_rate")
    elif None not in slots.kinds and training.scope == "prompt":
        ignored.add("learning_rate")  # of the backbone, which is frozen
    if not slots.given:
        ignored.add("soft_text")
    if not slots.given or template.soft_text is not None:
        ignored.add("soft_slots")
    if not slots.started:
        ignored.add("soft_start")
    if "deep" not in slots.kinds:
        ignored |= {"soft_deep", "soft_deep_layers"}
    if all(Recipe.named(name).readout for name in template.soft):
        ignored.add("readout")
    if METHODS[settings.method].training(training).weights_scope(soft=False) != "lora":
        ignored.add("lora_rank")
    return frozenset(ignored)
