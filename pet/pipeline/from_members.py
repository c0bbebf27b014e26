"""Methods with patterns: train members, combine them and, if the method does so, distil them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from torch import Tensor

from pet.backbone import holding
from pet.config import METHODS, Settings
from pet.data import Pool
from pet.members import MemberRecord, MemberResult, MemberSet, MemberSpec, Work
from pet.members.folds import Folds, HeldOut
from pet.members.store import MemberStore
from pet.members.stored import pool_scores, stored_weights
from pet.model import Ensemble, EnsembleModel, Model, SequenceClassifier
from pet.model.ensemble import agreements, ensemble_to_dict
from pet.pipeline.combining import combined, needs_folds
from pet.pipeline.distillation import distil, student_temperature
from pet.pipeline.ipet import train_generations
from pet.pipeline.second_round import has_second_round, train_twice
from pet.pipeline.temperatures import temperature_of_agreement, temperature_of_folds
from pet.runs import RunFolder
from pet.seeds import RunStream, derived_seed
from pet.task.kinds import KINDS
from pet.training import Checkpoint
from pet.types import Scores

log = logging.getLogger(__name__)


def from_members(
    work: Work, folder: RunFolder, settings: Settings, specs: Sequence[MemberSpec]
) -> Model:
    """Train the members of a method, and return their ensemble or its student.

    Parameters
    ----------
    work : Work
        Task and data.
    folder : RunFolder
        Keeps finished steps.
    settings : Settings
        Settings of all steps.
    specs : sequence of MemberSpec
        The members; see `pet.members.members_of`.
    """
    distils = METHODS[settings.method].distils
    pool = work.data.pool if distils and work.data.pool else None
    with holding(settings.backbone) as backbone:
        specs = [spec.showing(work.data.train, work.task.labels) for spec in specs]
        for spec in specs:
            spec.refuse_unfit(work.task.labels, backbone, len(work.data.train))
        specs, results, ensemble = _trained(work, folder, settings, specs, pool)
        if pool is None:
            if distils:
                given = work.data.pool
                log.warning(
                    "%s: nothing is distilled, the ensemble is the model",
                    f"all {given.left_out} unlabelled texts are labelled examples too"
                    if given is not None and given.all_excluded
                    else "no unlabelled text",
                )
            weights = {result.name: result.weights for result in results}
            offsets = {result.name: result.offsets for result in results}
            members = MemberSet(backbone, work.task, specs, weights, offsets)
            return EnsembleModel(members, ensemble)
        del backbone  # the student takes its memory
    return _distilled(work, folder, settings, ensemble, [spec.name for spec in specs], pool)


def _trained(
    work: Work,
    folder: RunFolder,
    settings: Settings,
    specs: Sequence[MemberSpec],
    pool: Pool | None,
) -> tuple[Sequence[MemberSpec], Sequence[MemberResult], Ensemble]:
    """Train members, and find their ensemble; return the members of the last generation.

    ``pool`` is the text that they score for a student.
    """
    task, data = work.task, work.data
    method, config = METHODS[settings.method], settings.ensemble
    folds = None
    if needs_folds(config, len(specs), len(data.train)):
        folds = Folds.split(task, data.train, config.folds, settings.seed)
    store, planned = MemberStore(folder, settings.backbone, work), specs
    if method.generations:
        specs, results = train_generations(store, specs, settings.ipet, config)
        planned = specs
    elif has_second_round(task, settings, specs, data):
        specs, results = train_twice(store, specs, config, settings.seed)
    else:
        results = store.members(specs, scores_pool=pool is not None)
    held_out = None if folds is None else store.held_out(planned, folds)
    weighed = combined(config, task.kind, specs, results, held_out)
    names = [spec.name for spec in specs]
    temperature = _temperature(config.temper, folder, weighed, names, held_out, pool)
    ensemble = replace(weighed, temperature=temperature)
    _keep_ensemble(folder, ensemble_to_dict(ensemble, names))
    return specs, results, ensemble


def _keep_ensemble(folder: RunFolder, plain: Mapping[str, Any]) -> None:
    """Write the ensemble; a student that began to learn from another one begins anew."""
    if folder.has(folder.ensemble):
        with folder.reading(folder.ensemble):
            if folder.read_json(folder.ensemble)["members"] != plain["members"]:
                Checkpoint(folder).remove()
    folder.write_json(folder.ensemble, plain)


def _temperature(
    way: str,
    folder: RunFolder,
    ensemble: Ensemble,
    names: Sequence[str],
    held_out: HeldOut | None,
    pool: Pool | None,
) -> float:
    """Find the ensemble's temperature; ``pool`` is unlabelled text that the members scored."""
    if way == "folds" and held_out is not None:
        scores, kind = ensemble(held_out.scores), KINDS[ensemble.kind]
        return temperature_of_folds(kind, scores, held_out.targets, folder)
    if way == "agreement" and pool is not None and len(names) > 1:
        scores_of_chunks = pool_scores(folder, names)
        return temperature_of_agreement(ensemble, scores_of_chunks, len(pool), folder)
    if way == "agreement":
        log.info(
            "probabilities stay as they are: a temperature by agreement takes two or more members "
            "and unlabelled text"
        )
    return 1.0


def _distilled(
    work: Work,
    folder: RunFolder,
    settings: Settings,
    ensemble: Ensemble,
    names: Sequence[str],
    pool: Pool,
) -> SequenceClassifier:
    """Distil an ensemble into a classifier, with the ensemble's temperature."""

    def scores(ensemble: Ensemble) -> Iterator[Scores]:
        return (ensemble(chunk) for chunk in pool_scores(folder, names))

    # The soft labels do not depend on --temper.
    plain = replace(ensemble, temperature=1.0)
    seed, checkpoint = derived_seed(settings.seed, RunStream.DISTILLATION), Checkpoint(folder)
    config = settings.distillation
    student, fit = distil(
        work, lambda: scores(plain), settings.backbone, config, seed, checkpoint,
        lambda: _most_alike(folder, plain, names),
    )  # fmt: skip
    folder.log("distilled", **asdict(fit))
    if ensemble.temperature != 1.0:
        student.cool(student_temperature(student, pool, scores(ensemble)))
    return student


def _most_alike(
    folder: RunFolder, ensemble: Ensemble, names: Sequence[str]
) -> Mapping[str, Tensor]:
    """Return the weights of the trained member whose labels are most often the ensemble's.

    Its student knows much of what it is to learn before the first step.
    """
    shares = dict(zip(names, agreements(pool_scores(folder, names), ensemble), strict=True))
    records = [MemberRecord.read(folder, name) for name in names]
    trained = [record for record in records if record.steps]
    if not trained:
        return {}
    return stored_weights(folder, max(trained, key=lambda record: shares[record.name]))
