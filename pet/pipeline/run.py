"""Run a method: from labelled examples and unlabelled text to a model."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pet.backbone.loading import edition_of
from pet.config import METHODS, Settings, deciding, unused
from pet.data import Data
from pet.data.overlap import TextSet, contradictions
from pet.execution import executor_for
from pet.members import MemberSpec, Work, members_of, slots_of
from pet.model import Model, save_model
from pet.model.about import About
from pet.pipeline.adapted import adapted
from pet.pipeline.fine_tuning import without_patterns
from pet.pipeline.from_members import from_members
from pet.pipeline.generations import finished_generations
from pet.pipeline.requirements import refuse_labels, refuse_pool, without_examples
from pet.pipeline.second_round import has_second_round
from pet.pipeline.stages import Staged, phases_of
from pet.pipeline.unknown_tokens import unreadable
from pet.progress import Progress, silent
from pet.runs import AdaptationFolder, RunFolder
from pet.runs.layout import generation_of
from pet.seeds import RunStream, derived_seed
from pet.task import Task
from pet.task.labels import names
from pet.training import Checkpoint

log = logging.getLogger(__name__)


def asked(task: Task, settings: Settings, data: Data) -> dict[str, Any]:
    """Return everything that decides a run's result, as JSON values."""
    return {
        "task": task.to_dict(),
        "settings": deciding(settings),
        "data": data.fingerprint(),
        **edition_of(settings.backbone.backbone, settings.distillation.distill_student),
    }


def finished(folder: RunFolder) -> bool:
    """Whether a run is finished, and everything is there that its members and report need.

    Raises
    ------
    RunError
        When a record is damaged.
    """
    return folder.has(folder.classifier) and all(map(folder.has, _pieces(folder)))


def _pieces(folder: RunFolder) -> Iterator[str]:
    """Yield the names of the records that a finished run has; those that say what is next first."""
    settings = folder.asked()["settings"]
    if settings.get("adaptation", {}).get("adapt"):
        yield f"{folder.backbone}/{AdaptationFolder.metrics}"
    if METHODS[settings["method"]].patterns == "none":
        return
    yield folder.ensemble
    members = folder.read_json(folder.ensemble)["members"]
    numbers = [number for name in members if (number := generation_of(name)) is not None]
    if numbers:
        for number in range(max(numbers) + 1):
            yield folder.generation(number).record
        members = [name for made in finished_generations(folder) for name in made.members]
    for name in members:
        yield folder.member(name).record


def drop_leftovers(folder: RunFolder) -> None:
    """Remove the last checkpoint, which a process leaves if it is killed at the end of a run."""
    Checkpoint(folder).remove()


def run(
    task: Task,
    settings: Settings,
    data: Data,
    folder: RunFolder,
    progress: Progress = silent,
    shared: bool = False,
) -> Model:
    """Run a method; steps that are finished in the folder are not repeated.

    Parameters
    ----------
    task : Task
        Labels, fields and PVPs.
    settings : Settings
        Method and all its settings.
    data : Data
        Labelled examples and unlabelled text.
    folder : RunFolder
        Keeps members, scores and the model.
    progress : callable
        Told of every stage; see `pet.progress`.
    shared : bool
        Whether the settings are for several methods; see `pet.members.specs_of`.

    Returns
    -------
    Model
        The sequence classifier or ensemble, as it is in the folder (there in ``save_precision``).

    Raises
    ------
    DataError
        When the method cannot learn from the labelled examples, or lacks unlabelled text.
    """
    refuse_labels(task, settings.method, settings.training, data.train)
    pool = data.pool
    left_out = pool.left_out if pool is not None and pool.all_excluded else 0
    refuse_pool(settings.method, len(pool or ()), left_out)
    specs = members_of(task, settings, len(data.train), shared)
    slots = slots_of(task, specs, settings.template.soft_start)
    ignored = unused(settings, slots, [spec.ignores for spec in specs])
    if settings.ensemble.second_round and not has_second_round(task, settings, specs, data):
        ignored = sorted({*ignored, "second_round"})
    if ignored:
        log.warning("%s does not use %s", _who(settings, specs), ", ".join(ignored))
    if not shared:
        _warn(task, data, settings)
    progress = Staged(phases_of(task, settings, specs, data), progress)
    folder.write_json(folder.labelled, data.labelled())
    try:
        with executor_for(settings.jobs) as executor:
            model = _model(Work(task, data, progress, executor), folder, settings, specs)
    finally:
        folder.remove_unfinished()  # of processes that were ended at work
    model.about = _about(model, settings, data)
    with folder.writing(folder.classifier) as temporary:
        save_model(model, temporary, settings.save_precision)
    drop_leftovers(folder)
    return model


def _who(settings: Settings, specs: Sequence[MemberSpec]) -> str:
    """Name the method of a run, and the kinds of its members if the settings name some."""
    kinds = dict.fromkeys(spec.kind for spec in specs)
    named = f" with {' and '.join(kinds)} members" if settings.ensemble.members and kinds else ""
    return f"method {settings.method}{named}"


def _warn(task: Task, data: Data, settings: Settings) -> None:
    """Tell what is odd about the data of a run."""
    method, labelled = METHODS[settings.method], TextSet(data.train)
    if shared := labelled.count(data.dev):
        log.warning("%d development texts are labelled examples too", shared)
    if data.train and method.training(settings.training).max_steps != 0:
        if missing := without_examples(task, data.train):
            log.warning("no labelled example of %s", ", ".join(map(repr, missing)))
        for line in contradictions(data.train):
            log.warning("%s", line)
    for line in unreadable(task, data, settings.backbone.backbone):
        log.warning("%s", line)


def _about(model: Model, settings: Settings, data: Data) -> About:
    """Return the facts about a run's model that its card tells."""
    labelled = Counter(label for example in data.train for label in names(example.label))
    return About(
        base=model.about.base or settings.backbone.backbone,
        method=settings.method,
        seed=settings.seed,
        labelled={label: labelled[label] for label in model.task.labels},
        examples=len(data.train),
        unlabelled=len(data.pool or ()),
        development=len(data.dev),
    )


def _model(work: Work, folder: RunFolder, settings: Settings, specs: Sequence[MemberSpec]) -> Model:
    """Make a method's model, on a backbone that is adapted first if the settings ask for it."""
    if settings.adaptation.adapt:
        steps = settings.adaptation.adapt_steps
        seed = derived_seed(settings.seed, RunStream.ADAPTATION)
        settings = replace(settings, backbone=adapted(work, folder, settings.backbone, steps, seed))
    if specs:
        return from_members(work, folder, settings, specs)
    return without_patterns(work, folder, settings)
