"""From labelled examples and unlabelled text to a model: what each method does, step by step."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from safetensors.torch import load_file, save_file
from sklearn.model_selection import StratifiedKFold

from pet.backbone import MaskedLM
from pet.config import Settings
from pet.data import Example, Pool
from pet.distillation import distil, fine_tune
from pet.encoding import Chunk
from pet.ensemble import (
    Ensemble,
    accuracy_weights,
    ensemble_from_dict,
    ensemble_to_dict,
    learn_weights,
)
from pet.errors import DataError
from pet.members import MemberResult, MemberSet, MemberSpec, train_member
from pet.model import EnsembleModel, Model, member_specs, save_model
from pet.runs import RunFolder
from pet.scoring import PVPScorer, Scores
from pet.seeds import derived_seed
from pet.task import Task
from pet.training import Progress, label_numbers, silent

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Data:
    """What a run learns from."""

    train: Sequence[Example]
    dev: Sequence[Example] = ()
    pool: Pool | None = None

    def fingerprint(self) -> dict[str, Any]:
        """Sizes and content hashes, by which a run knows its data again."""
        return {
            "train": fingerprint(self.train),
            "dev": fingerprint(self.dev),
            "unlabeled": None if self.pool is None else self.pool.fingerprint,
        }


def asked(task: Task, settings: Settings, data: Data) -> dict[str, Any]:
    """Everything that decides a run's result, as JSON values."""
    return {"task": task.to_dict(), "settings": asdict(settings), "data": data.fingerprint()}


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
    if settings.method == "fine-tune":
        training, seed = settings.training, derived_seed(settings.seed, 2)
        tuned, fit = fine_tune(
            settings.backbone, task, data.train, training, seed, data.dev, progress
        )
        folder.log("fine-tuned", **asdict(fit))
        return _saved(tuned, folder)
    backbone = MaskedLM.load(
        settings.backbone.backbone, settings.backbone.device, settings.backbone.precision
    )
    specs = specs_of(task, settings)
    for spec in specs:
        PVPScorer(spec.pvp, task.labels, backbone, spec.max_length)  # refuse bad words right away
    distils = settings.method == "pet" and data.pool is not None and len(data.pool) > 0
    results = [
        _member(backbone, spec, task, data, folder, progress, scores_pool=distils) for spec in specs
    ]
    ensemble = _ensemble(backbone, specs, results, task, settings, data, progress)
    folder.write_json("ensemble.json", ensemble_to_dict(ensemble, [spec.name for spec in specs]))
    if not distils or data.pool is None:
        if settings.method == "pet":
            log.warning("no unlabelled text: nothing is distilled, the ensemble is the model")
        weights = {result.name: result.weights for result in results}
        return _saved(EnsembleModel(MemberSet(backbone, task, specs, weights), ensemble), folder)
    del backbone

    def scores() -> Iterator[Scores]:
        shards = [folder.shards(f"members/{spec.name}/scores") for spec in specs]
        for parts in zip(*shards, strict=True):
            yield ensemble(list(parts))

    student, fit = distil(
        settings.backbone,
        task,
        data.pool,
        scores,
        settings.distillation,
        derived_seed(settings.seed, 1),
        progress,
    )
    folder.log("distilled", **asdict(fit))
    return _saved(student, folder)


def specs_of(task: Task, settings: Settings) -> list[MemberSpec]:
    """Return the members that a method trains."""
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
    return [
        MemberSpec(
            f"pattern-{number}" + (f"-{repetition}" if repetitions > 1 else ""),
            number,
            pvp,
            derived_seed(settings.seed, 0, number, repetition),
            training,
            settings.backbone.max_length,
        )
        for number, pvp in chosen
        for repetition in range(repetitions)
    ]


def trained_members(folder: RunFolder, device: str, precision: str) -> EnsembleModel:
    """Load the ensemble of a finished run, also where a classifier was distilled from it."""
    wanted = folder.asked()
    task = Task.from_dict(wanted["task"])
    how = folder.read_json("ensemble.json")
    patterns = {
        name: folder.read_json(f"members/{name}/member.json")["pattern"] for name in how["members"]
    }
    config = wanted["settings"]["backbone"]
    backbone = MaskedLM.load(config["backbone"], device, precision)
    specs = member_specs(task, patterns, config["max_length"])
    weights = {spec.name: _weights(folder, spec.name) for spec in specs}
    return EnsembleModel(MemberSet(backbone, task, specs, weights), ensemble_from_dict(how))


def _check_labels(task: Task, settings: Settings, examples: Sequence[Example]) -> None:
    if settings.method == "zero-shot" or settings.training.max_steps == 0:
        return
    if not examples:
        raise DataError(
            f"Method {settings.method!r} needs labelled examples.", "Give --train FILE."
        )
    present = {example.label for example in examples}
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


def _member(
    backbone: MaskedLM,
    spec: MemberSpec,
    task: Task,
    data: Data,
    folder: RunFolder,
    progress: Progress,
    scores_pool: bool,
) -> MemberResult:
    place = f"members/{spec.name}"
    if folder.has(f"{place}/member.json"):
        figures = folder.read_json(f"{place}/member.json")
        figures.pop("pattern")
        result = MemberResult(weights=_weights(folder, spec.name), **figures)
        log.info("%s: finished before", spec.name)
    else:
        result = train_member(backbone, spec, task, data.train, data.dev, data.pool, progress)
        if result.weights:
            with folder.writing(f"{place}/weights.safetensors") as temporary:
                save_file(dict(result.weights), temporary)
        figures = {k: v for k, v in vars(result).items() if k != "weights"}
        folder.write_json(f"{place}/member.json", {"pattern": spec.pattern, **figures})
        folder.log("member", **figures)
    if scores_pool and data.pool is not None and not folder.has(f"{place}/scores"):
        backbone.weights.put(result.weights)
        scorer = PVPScorer(spec.pvp, task.labels, backbone, spec.max_length)
        done, total = 0, len(data.pool)
        with folder.writing(f"{place}/scores") as temporary:
            temporary.mkdir()
            for number, examples in enumerate(data.pool.chunks()):
                scores = scorer.score(Chunk(backbone.tokenizer, [e.texts for e in examples]))
                np.save(temporary / f"{number:06}.npy", scores, allow_pickle=False)
                done += len(examples)
                progress(f"{spec.name} labels", done, total)
    return result


def _weights(folder: RunFolder, name: str) -> Mapping[str, Any]:
    file = f"members/{name}/weights.safetensors"
    return load_file(folder.path / file) if folder.has(file) else {}


def _ensemble(
    backbone: MaskedLM,
    specs: Sequence[MemberSpec],
    results: Sequence[MemberResult],
    task: Task,
    settings: Settings,
    data: Data,
    progress: Progress,
) -> Ensemble:
    config = settings.ensemble
    how: dict[str, Any] = {
        "combine_verbalizers": config.combine_verbalizers,
        "combine_members": config.combine_members,
    }
    if config.weighting == "accuracy":
        weights = accuracy_weights([result.accuracy_before for result in results])
        return Ensemble(weights, (1.0,) * len(weights), **how)
    if config.weighting == "learned" and len(specs) > 1 and data.train:
        scores, targets = _out_of_fold(backbone, specs, task, settings, data.train, progress)
        members = Ensemble.uniform(len(specs), **how).member_scores(scores)
        return Ensemble(*learn_weights(members, targets), **how)
    return Ensemble.uniform(len(specs), **how)


def _out_of_fold(
    backbone: MaskedLM,
    specs: Sequence[MemberSpec],
    task: Task,
    settings: Settings,
    examples: Sequence[Example],
    progress: Progress,
) -> tuple[list[Scores], np.ndarray]:
    """Scores of labelled examples by members that did not see them: a list of (V, N, C)."""
    targets = label_numbers([example.label for example in examples], task.labels)
    folds = min(settings.ensemble.folds, int(np.bincount(targets)[np.unique(targets)].min()))
    if folds < 2:
        raise DataError(
            "Learned weights need two labelled examples of every label.", "Use --weighting uniform."
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=settings.seed)
    all_scores = []
    for spec in specs:
        scorer = PVPScorer(spec.pvp, task.labels, backbone, spec.max_length)
        scores = np.zeros((len(spec.pvp.verbalizers), len(examples), len(task.labels)), np.float32)
        for fold, (inside, outside) in enumerate(splitter.split(targets, targets)):
            part = replace(spec, name=f"{spec.name} fold {fold + 1}")
            train_member(backbone, part, task, [examples[i] for i in inside], progress=progress)
            texts = [examples[i].texts for i in outside]
            scores[:, outside] = scorer.score(Chunk(backbone.tokenizer, texts))
        all_scores.append(scores)
    return all_scores, targets


def _saved(model: Model, folder: RunFolder) -> Model:
    with folder.writing("classifier") as temporary:
        save_model(model, temporary)
    return model


def fingerprint(examples: Iterable[Example]) -> dict[str, Any]:
    """Number and content hash of labelled examples."""
    digest = hashlib.sha256()
    count = 0
    for count, example in enumerate(examples, 1):  # noqa: B007
        digest.update(json.dumps([example.key, example.label]).encode())
    return {"n": count, "sha256": digest.hexdigest()[:16]}
