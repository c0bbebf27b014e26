"""Checks of members: those that a run would have, and what their backbone refuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from pet.backbone import holding
from pet.config import METHODS, Settings
from pet.data import Example
from pet.members import MemberSpec, PatternSpec
from pet.members.choosing import kinds_of, members_of_kind
from pet.members.folds import Folds
from pet.pipeline.combining import needs_folds
from pet.pipeline.findings import Findings
from pet.pipeline.ipet import refuse_generations
from pet.task import Task


def planned_members(
    task: Task, settings: Settings, labelled: int, findings: Findings
) -> list[MemberSpec]:
    """Plan the members of a run, and count them; kinds that cannot be planned are refusals."""
    specs: list[MemberSpec] = []
    for kind in kinds_of(task, settings, labelled):
        with findings.refusing():
            specs += members_of_kind(kind, task, settings)
    counts = Counter(spec.kind for spec in specs)
    if counts:
        told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        findings.lines.append(f"members: {told}")
    return specs


def refuse_members(
    task: Task,
    settings: Settings,
    specs: Sequence[MemberSpec],
    examples: Sequence[Example],
    unfit: Collection[str],
    findings: Findings,
) -> None:
    """Find what a run would refuse about its members.

    The backbone's weights are read only for members that are more than a pattern with label words.

    Parameters
    ----------
    task, settings
        Of the run.
    specs : sequence of MemberSpec
        Its members.
    examples : sequence of Example
        Labelled examples.
    unfit : collection of str
        Names of members that were refused already.
    findings : Findings
        Receives the refusals.
    """
    if METHODS[settings.method].generations:
        with findings.refusing():
            refuse_generations(task, specs)
    if needs_folds(settings.ensemble, len(specs), len(examples)):
        with findings.refusing():
            Folds.split(task, examples, settings.ensemble.folds, settings.seed)
    others = [spec for spec in specs if spec.name not in unfit and not _reads_words_alone(spec)]
    if not others:
        return
    with findings.refusing(), holding(settings.backbone) as backbone:
        for spec in others:
            with findings.refusing():
                spec.refuse_unfit(task.labels, backbone, len(examples))


def _reads_words_alone(spec: MemberSpec) -> bool:
    return isinstance(spec, PatternSpec) and spec.readout == "words"
