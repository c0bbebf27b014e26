"""Plan the members of a method: chosen patterns x soft templates x readouts x repetitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pet.config import METHODS, Settings, SlotUse, TemplateConfig
from pet.config.recipes import Recipe
from pet.errors import UsageError
from pet.members.pattern_spec import PatternSpec
from pet.members.spec import MemberSpec
from pet.scoring.soft.patterns import with_slots, with_soft_words
from pet.scoring.soft.template import SoftSpec
from pet.seeds import RunStream, derived_seed
from pet.task import PVP, Task


def specs_of(task: Task, settings: Settings, shared: bool = False) -> list[PatternSpec]:
    """Plan the members of a method.

    Parameters
    ----------
    task : Task
        Has the patterns to choose from.
    settings : Settings
        Method, patterns, slots, readouts, repetitions and training.
    shared : bool
        Whether the settings are for several methods, some of which need no members with slots.

    Returns
    -------
    list of PatternSpec
        Empty for a method without patterns.

    Raises
    ------
    UsageError
        When the settings ask for slots, and no member has any.
    """
    patterns = METHODS[settings.method].patterns
    if patterns == "none":
        return []
    specs = [
        spec
        for pattern, pvp in task.select(settings.patterns)[: 1 if patterns == "first" else None]
        for slots in settings.template.soft
        for spec in _members(pattern, pvp, slots, settings)
    ]
    if not shared and not any(spec.soft for spec in specs):
        _refuse_idle_slots(settings)
    return specs


def _members(pattern: int, pvp: PVP, slots: str, settings: Settings) -> Iterator[PatternSpec]:
    """Yield the members of a pattern with one kind of slots: readouts x repetitions."""
    method, ensemble, template = METHODS[settings.method], settings.ensemble, settings.template
    name = f"pattern-{pattern}"
    if slots != "none" and len(template.soft) > 1:
        name += f"-{slots}"
    readouts, soft = ensemble.readout, None
    if (recipe := _recipe(pvp, slots)) is not None:
        pvp = _with_slots(pattern, pvp, recipe, slots != "none", template)
        soft = SoftSpec(
            recipe.soft_kind,
            recipe.start or template.soft_start,
            deep=template.soft_deep,
            layers=template.soft_deep_layers,
            mixture=template.soft_mixture or recipe.mixture,
        )
        readouts = readouts if recipe.readout is None else (recipe.readout,)
    training, length = method.training(settings.training), settings.backbone.max_length
    repetitions = ensemble.repetitions if method.repeats else 1
    for readout in readouts:
        for repetition in range(repetitions):
            numbered = name if repetitions == 1 else f"{name}-{repetition}"
            full = numbered if readout == "words" else f"{numbered}-{readout}"
            spec = PatternSpec(full, pattern, pvp, 0, training, length, readout, soft=soft)
            yield spec.seeded(derived_seed(settings.seed, RunStream.MEMBER, pattern, repetition))


def _recipe(pvp: PVP, slots: str) -> Recipe | None:
    """Return the recipe of a PVP's slots, None without any; ``slots`` "none" adds none."""
    name = pvp.soft if slots == "none" else slots
    return None if name is None else Recipe.named(name)


def _with_slots(index: int, pvp: PVP, recipe: Recipe, given: bool, template: TemplateConfig) -> PVP:
    """Return a PVP with slots: those it has, or its words, or new ones in front of it.

    ``given`` says whether the settings ask for slots.
    """
    pattern = pvp.pattern
    if template.soft_from_words and given:
        pattern = with_soft_words(pattern)
        if not pattern.is_soft:
            raise UsageError(
                f"Pattern {index}, {pattern.template!r}, has no words that could be softened.",
                "Leave it out with `--patterns`, or use `--soft words` without "
                "`--soft-from-words`.",
            )
    if not pattern.is_soft:
        pattern = with_slots(pattern, template.soft_slots, template.soft_text)
    return pvp.with_pattern(pattern, recipe.soft_kind)


def _refuse_idle_slots(settings: Settings) -> None:
    """Refuse settings that ask for slots, as no member has any."""
    method, mixture = METHODS[settings.method], settings.template.soft_mixture
    if method.trains and method.training(settings.training).scope == "prompt":
        raise UsageError(
            "The scope 'prompt' trains soft slots, but no chosen pattern has any.",
            "Add `--soft KIND`, write {soft:5} into a pattern, or use another `--scope`.",
        )
    if (mixture or 1) > 1:
        raise UsageError(
            f"A mixture of {mixture} is one of soft templates, but no chosen pattern has slots.",
            "Add `--soft KIND`, write {soft:5} into a pattern, or leave `--soft-mixture` out.",
        )


def slots_of(task: Task, specs: Sequence[MemberSpec], soft_start: str) -> SlotUse:
    """Summarise the slots of members; ``soft_start`` is the setting of that name."""
    kinds: set[str | None] = set()
    given = started = False
    for spec in specs:
        if not isinstance(spec, PatternSpec):
            continue
        kinds.add(None if spec.soft is None else spec.soft.kind)
        if spec.soft is None:
            continue
        written, used = task.pvps[spec.pattern].pattern, spec.pvp.pattern
        given |= not written.is_soft and used != with_soft_words(written)
        # A recipe may set another start.
        started |= used.has_pseudo_tokens and spec.soft.start == soft_start
    return SlotUse(kinds, given, started)
