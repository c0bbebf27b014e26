"""Which members a method trains: every chosen pattern, with each kind of slots, and so on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pet.config import Settings, SlotUse, TrainingConfig
from pet.config.recipes import Recipe
from pet.errors import UsageError
from pet.members.spec import MemberSpec
from pet.scoring.soft.patterns import with_slots, with_soft_words
from pet.scoring.soft.template import SoftSpec
from pet.seeds import RunStream, derived_seed
from pet.task import PVP, Task


def specs_of(task: Task, settings: Settings) -> list[MemberSpec]:
    """Return the members that a method trains: patterns x soft templates x repetitions."""
    training = settings.training
    chosen = task.select(settings.patterns)
    repetitions = settings.ensemble.repetitions
    match settings.method:
        case "zero-shot":
            training, repetitions = replace(training, max_steps=0), 1
        case "head":
            training = replace(training, scope="head")
        case "single":
            chosen, repetitions = chosen[:1], 1
    specs = [
        _member(
            number, pvp, kind, readout, repetition if repetitions > 1 else None, training, settings
        )
        for number, pvp in chosen
        for kind in settings.template.soft
        for readout in _readouts(_recipe(pvp, kind), settings)
        for repetition in range(repetitions)
    ]
    soft = any(spec.soft for spec in specs)
    if training.scope == "prompt" and settings.method != "zero-shot" and not soft:
        raise UsageError(
            "The scope 'prompt' trains soft slots, but no chosen pattern has any.",
            "Add --soft KIND, write {soft:5} into a pattern, or use another --scope.",
        )
    if (settings.template.soft_mixture or 1) > 1 and not soft:
        raise UsageError(
            f"A mixture of {settings.template.soft_mixture} is one of soft templates, but no "
            "chosen pattern has slots.",
            "Add --soft KIND, write {soft:5} into a pattern, or leave --soft-mixture out.",
        )
    return specs


def _recipe(pvp: PVP, kind: str) -> Recipe | None:
    """What becomes of a PVP's slots, where it has or gets some; "none" leaves it as it is."""
    name = pvp.soft if kind == "none" else kind
    return None if name is None else Recipe.of(name)


def _readouts(recipe: Recipe | None, settings: Settings) -> tuple[str, ...]:
    own = None if recipe is None else recipe.readout
    return settings.ensemble.readout if own is None else (own,)


def _member(
    number: int,
    pvp: PVP,
    kind: str,
    readout: str,
    repetition: int | None,
    training: TrainingConfig,
    settings: Settings,
) -> MemberSpec:
    config, recipe = settings.template, _recipe(pvp, kind)
    name = f"pattern-{number}"
    if kind != "none" and len(config.soft) > 1:
        name += f"-{kind}"
    seed = derived_seed(settings.seed, RunStream.MEMBER, number, repetition or 0)
    soft = None
    if recipe is not None:
        pattern = pvp.pattern
        if config.soft_from_words and kind != "none":
            pattern = with_soft_words(pattern)
            if not pattern.is_soft:
                raise UsageError(
                    f"Pattern {number}, {pattern.template!r}, has no words that could be softened.",
                    "Leave it out with --patterns, or use --soft words without --soft-from-words.",
                )
        if not pattern.is_soft:
            pattern = with_slots(pattern, config.soft_slots, config.soft_text)
        pvp = pvp.with_pattern(pattern, recipe.kind)
        start = recipe.start or config.soft_start
        mixture = config.soft_mixture or recipe.mixture
        soft = SoftSpec(
            recipe.kind, start, seed, config.soft_deep, config.soft_deep_layers, mixture
        )
    if repetition is not None:
        name += f"-{repetition}"
    if readout != "words":
        name += f"-{readout}"
    length = settings.backbone.max_length
    return MemberSpec(name, number, pvp, seed, training, length, readout, soft=soft)


def slots_of(task: Task, settings: Settings, specs: Sequence[MemberSpec]) -> SlotUse:
    """Tell what slots the members have."""
    kinds: set[str | None] = set()
    given = started = False
    for spec in specs:
        kinds.add(None if spec.soft is None else spec.soft.kind)
        if spec.soft is None:
            continue
        written, used = task.pvps[spec.pattern].pattern, spec.pvp.pattern
        given |= not written.is_soft and used != with_soft_words(written)
        # A recipe may have a start of its own.
        started |= used.has_pseudo_tokens and spec.soft.start == settings.template.soft_start
    return SlotUse(kinds, given, started)
