"""From labelled examples and unlabelled text to a model: what each method does, step by step."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from pet.backbone import load_backbone
from pet.checkpoints import Checkpoint
from pet.combining import combined, fine_tuned_temperature, learns_from_folds, splits_of
from pet.config import BackboneConfig, LMConfig, Settings, deciding, unused
from pet.data import Data, Example, Pool
from pet.distillation import distil, student_temperature
from pet.ensemble import Ensemble, ensemble_from_dict, ensemble_to_dict
from pet.errors import DataError, RunError
from pet.fine_tuning import fine_tune
from pet.ipet import train_generations
from pet.labels import names
from pet.lm.adaptation import Adaptation, adapt
from pet.lm.corpus import Source
from pet.loading import EDITION, EMBEDDED, edition_of
from pet.member_store import MemberStore, pool_scores, stored_members
from pet.members import MemberSet, slots_of, specs_of
from pet.model import EnsembleModel, Model
from pet.runs import RunFolder
from pet.saving import save_model
from pet.scoring import Scores
from pet.seeds import derived_seed
from pet.task import Task
from pet.training import Progress, silent

log = logging.getLogger(__name__)

LABELLED = "labelled.json"
# To adapt a backbone the unlabelled text is read so often at most, and measured on if it has so
# many texts.
_PASSES, _MEASURED = 20.0, 20


def asked(task: Task, settings: Settings, data: Data) -> dict[str, Any]:
    """Everything that decides a run's result, as JSON values."""
    return {
        "task": task.to_dict(),
        "settings": deciding(settings),
        "data": data.fingerprint(),
        **edition_of(settings.backbone.backbone, settings.distillation.student),
    }


def finished(folder: RunFolder) -> bool:
    """Whether a run ended; what a process that was killed right then left is removed."""
    if not folder.has("classifier"):
        return False
    Checkpoint(folder).remove()
    return True


def run(
    task: Task, settings: Settings, data: Data, folder: RunFolder, progress: Progress = silent
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

    Returns
    -------
    Model
        The sequence classifier or ensemble that was written to ``classifier/``.

    Raises
    ------
    DataError
        When the labelled examples cannot be learned from.
    """
    _check_labels(task, settings, data.train)
    fine_tunes = settings.method == "fine-tune"
    specs = [] if fine_tunes else specs_of(task, settings)
    if ignored := unused(settings, slots_of(task, settings, specs)):
        log.warning("method %s does not use %s", settings.method, ", ".join(ignored))
    folder.write_json(LABELLED, data.labelled())
    if settings.adaptation.adapt:
        settings = replace(settings, backbone=_adapted(settings, data.pool, folder, progress))
    checkpoint = Checkpoint(folder)
    if fine_tunes:
        if settings.ensemble.calibrate == "folds":
            splits_of(data, task, settings)  # refuse too few examples before anything is trained
        training, seed = settings.training, derived_seed(settings.seed, 2)
        tuned, fit = fine_tune(
            settings.backbone, task, data.train, training, seed, data.dev, progress, checkpoint
        )
        folder.log("fine-tuned", **asdict(fit))
        if settings.ensemble.calibrate == "folds":
            tuned.cool(fine_tuned_temperature(task, settings, data, folder, seed, progress))
        return _saved(tuned, folder)
    backbone = load_backbone(
        settings.backbone.backbone, settings.backbone.device, settings.backbone.precision
    )
    specs = [spec.showing(data.train, task.labels) for spec in specs]
    for spec in specs:
        spec.scorer(task.labels, backbone)  # refuse bad words right away
    if learns_from_folds(settings, len(specs), data):
        splits_of(data, task, settings)
    distils = settings.method in ("pet", "ipet") and data.pool is not None and len(data.pool) > 0
    store = MemberStore(folder, backbone, task, data, progress)
    if settings.method == "ipet":
        combine = settings.ensemble.combine_verbalizers
        specs, results = train_generations(store, specs, settings.ipet, combine)
    else:
        results = store.members(specs, scores_pool=distils)
    ensemble = combined(store, specs, results, settings, pool_scored=distils)
    folder.write_json("ensemble.json", ensemble_to_dict(ensemble, [spec.name for spec in specs]))
    if not distils or data.pool is None:
        if settings.method == "pet":
            log.warning("no unlabelled text: nothing is distilled, the ensemble is the model")
        weights = {result.name: result.weights for result in results}
        offsets = {result.name: result.offsets for result in results}
        members = MemberSet(backbone, task, specs, weights, offsets)
        return _saved(EnsembleModel(members, ensemble), folder)
    del backbone, store

    member_names = [spec.name for spec in specs]

    soft = replace(ensemble, temperature=1.0)  # what is distilled does not depend on --calibrate

    def scores(how: Ensemble = soft) -> Iterator[Scores]:
        return (how(parts) for parts in pool_scores(folder, member_names))

    student, fit = distil(
        settings.backbone,
        task,
        data.pool,
        scores,
        settings.distillation,
        derived_seed(settings.seed, 1),
        progress,
        checkpoint,
    )
    folder.log("distilled", **asdict(fit))
    if ensemble.temperature != 1.0:
        student.cool(student_temperature(student, data.pool, scores(ensemble)))
    return _saved(student, folder)


def trained_members(folder: RunFolder, device: str, precision: str) -> EnsembleModel:
    """Load the ensemble of a finished run, also where a classifier was distilled from it."""
    wanted = folder.asked()
    task = Task.from_dict(wanted["task"])
    how = folder.read_json("ensemble.json")
    config = wanted["settings"]["backbone"]
    adapted = folder.path / "backbone"
    name = str(adapted) if adapted.is_dir() else config["backbone"]
    if name == EMBEDDED and wanted.get("edition") != EDITION:
        raise RunError(
            f"{folder.path}: its members were trained on another edition of {EMBEDDED}, whose "
            "weights have changed since.",
            "Train them again; the run's classifier is whole and works as before.",
        )
    backbone = load_backbone(name, device, precision)
    members = stored_members(folder, how["members"], backbone, task, config["max_length"])
    return EnsembleModel(members, ensemble_from_dict(how))


def adaptation_of(folder: RunFolder) -> Adaptation | None:
    """What adapting the backbone of a finished run did; None where it was left as it is."""
    if not folder.has("backbone/metrics.json"):
        return None
    return Adaptation.from_dict(folder.read_json("backbone/metrics.json"))


def _adapted(
    settings: Settings, pool: Pool | None, folder: RunFolder, progress: Progress
) -> BackboneConfig:
    """Adapt the backbone to the unlabelled text; members and student start from the result."""
    if pool is None or not len(pool):
        raise DataError("To adapt the backbone takes unlabelled text.", "Give --unlabeled FILE.")
    text = Source("the unlabelled text", lambda: (" ".join(example.key) for example in pool))
    target = folder.path / "backbone"
    how = LMConfig(
        max_steps=settings.adaptation.adapt_steps,
        passes=_PASSES,
        held_out=LMConfig.held_out if len(pool) >= _MEASURED else 0,
    )
    seed = derived_seed(settings.seed, 5)
    result = adapt(settings.backbone, [text], how, seed, target, progress=progress)
    folder.log("adapted", **asdict(result))
    return replace(settings.backbone, backbone=str(target))


def _check_labels(task: Task, settings: Settings, examples: Sequence[Example]) -> None:
    if settings.method == "zero-shot" or settings.training.max_steps == 0:
        return
    if settings.method == "ipet" and not examples:
        return
    if not examples:
        raise DataError(
            f"Method {settings.method!r} needs labelled examples.", "Give --train FILE."
        )
    present = {example.label for example in examples}
    if task.is_multi_label:
        _check_truth(task, [names(label) for label in present])
        return
    missing = [label for label in task.labels if label not in present]
    if len(present) == 1:
        raise DataError(
            f"All {len(examples)} labelled examples have the label {present.pop()!r}; a classifier "
            "needs at least two.",
            "Label some examples of " + ", ".join(map(repr, missing[:5])) + ".",
        )
    if len(examples) < len(task.labels):
        raise DataError(
            f"{len(examples)} labelled examples are fewer than the task's {len(task.labels)} "
            f"labels; {', '.join(map(repr, missing[:5]))} have none.",
            "Label at least one example of every label.",
        )
    if missing:
        log.warning("no labelled example of %s", ", ".join(map(repr, missing)))


def _check_truth(task: Task, sets: Sequence[Sequence[str]]) -> None:
    """Refuse to learn where nothing is ever true, or everything always."""
    used = {label for own in sets for label in own}
    if not used or all(len(own) == len(task.labels) for own in sets):
        raise DataError(
            "Every labelled example has " + ("all labels." if used else "no label at all."),
            "Label examples that differ.",
        )
    missing = [label for label in task.labels if label not in used]
    if missing:
        log.warning("no labelled example of %s", ", ".join(map(repr, missing)))


def _saved(model: Model, folder: RunFolder) -> Model:
    with folder.writing("classifier") as temporary:
        save_model(model, temporary)
    Checkpoint(folder).remove()
    return model
