"""From labelled examples and unlabelled text to a model: what each method does, step by step."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pet.backbone.loading import edition_of
from pet.config import Settings, deciding, unused
from pet.data import Data
from pet.execution import executor_for
from pet.members import MemberSpec, Work, slots_of, specs_of
from pet.model import Model, save_model
from pet.pipeline.adapted import adapted
from pet.pipeline.fine_tuning import without_patterns
from pet.pipeline.from_members import from_members
from pet.pipeline.requirements import check_labels, check_pool
from pet.progress import Progress, silent
from pet.runs import RunFolder
from pet.seeds import RunStream, derived_seed
from pet.task import Task
from pet.training import Checkpoint

log = logging.getLogger(__name__)


def asked(task: Task, settings: Settings, data: Data) -> dict[str, Any]:
    """Everything that decides a run's result, as JSON values."""
    return {
        "task": task.to_dict(),
        "settings": deciding(settings),
        "data": data.fingerprint(),
        **edition_of(settings.backbone.backbone, settings.distillation.distill_student),
    }


def finished(folder: RunFolder) -> bool:
    """Whether a run is finished."""
    return folder.has(folder.classifier)


def drop_leftovers(folder: RunFolder) -> None:
    """Remove the last checkpoint of a finished run, which a process killed right then leaves."""
    Checkpoint(folder).remove()


def run(
    task: Task,
    settings: Settings,
    data: Data,
    folder: RunFolder,
    progress: Progress = silent,
    shared: bool = False,
) -> Model:
    """Run a method; what is finished in the folder already is not done again.

    Parameters
    ----------
    task : Task
        Labels, fields and PVPs.
    settings : Settings
        Method and all its settings.
    data : Data
        Labelled examples and unlabelled text.
    folder : RunFolder
        Where members, scores and the classifier go.
    progress : callable
        Told of every stage; see `pet.progress`.
    shared : bool
        Several methods have these settings; see `pet.members.specs_of`.

    Returns
    -------
    Model
        The sequence classifier or ensemble that was written to the folder.

    Raises
    ------
    DataError
        When the labelled examples cannot be learned from.
    """
    check_labels(task, settings.method, settings.training, data.train)
    check_pool(settings.method, data.pool)
    specs = specs_of(task, settings, shared)
    if ignored := unused(settings, slots_of(task, specs, settings.template.soft_start)):
        log.warning("method %s does not use %s", settings.method, ", ".join(ignored))
    folder.write_json(folder.labelled, data.labelled())
    with executor_for(settings.jobs) as executor:
        model = _model(Work(task, data, progress, executor), folder, settings, specs)
    with folder.writing(folder.classifier) as temporary:
        save_model(model, temporary)
    drop_leftovers(folder)
    return model


def _model(work: Work, folder: RunFolder, settings: Settings, specs: Sequence[MemberSpec]) -> Model:
    """Make a method's model, on a backbone that is adapted first where that is wanted."""
    if settings.adaptation.adapt:
        steps = settings.adaptation.adapt_steps
        seed = derived_seed(settings.seed, RunStream.ADAPTATION)
        settings = replace(settings, backbone=adapted(work, folder, settings.backbone, steps, seed))
    if specs:
        return from_members(work, folder, settings, specs)
    return without_patterns(work, folder, settings)
