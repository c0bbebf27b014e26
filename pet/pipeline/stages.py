"""Stages of a run in their order, so that its progress can say how many are left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pet.adaptation.keeping import STAGE as ADAPTATION
from pet.config import METHODS, Settings
from pet.data import Data
from pet.errors import DataError
from pet.members import MemberSpec
from pet.members.store import labelling_stage
from pet.pipeline.combining import needs_folds
from pet.pipeline.draws import Plan
from pet.pipeline.generations import in_generation
from pet.pipeline.second_round import has_second_round
from pet.progress import Event, Progress
from pet.task import Task
from pet.task.kinds import task_kind
from pet.task.labels import label_numbers

CLASSIFIER = "classifier"
# Stages that may go on at once; those of a phase start when all of the phase before are finished.
Phase = Sequence[str]


def phases_of(
    task: Task, settings: Settings, specs: Sequence[MemberSpec], data: Data
) -> list[Phase]:
    """Return the names of a run's stages, phase after phase.

    Parameters
    ----------
    task : Task
        The task.
    settings : Settings
        Method and all its settings.
    specs : sequence of MemberSpec
        The members; see `pet.members.members_of`.
    data : Data
        Labelled examples and unlabelled text.
    """
    method, config = METHODS[settings.method], settings.ensemble
    phases: list[Phase] = [[ADAPTATION]] if settings.adaptation.adapt else []
    if not specs:
        return [*phases, [CLASSIFIER]]
    generations = _generations(task, settings, specs, data)
    distils = bool(method.distils and data.pool)
    for members in generations:
        phases.append([spec.name for spec in members])
        if distils or len(generations) > 1:
            phases.append([labelling_stage(spec) for spec in members])
    if needs_folds(config, len(specs), len(data.train)):
        owners = [spec.name for spec in (generations[-1] if method.generations else specs)]
        folds = range(1, config.folds + 1)
        phases.append([f"{owner} fold {fold}" for owner in owners for fold in folds])
    return [*phases, [CLASSIFIER]] if distils else phases


def _generations(
    task: Task, settings: Settings, specs: Sequence[MemberSpec], data: Data
) -> list[Sequence[MemberSpec]]:
    """Return the members of every generation that is planned; the last may be left out."""
    last = 0
    if METHODS[settings.method].generations and task_kind(task).has_one_label:
        numbers = label_numbers([example.label for example in data.train], task.labels)
        counts = np.bincount(numbers, minlength=len(task.labels)).tolist()
        try:
            last = Plan.from_config(counts, settings.ipet, len(data.pool or ())).generations
        except DataError:
            return [specs]  # refused when they are to be trained
    elif has_second_round(task, settings, specs, data):
        last = 1
    else:
        return [specs]
    return [in_generation(specs, number) for number in range(last + 1)]


class Staged:
    """A progress callback that adds to events how many of a run's stages are finished.

    Stages that a run goes on after are finished too: the first stage of a phase that starts comes
    after all before it.

    Parameters
    ----------
    phases : sequence of Phase
        The run's stages; see `phases_of`. Events of other stages stay as they are, and those of
        a stage that is told again.
    progress : callable
        Receives the events.
    """

    def __init__(self, phases: Sequence[Phase], progress: Progress) -> None:
        self._phase = {stage: number for number, names in enumerate(phases) for stage in names}
        self._finished: set[str] = set()
        self._reached = -1
        self._progress = progress

    def __call__(self, event: Event) -> bool | None:
        """Hand an event on."""
        phase = self._phase.get(event.stage)
        if phase is None or event.stage in self._finished:
            return self._progress(event)
        if phase > self._reached:
            self._reached = phase
            before = list(self._phase)[: list(self._phase).index(event.stage)]
            self._finished.update(before)
        if event.moment == "end":
            self._finished.add(event.stage)
        stages = len(self._finished), len(self._phase)
        return self._progress(replace(event, stages=stages))
