"""Fine-tuning: a sequence classifier from the labelled examples alone, without patterns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pet.config import BackboneConfig, Settings, TrainingConfig, default_learning_rate
from pet.data import Data, Example
from pet.members.folds import kept
from pet.model import SequenceClassifier
from pet.pipeline.combining import _fitted, splits_of
from pet.runs import RunFolder
from pet.seeds import with_seed
from pet.task import Task
from pet.task.kinds import accuracy, targets_of, task_kind
from pet.training import Checkpoint, Fit, Schedule
from pet.training.checkpoints import optimise_resumably
from pet.training.loop import class_weights, dropout, shuffled_batches
from pet.types import Progress, Scores, Texts, silent


def fine_tune(
    config: BackboneConfig,
    task: Task,
    examples: Sequence[Example],
    training: TrainingConfig,
    seed: int,
    dev: Sequence[Example] = (),
    progress: Progress = silent,
    checkpoint: Checkpoint | None = None,
) -> tuple[SequenceClassifier, Fit]:
    """Train a classifier on the labelled examples alone: the baseline without patterns."""
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
        own = torch.from_numpy(kind.outcomes(targets[rows])).to(model.compute.device)
        return functional.cross_entropy(kind.decisions(logits), own, weights)

    batches = shuffled_batches(len(targets), training.batch_size, generator)
    dev_texts = [example.texts for example in dev]
    dev_targets = targets_of(task, [example.label for example in dev])
    rate = training.learning_rate
    if rate is None:
        rate = 2 * default_learning_rate(int(model.model.config.hidden_size))
    fit = optimise_resumably(
        model.groups(new_names),
        (partial(loss_of, rows) for rows in batches),
        Schedule.of(training, training.steps_for(len(examples), least=200), rate),
        model.compute,
        (lambda: accuracy(task, model.scores(dev_texts), dev_targets)) if dev else None,
        lambda done, total: progress("fine-tuned", done, total),
        checkpoint,
    )
    return model, fit


def fine_tuned_temperature(
    task: Task, settings: Settings, data: Data, folder: RunFolder, seed: int, progress: Progress
) -> float:
    """Find the temperature of a fine-tuned classifier on scores of examples it did not see."""
    targets, splits = splits_of(data, task, settings)
    scores = np.zeros((len(targets), len(task.labels)), np.float32)
    for number, (inside, outside) in enumerate(splits, 1):
        known: list[Example] = [data.train[i] for i in inside]
        held_out = [data.train[i].texts for i in outside]

        def score(
            checkpoint: Checkpoint,
            known: list[Example] = known,
            held_out: Texts = held_out,
        ) -> Scores:
            how = (settings.training, seed, (), progress, checkpoint)
            model, _ = fine_tune(settings.backbone, task, known, *how)
            return model.scores(held_out)

        scores[outside] = kept(folder, "fine-tune", number, score)
    return _fitted(folder, task, scores, targets)
