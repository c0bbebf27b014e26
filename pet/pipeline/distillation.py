"""Distillation: soft labels of unlabelled text teach a sequence classifier (PET, section 3.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor
from torch.nn import functional

from pet.backbone.loading import EMBEDDED, load_config
from pet.config import BackboneConfig, DistillationConfig, default_learning_rate
from pet.data import Pool
from pet.encoding import Encoded
from pet.errors import DataError
from pet.members import Work
from pet.model import SequenceClassifier
from pet.model.temperature import fit_temperature
from pet.seeds import with_seed
from pet.task.kinds import task_kind
from pet.training import Checkpoint, Fit, Job, Loss, Schedule, optimise
from pet.types import Ints, Scores

log = logging.getLogger(__name__)

_COMPARED = 2000  # unlabelled texts


def distil(
    work: Work,
    scores_of: Callable[[], Iterator[Scores]],
    backbone: BackboneConfig,
    config: DistillationConfig,
    seed: int,
    checkpoint: Checkpoint | None = None,
    start_weights: Callable[[], Mapping[str, Tensor]] = dict,
) -> tuple[SequenceClassifier, Fit]:
    """Train a classifier on soft labels with the loss t^2 KL(soft || student) (PET, section 3.3).

    Parameters
    ----------
    work : Work
        Task, and unlabelled text, streamed in every epoch. The stage in progress is "classifier".
    scores_of : callable
        Returns an iterator over the ensemble's scores (n, C) of the chunks of ``pool.chunks()``.
    backbone : BackboneConfig
        Start of the student, unless ``config`` names another.
    config : DistillationConfig
        Temperature, epochs, rate.
    seed : int
        Seed of the head and of the order of examples.
    checkpoint : Checkpoint, optional
        Checkpoint to write, and to go on from after an interruption.
    start_weights : callable
        Returns weights of a member, which a student of the backbone starts from; not asked for
        where ``config`` names a model to start from.

    Raises
    ------
    DataError
        When there is no unlabelled text.
    """
    task, pool = work.task, work.data.pool
    if pool is None:
        raise DataError("To distil takes unlabelled text.", "Give `--unlabeled FILE`.")
    start = replace(backbone, backbone=config.distill_student or _student_of(backbone.backbone))
    of_backbone = config.distill_student is None and start.backbone == backbone.backbone
    weights = start_weights() if of_backbone else {}
    student, new_names = SequenceClassifier.fresh(start, task, seed, weights)
    del weights  # as large as the student
    generator = with_seed(seed)
    t, kind = config.distill_temperature, task_kind(task)

    def loss_of(encoded: Encoded, soft: Tensor, rows: Ints) -> Tensor:
        logits = student.logits(encoded.batch(rows, student.compute.device))
        targets = (kind.decisions(soft[torch.from_numpy(rows)]) / t).softmax(dim=1)
        log_shares = (kind.decisions(logits) / t).log_softmax(dim=1)
        return t * t * functional.kl_div(log_shares, targets, reduction="batchmean")

    def losses() -> Iterator[Loss]:
        while True:
            for examples, scores in zip(pool.chunks(), scores_of(), strict=True):
                encoded = student.encode(examples)
                soft = torch.from_numpy(scores).to(student.compute.device)
                size = config.distill_batch_size
                for rows in _mixed_batches(encoded.ids.lengths, size, generator):
                    yield partial(loss_of, encoded, soft, rows)

    per_epoch = sum(-(-len(examples) // config.distill_batch_size) for examples in pool.chunks())
    steps = min(config.distill_max_steps, config.distill_epochs * per_epoch)
    width = int(student.model.config.hidden_size)
    rate = config.distill_learning_rate
    if rate is None:
        rate = 4 * default_learning_rate(width)
    job = Job(student.groups(new_names), losses(), "classifier")
    (fit,) = optimise(
        [job], Schedule(steps, rate), student.compute, keeper=checkpoint, progress=work.progress
    )
    return student, fit


def _student_of(backbone: str) -> str:
    """Return the backbone, or the embedded one if transformers has no classifier for it."""
    from transformers import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING

    if type(load_config(backbone)) in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        return backbone
    log.warning("%s has no classifier; %s is the student", backbone, EMBEDDED)
    return EMBEDDED


def student_temperature(
    student: SequenceClassifier, pool: Pool, calibrated: Iterator[Scores]
) -> float:
    """Fit the student's temperature to the calibrated ensemble, whose scores (n, C) are given.

    The student learned soft labels of another temperature, and not exactly; so its probabilities
    are compared with the ensemble's, on some 2,000 of the unlabelled texts.
    """
    step, kind = max(1, len(pool) // _COMPARED), task_kind(student.task)
    decisions, targets = [], []
    for examples, scores in zip(pool.chunks(), calibrated, strict=True):
        student_scores = student.scores([example.texts for example in examples[::step]])
        decisions.append(kind.decisions(student_scores))
        targets.append(softmax(kind.decisions(scores[::step]), axis=1))
    return fit_temperature(np.concatenate(decisions), np.concatenate(targets))


def _mixed_batches(lengths: Ints, size: int, generator: np.random.Generator) -> Iterator[Ints]:
    """Yield random batches of texts of similar length, sorted in random groups of 16 batches."""
    order = generator.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), 16 * size):
        group = order[start : start + 16 * size]
        group = group[np.argsort(lengths[group], kind="stable")]
        batches += [group[at : at + size] for at in range(0, len(group), size)]
    for index in generator.permutation(len(batches)):
        yield batches[index]
