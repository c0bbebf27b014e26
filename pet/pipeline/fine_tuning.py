"""Fine-tuning: a sequence classifier from the labelled examples alone, without patterns."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pet.config import BackboneConfig, Settings, TrainingConfig, default_learning_rate
from pet.data import Data, weights_of
from pet.members import Work
from pet.members.folds import Fold, Folds, kept_scores
from pet.model import SequenceClassifier
from pet.pipeline.temperatures import temperature_of_folds
from pet.progress import Progress
from pet.runs import RunFolder
from pet.seeds import RunStream, derived_seed, with_seed
from pet.task.kinds import accuracy, targets_of, task_kind
from pet.training import Checkpoint, Fit, Job, Schedule, optimise
from pet.training.loop import class_weights, dropout, shuffled_batches
from pet.types import Ints, Scores, Texts


def fine_tune(
    work: Work,
    config: BackboneConfig,
    training: TrainingConfig,
    seed: int,
    checkpoint: Checkpoint | None = None,
) -> tuple[SequenceClassifier, Fit]:
    """Train a classifier on the labelled examples alone: the baseline without patterns.

    Parameters
    ----------
    work : Work
        Task, labelled examples, development examples for early stopping. The stage in progress is
        "classifier".
    config : BackboneConfig
        Start of the classifier.
    training : TrainingConfig
        Steps, rate, batch size, class weights.
    seed : int
        Seed of the head and of the order of examples.
    checkpoint : Checkpoint, optional
        Checkpoint to write, and to go on from after an interruption.
    """
    task, examples, dev = work.task, work.data.train, work.data.dev
    model, new_names = SequenceClassifier.fresh(config, task, seed)
    generator = with_seed(seed)
    encoded = model.encode(examples)
    kind, n_labels = task_kind(task), len(task.labels)
    targets = targets_of(task, [example.label for example in examples])
    weights = class_weights(
        kind.outcomes(targets), kind.alternatives(n_labels), training.class_weight
    )
    weights = None if weights is None else weights.to(model.compute.device)

    def loss_of(rows: Ints) -> Tensor:
        with dropout(model.model, training.dropout):
            logits = model.logits(encoded.batch(rows, model.compute.device))
        outcomes = torch.from_numpy(kind.outcomes(targets[rows])).to(model.compute.device)
        return functional.cross_entropy(kind.decisions(logits), outcomes, weights)

    batches = shuffled_batches(len(targets), training.batch_size, generator, weights_of(examples))
    dev_texts = [example.texts for example in dev]
    dev_targets = targets_of(task, [example.label for example in dev])
    rate = training.learning_rate
    if rate is None:
        rate = 2 * default_learning_rate(int(model.model.config.hidden_size))
    job = Job(
        model.groups(new_names),
        (partial(loss_of, rows) for rows in batches),
        "classifier",
        (lambda: accuracy(task, model.scores(dev_texts), dev_targets)) if dev else None,
    )
    schedule = Schedule.from_config(training, training.steps_for(len(examples), least=200), rate)
    (fit,) = optimise([job], schedule, model.compute, keeper=checkpoint, progress=work.progress)
    return model, fit


@dataclass(frozen=True, kw_only=True)
class FineTuningFold(Fold):
    """A classifier to train on the examples of ``work`` and to score the texts ``outside`` with."""

    work: Work
    backbone: BackboneConfig
    training: TrainingConfig
    seed: int
    outside: Texts


def score_fold(spec: FineTuningFold, progress: Progress) -> Scores:
    """Train a classifier on the inside of a fold and score the outside: (n, C)."""
    work = replace(spec.work, progress=progress)
    model, _ = fine_tune(work, spec.backbone, spec.training, spec.seed, spec.checkpoint)
    return model.scores(spec.outside)


def without_patterns(work: Work, folder: RunFolder, settings: Settings) -> SequenceClassifier:
    """Fine-tune a classifier in a run, and find its temperature if `--temper folds` asks for it.

    Raises
    ------
    DataError
        When the temperature needs more labelled examples than there are.
    """
    folds = None
    if settings.ensemble.temper == "folds":  # too few examples are refused before any training
        folds = Folds.split(work.task, work.data.train, settings.ensemble.folds, settings.seed)
    seed = derived_seed(settings.seed, RunStream.FINE_TUNING)
    model, fit = fine_tune(work, settings.backbone, settings.training, seed, Checkpoint(folder))
    folder.log("fine-tuned", **asdict(fit))
    if folds is not None:
        model.cool(_temperature(work, folder, settings, folds, seed))
    return model


def _temperature(
    work: Work, folder: RunFolder, settings: Settings, folds: Folds, seed: int
) -> float:
    """Find the classifier's temperature, on examples held out from classifiers like it."""
    examples = work.data.train
    specs = [
        FineTuningFold(
            owner="fine-tune",
            fold=fold,
            work=Work(work.task, Data([examples[row] for row in inside])),
            backbone=settings.backbone,
            training=settings.training,
            seed=seed,
            outside=[examples[row].texts for row in outside],
        )
        for fold, (inside, outside) in enumerate(folds.splits, 1)
    ]
    scores = np.zeros((len(examples), len(work.task.labels)), np.float32)
    results = kept_scores(folder, work, score_fold, specs)
    for (_, outside), (_, fold_scores) in zip(folds.splits, results, strict=True):
        scores[outside] = fold_scores
    return temperature_of_folds(task_kind(work.task), scores, folds.targets, folder)
