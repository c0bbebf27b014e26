"""Fine-tuning: a sequence classifier from the labelled examples alone, without patterns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pet.config import BackboneConfig, Settings, TrainingConfig, default_learning_rate
from pet.data import Data, Example
from pet.members import Work
from pet.members.folds import Folds, kept
from pet.model import SequenceClassifier
from pet.pipeline.temperatures import temperature_of_folds
from pet.runs import RunFolder
from pet.seeds import RunStream, derived_seed, with_seed
from pet.task.kinds import accuracy, targets_of, task_kind
from pet.training import Checkpoint, Fit, Job, Schedule, optimise
from pet.training.loop import class_weights, dropout, shuffled_batches
from pet.types import Scores, Texts


def fine_tune(
    work: Work,
    config: BackboneConfig,
    training: TrainingConfig,
    seed: int,
    checkpoint: Checkpoint | None = None,
) -> tuple[SequenceClassifier, Fit]:
    """Train a classifier on the labelled examples alone: the baseline without patterns."""
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

    def loss_of(rows: NDArray[np.int64]) -> Tensor:
        with dropout(model.model, training.dropout):
            logits = model.logits(encoded.batch(rows, model.compute.device))
        outcomes = torch.from_numpy(kind.outcomes(targets[rows])).to(model.compute.device)
        return functional.cross_entropy(kind.decisions(logits), outcomes, weights)

    batches = shuffled_batches(len(targets), training.batch_size, generator)
    dev_texts = [example.texts for example in dev]
    dev_targets = targets_of(task, [example.label for example in dev])
    rate = training.learning_rate
    if rate is None:
        rate = 2 * default_learning_rate(int(model.model.config.hidden_size))
    job = Job(
        model.groups(new_names),
        (partial(loss_of, rows) for rows in batches),
        "fine-tuned",
        (lambda: accuracy(task, model.scores(dev_texts), dev_targets)) if dev else None,
    )
    schedule = Schedule.of(training, training.steps_for(len(examples), least=200), rate)
    (fit,) = optimise([job], schedule, model.compute, keeper=checkpoint, progress=work.progress)
    return model, fit


def without_patterns(work: Work, folder: RunFolder, settings: Settings) -> SequenceClassifier:
    """Fine-tune a classifier in a run, and find its temperature where that is wanted.

    Raises
    ------
    DataError
        When the temperature needs more labelled examples than there are.
    """
    folds = None
    if settings.ensemble.temper == "folds":  # too few examples are refused before any training
        folds = Folds.of(work.task, work.data.train, settings.ensemble.folds, settings.seed)
    seed = derived_seed(settings.seed, RunStream.FINE_TUNING)
    model, fit = fine_tune(work, settings.backbone, settings.training, seed, Checkpoint(folder))
    folder.log("fine-tuned", **asdict(fit))
    if folds is not None:

        def fitted(known: Sequence[Example], checkpoint: Checkpoint) -> SequenceClassifier:
            part = replace(work, data=Data(known))
            return fine_tune(part, settings.backbone, settings.training, seed, checkpoint)[0]

        model.cool(_temperature(work, folder, folds, fitted))
    return model


def _temperature(
    work: Work,
    folder: RunFolder,
    folds: Folds,
    fitted: Callable[[Sequence[Example], Checkpoint], SequenceClassifier],
) -> float:
    """Find the temperature of a fine-tuned classifier on scores of examples it did not see."""
    task, examples = work.task, work.data.train
    scores = np.zeros((len(examples), len(task.labels)), np.float32)
    for number, (inside, outside) in enumerate(folds.splits, 1):
        known = [examples[row] for row in inside]
        held_out = [examples[row].texts for row in outside]

        def score(
            checkpoint: Checkpoint, known: list[Example] = known, held_out: Texts = held_out
        ) -> Scores:
            return fitted(known, checkpoint).scores(held_out)

        scores[outside] = kept(folder, "fine-tune", number, score)
    return temperature_of_folds(task_kind(task), scores, folds.targets, folder)
