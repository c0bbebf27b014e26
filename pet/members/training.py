"""Members are trained: one PVP on the labelled examples. A spec goes in, a result comes out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pet.backbone import LanguageModel
from pet.data import Example
from pet.encoding import Chunk
from pet.encoding.demonstrations import Demonstrations, by_label
from pet.members.losses import Labelled, LabelLoss, joint_losses, label_losses
from pet.members.measure import Measure, MemberFigures
from pet.members.parameters import cost, parameter_groups
from pet.members.result import MemberResult
from pet.members.spec import MemberSpec
from pet.members.work import Work
from pet.scoring import PVPScorer, score
from pet.scoring.offsets import find_offsets, sample_for, subtracted
from pet.seeds import with_seed
from pet.task import Task
from pet.task.kinds import targets_of, task_kind
from pet.training import Checkpoint, Fit, Job, Schedule, optimise

log = logging.getLogger(__name__)


def train_member(
    backbone: LanguageModel,
    spec: MemberSpec,
    work: Work,
    drawn: Sequence[Example] = (),
    checkpoint: Checkpoint | None = None,
) -> MemberResult:
    """Train one member from the backbone's original weights; they stay in the backbone after it.

    Parameters
    ----------
    backbone : LanguageModel
        Its weights are reset first.
    spec : MemberSpec
        Pattern, seed and training settings; ``max_steps`` 0 leaves the member untrained.
    work : Work
        Task; labelled examples, which an untrained member can do without; development examples,
        on which training stops early; unlabelled text for the masked-LM loss and for offsets.
        Progress is told of it under the member's name.
    drawn : sequence of Example
        Examples that other members labelled: trained on too, but not counted in the accuracies.
    checkpoint : Checkpoint, optional
        Where a training that was cut off goes on from.

    Raises
    ------
    DataError
        When the member's readout is nothing without labelled examples, and there are none.
    """
    training = _Training(backbone, spec, work, drawn)
    if training.job is None:
        return training.untrained()
    (fit,) = optimise(
        [training.job],
        training.schedule,
        backbone.compute,
        keeper=checkpoint,
        progress=work.progress,
    )
    return training.result(fit)


def train_together(
    backbone: LanguageModel,
    specs: Sequence[MemberSpec],
    work: Work,
    checkpoint: Checkpoint | None = None,
) -> list[MemberResult]:
    """Train members that leave the backbone alone, with one forward and backward pass a step.

    Each has the draws, optimiser and early stopping that it would have alone, and ends with the
    same numbers up to rounding.

    Parameters
    ----------
    backbone, work, checkpoint
        As for `train_member`.
    specs : sequence of MemberSpec
        A group as `training_groups` makes them.
    """
    trainings = [_Training(backbone, spec, work) for spec in specs]
    jobs = [training.job for training in trainings if training.job is not None]
    if not jobs:
        return [training.untrained() for training in trainings]
    joint = partial(joint_losses, backbone)
    fits = optimise(
        jobs,
        trainings[0].schedule,
        backbone.compute,
        joint,
        keeper=checkpoint,
        progress=work.progress,
    )
    return [training.result(fit) for training, fit in zip(trainings, fits, strict=True)]


class _Training:
    """A member while it is trained: made ready, optimised by someone else, and finished."""

    def __init__(
        self,
        backbone: LanguageModel,
        spec: MemberSpec,
        work: Work,
        drawn: Sequence[Example] = (),
    ) -> None:
        task, examples, pool = work.task, work.data.train, work.data.pool
        start = time.perf_counter()
        training = spec.training
        generator = with_seed(spec.seed)
        backbone.weights.put({})
        scorer = spec.scorer(task.labels, backbone)
        everything = [*examples, *drawn]
        if not everything:
            spec.refuse_no_examples(scorer)
        chunk, targets = _encoded_labels(scorer, task, everything)
        scorer.start(chunk, targets)
        steps = training.steps_for(len(everything)) if everything else 0
        self._spec = spec
        self._offsets_from = training.offsets_of(trained=steps > 0)
        self._sample = sample_for(task, pool)
        self._measure = Measure(examples, task, backbone)
        self._scorer = scorer
        self.job: Job[LabelLoss] | None = None
        if steps:
            scorer.learned.unfold()
        first: MemberFigures | None = None
        if everything and self._offsets_from == "labelled":
            scores = score(scorer, chunk)
            offsets = find_offsets(
                "labelled", scorer, spec.seed, labelled=(scores, targets), kind=task_kind(task)
            )
            self._scorer = scorer = scorer.calibrated(offsets)
            # The same pass tells how good it is before training.
            first = self._measure.of(subtracted(scores[:, : len(examples)], offsets))
        if steps:
            self._first = self._measure(scorer) if first is None else first
            demonstrations = None
            if scorer.demonstrations:
                demonstrations = Demonstrations(backbone.tokenizer, by_label(examples, task.labels))
            scope = training.weights_scope(scorer.soft is not None)
            self._names = [] if scope is None else backbone.scope_names(scope)
            groups, rate = parameter_groups(scorer, self._names, scope, training)
            self._trained = sum(p.numel() for group in groups for p in group.parameters)
            self._frozen = sum(
                p.numel() for p in backbone.model.parameters() if not p.requires_grad
            )
            log.info("%s: %s", spec.name, cost(self._trained, self._frozen))
            labelled = Labelled(chunk, targets, task_kind(task), demonstrations)
            losses = label_losses(scorer, labelled, training, pool, generator)
            self.job = Job(groups, losses, spec.name, _dev_score(scorer, work.data.dev, task))
            self.schedule = Schedule.from_config(training, steps, rate)
        else:
            self._calibrate()
            self._first = self._measure(self._scorer) if first is None else first
        self._seconds = time.perf_counter() - start

    def untrained(self) -> MemberResult:
        """Return the member where nothing is to be trained."""
        (accuracy, spread), own = self._first, self._scorer.take(())
        name, offsets = self._spec.name, self._scorer.offsets
        return MemberResult(name, own, accuracy, accuracy, 0, 0.0, self._seconds, offsets, spread)

    def result(self, fit: Fit) -> MemberResult:
        """Return the member once its parameters are trained."""
        start = time.perf_counter()
        self._scorer.backbone.weights.trainable(())
        self._scorer.learned.fold()
        self._calibrate()  # the trained member, so that training never sees it
        after, spread = self._measure(self._scorer)
        return MemberResult(
            self._spec.name,
            self._scorer.take(self._names),
            self._first[0],
            after,
            fit.steps,
            fit.loss,
            self._seconds + fit.seconds + time.perf_counter() - start,
            self._scorer.offsets,
            spread,
            self._trained,
            self._frozen,
        )

    def _calibrate(self) -> None:
        if self._offsets_from == "prior":
            offsets = find_offsets("prior", self._scorer, self._spec.seed, self._sample)
            self._scorer = self._scorer.calibrated(offsets)


def _encoded_labels(
    scorer: PVPScorer, task: Task, examples: Sequence[Example]
) -> tuple[Chunk, NDArray[np.int64]]:
    texts = [example.texts for example in examples]
    targets = targets_of(task, [example.label for example in examples])
    return Chunk(scorer.backbone.tokenizer, texts), targets


def _dev_score(scorer: PVPScorer, dev: Sequence[Example], task: Task) -> Callable[[], float] | None:
    if not dev:
        return None
    measure = Measure(dev, task, scorer.backbone)
    return lambda: measure(scorer)[0] or 0.0
