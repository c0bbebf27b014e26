"""From labelled examples and unlabelled text to a model: what each method does, step by step."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from pet.adaptation import Source, adapt
from pet.backbone import load_backbone
from pet.backbone.loading import edition_of
from pet.config import METHODS, BackboneConfig, LMConfig, Settings, deciding, unused
from pet.data import Data, Pool
from pet.errors import DataError
from pet.members import MemberSet, slots_of, specs_of
from pet.members.store import MemberStore
from pet.members.stored import pool_scores
from pet.model import Ensemble, EnsembleModel, Model, save_model
from pet.model.ensemble import ensemble_to_dict
from pet.pipeline.combining import combined, learns_from_folds, splits_of
from pet.pipeline.distillation import distil, student_temperature
from pet.pipeline.fine_tuning import fine_tune, fine_tuned_temperature
from pet.pipeline.generations import train_generations
from pet.pipeline.requirements import check_labels
from pet.runs import RunFolder
from pet.seeds import RunStream, derived_seed
from pet.task import Task
from pet.training import Checkpoint
from pet.types import Progress, Scores, silent

log = logging.getLogger(__name__)

# To adapt a backbone the unlabelled text is read so often at most, and measured on if it has so
# many texts.
_PASSES, _MEASURED = 20.0, 20


def asked(task: Task, settings: Settings, data: Data) -> dict[str, Any]:
    """Everything that decides a run's result, as JSON values."""
    return {
        "task": task.to_dict(),
        "settings": deciding(settings),
        "data": data.fingerprint(),
        **edition_of(settings.backbone.backbone, settings.distillation.distill_student),
    }


def finished(folder: RunFolder) -> bool:
    """Whether a run ended; what a process that was killed right then left is removed."""
    if not folder.has(folder.classifier):
        return False
    Checkpoint(folder).remove()
    return True


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
        Told a stage's name, steps done and total.
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
    method = METHODS[settings.method]
    check_labels(task, settings.method, settings.training, data.train)
    specs = specs_of(task, settings, shared)
    if ignored := unused(settings, slots_of(task, specs, settings.template.soft_start)):
        log.warning("method %s does not use %s", settings.method, ", ".join(ignored))
    folder.write_json(folder.labelled, data.labelled())
    if settings.adaptation.adapt:
        settings = replace(settings, backbone=_adapted(settings, data.pool, folder, progress))
    checkpoint = Checkpoint(folder)
    if method.patterns == "none":
        if settings.ensemble.temper == "folds":
            splits_of(data, task, settings)  # refuse too few examples before anything is trained
        training, seed = settings.training, derived_seed(settings.seed, RunStream.FINE_TUNING)
        tuned, fit = fine_tune(
            settings.backbone, task, data.train, training, seed, data.dev, progress, checkpoint
        )
        folder.log("fine-tuned", **asdict(fit))
        if settings.ensemble.temper == "folds":
            tuned.cool(fine_tuned_temperature(task, settings, data, folder, seed, progress))
        return _saved(tuned, folder)
    backbone = load_backbone(settings.backbone)
    specs = [spec.showing(data.train, task.labels) for spec in specs]
    for spec in specs:
        spec.scorer(task.labels, backbone)  # refuse bad words right away
    if learns_from_folds(settings, len(specs), data):
        splits_of(data, task, settings)
    distils = method.distils and data.pool is not None and len(data.pool) > 0
    store = MemberStore(folder, backbone, task, data, progress)
    if method.generations:
        combine = settings.ensemble.combine_verbalizers
        specs, results = train_generations(store, specs, settings.ipet, combine)
    else:
        results = store.members(specs, scores_pool=distils)
    ensemble = combined(store, specs, results, settings, pool_scored=distils)
    member_names = [spec.name for spec in specs]
    folder.write_json(folder.ensemble, ensemble_to_dict(ensemble, member_names))
    if not distils or data.pool is None:
        if method.distils:
            log.warning("no unlabelled text: nothing is distilled, the ensemble is the model")
        weights = {result.name: result.weights for result in results}
        offsets = {result.name: result.offsets for result in results}
        members = MemberSet(backbone, task, specs, weights, offsets)
        return _saved(EnsembleModel(members, ensemble), folder)
    del backbone, store

    soft = replace(ensemble, temperature=1.0)  # what is distilled does not depend on --temper

    def scores(how: Ensemble = soft) -> Iterator[Scores]:
        return (how(parts) for parts in pool_scores(folder, member_names))

    student, fit = distil(
        settings.backbone,
        task,
        data.pool,
        scores,
        settings.distillation,
        derived_seed(settings.seed, RunStream.DISTILLATION),
        progress,
        checkpoint,
    )
    folder.log("distilled", **asdict(fit))
    if ensemble.temperature != 1.0:
        student.cool(student_temperature(student, data.pool, scores(ensemble)))
    return _saved(student, folder)


def _adapted(
    settings: Settings, pool: Pool | None, folder: RunFolder, progress: Progress
) -> BackboneConfig:
    """Adapt the backbone to the unlabelled text; members and student start from the result."""
    if pool is None or not len(pool):
        raise DataError("To adapt the backbone takes unlabelled text.", "Give --unlabeled FILE.")
    text = Source("the unlabelled text", lambda: (" ".join(example.key) for example in pool))
    target = folder.path / folder.backbone
    how = LMConfig(
        max_steps=settings.adaptation.adapt_steps,
        passes=_PASSES,
        held_out=LMConfig.held_out if len(pool) >= _MEASURED else 0,
    )
    seed = derived_seed(settings.seed, RunStream.ADAPTATION)
    result = adapt(settings.backbone, [text], how, seed, target, progress=progress)
    folder.log("adapted", **asdict(result))
    return replace(settings.backbone, backbone=str(target))


def _saved(model: Model, folder: RunFolder) -> Model:
    with folder.writing(folder.classifier) as temporary:
        save_model(model, temporary)
    Checkpoint(folder).remove()
    return model
