"""Train members: a spec goes in, a result comes out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pet.backbone import LanguageModel
from pet.data import Example, Pool, weights_of
from pet.encoding import Chunk
from pet.members.losses import LabelLoss, joint_losses
from pet.members.measure import Measure, MemberFigures
from pet.members.parameters import cost
from pet.members.result import MemberResult
from pet.members.spec import MemberSpec
from pet.members.work import Work
from pet.scoring import Scorer
from pet.scoring.labelled import Labelled
from pet.scoring.offsets import find_offsets, sample_for, subtracted
from pet.seeds import with_seed
from pet.task import Task
from pet.task.kinds import targets_of, task_kind
from pet.training import Checkpoint, Fit, Job, Schedule, optimise
from pet.types import Scores

log = logging.getLogger(__name__)


def train_member(
    backbone: LanguageModel,
    spec: MemberSpec,
    work: Work,
    drawn: Sequence[Example] = (),
    checkpoint: Checkpoint | None = None,
) -> MemberResult:
    """Train one member from the backbone's original weights; its weights stay in the backbone.

    Parameters
    ----------
    backbone : LanguageModel
        Its original weights are restored first.
    spec : MemberSpec
        Pattern, seed and training settings; ``max_steps`` 0 leaves the member untrained.
    work : Work
        Task; labelled examples, not needed by an untrained member; development examples for early
        stopping; unlabelled text for the masked-LM loss and for offsets. Progress events have the
        member's name as stage.
    drawn : sequence of Example
        Examples labelled by other members: trained on too, but not counted in the accuracies.
    checkpoint : Checkpoint, optional
        Checkpoint to write, and to go on from after an interruption.

    Raises
    ------
    DataError
        When the member's readout needs labelled examples, and there are none.
    """
    prepared = prepare(backbone, spec, work, drawn)
    optimisation = prepared.optimisation
    if optimisation is None:
        return prepared.untrained()
    (fit,) = optimise(
        [optimisation.job],
        optimisation.schedule,
        backbone.compute,
        keeper=checkpoint,
        progress=work.progress,
    )
    return result(prepared, optimisation, fit)


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
        A group from `training_groups`.
    """
    members = [prepare(backbone, spec, work) for spec in specs]
    optimisations = [member.optimisation for member in members if member.optimisation is not None]
    if not optimisations:
        return [member.untrained() for member in members]
    fits = optimise(
        [optimisation.job for optimisation in optimisations],
        optimisations[0].schedule,
        backbone.compute,
        partial(joint_losses, backbone),
        keeper=checkpoint,
        progress=work.progress,
    )
    trained = zip(members, optimisations, fits, strict=True)
    return [result(member, optimisation, fit) for member, optimisation, fit in trained]


@dataclass(frozen=True)
class Optimisation:
    """The optimisation of a member, and the counts of its parameters.

    ``names`` are those of the backbone's parameters that are trained.
    """

    job: Job[LabelLoss]
    schedule: Schedule
    names: Sequence[str]
    trained: int
    frozen: int


@dataclass(frozen=True)
class Prepared:
    """A member that is ready to be trained; without an optimisation it is finished.

    ``sample`` is unlabelled text for offsets, ``before`` the figures before training, ``seconds``
    the time of the preparation.
    """

    spec: MemberSpec
    scorer: Scorer
    labelled: Labelled
    measure: Measure
    sample: Pool | None
    before: MemberFigures
    seconds: float
    optimisation: Optimisation | None = None

    def untrained(self) -> MemberResult:
        """Return the result of a member without an optimisation."""
        accuracy, spread = self.before
        weights, offsets = self.scorer.take(()), self.scorer.offsets
        return MemberResult(
            self.spec.name, weights, accuracy, accuracy, 0, 0.0, self.seconds, offsets, spread
        )


def prepare(
    backbone: LanguageModel, spec: MemberSpec, work: Work, drawn: Sequence[Example] = ()
) -> Prepared:
    """Make a member ready to be trained; for parameters and errors see `train_member`."""
    start = time.perf_counter()
    task, examples, training = work.task, work.data.train, spec.training
    generator = with_seed(spec.seed)
    backbone.weights.put({})
    scorer = spec.scorer(task.labels, backbone)
    everything = [*examples, *drawn]
    if not everything:
        spec.refuse_no_examples(scorer)
    labelled = _labelled(scorer, task, everything)
    # Drawn texts were labelled by members that saw all examples, so none is unseen beside them.
    known = _labelled(scorer, task, examples) if drawn else labelled
    unseen = scorer.start(known) if examples else None
    if drawn:
        scorer.start(labelled)
    steps = spec.steps(len(everything)) if everything else 0
    sample, measure = sample_for(task, work.data.pool), Measure(examples, task, backbone)
    if steps:
        scorer.learned.unfold()
    scores: Scores | None = None
    if everything and training.offsets_of(trained=steps > 0) == "labelled":
        scores = scorer.score(labelled.chunk)
        offsets = find_offsets(
            "labelled", scorer, spec.seed, labelled=(scores, labelled.targets), kind=labelled.kind
        )
        scorer = scorer.calibrated(offsets)
    if not steps:
        scorer = _with_prior(scorer, spec, sample, trained=False)
    before = _figures_before(scorer, measure, len(examples), scores, unseen)
    optimisation = None
    if steps:
        optimisation = _optimisation(scorer, spec, work, labelled, steps, generator)
    seconds = time.perf_counter() - start
    return Prepared(spec, scorer, labelled, measure, sample, before, seconds, optimisation)


def _figures_before(
    scorer: Scorer, measure: Measure, count: int, scores: Scores | None, unseen: Scores | None
) -> MemberFigures:
    """Return the figures of the first ``count`` examples before training.

    ``scores`` are those of all examples without offsets, if they are known already, and ``unseen``
    the same as if each had not been seen. A scorer that has seen them is measured by these alone:
    without them its accuracy is unknown.
    """
    scores = scores if unseen is None else unseen
    if scores is None:
        accuracy, spread = measure(scorer)
    else:
        accuracy, spread = measure.figures(subtracted(scores[:, :count], scorer.offsets))
    return (None if scorer.needs_examples and unseen is None else accuracy), spread


def _optimisation(
    scorer: Scorer,
    spec: MemberSpec,
    work: Work,
    labelled: Labelled,
    steps: int,
    generator: np.random.Generator,
) -> Optimisation:
    """Set up the optimisation of a member: choose parameters, and draw batches when asked."""
    chosen = spec.trainable(scorer, labelled, work, generator)
    trained = sum(p.numel() for group in chosen.groups for p in group.parameters)
    parameters = scorer.backbone.model.parameters()
    frozen = sum(p.numel() for p in parameters if not p.requires_grad)
    log.info("%s: %s", spec.name, cost(trained, frozen))
    look = _dev_score(scorer, labelled, work.data.dev, work.task)
    job = Job(chosen.groups, chosen.losses, spec.name, look)
    schedule = Schedule.from_config(spec.training, steps, chosen.rate)
    return Optimisation(job, schedule, chosen.names, trained, frozen)


def result(prepared: Prepared, optimisation: Optimisation, fit: Fit) -> MemberResult:
    """Return the result of a member whose optimisation is done."""
    start = time.perf_counter()
    spec, scorer = prepared.spec, prepared.scorer
    scorer.backbone.weights.trainable(())
    scorer.learned.fold()
    scorer.fit(prepared.labelled)
    # After training, so that training never sees these offsets.
    scorer = _with_prior(scorer, spec, prepared.sample, trained=True)
    accuracy, spread = prepared.measure(scorer)
    return MemberResult(
        spec.name,
        scorer.take(optimisation.names),
        prepared.before[0],
        accuracy,
        fit.steps,
        fit.loss,
        prepared.seconds + fit.seconds + time.perf_counter() - start,
        scorer.offsets,
        spread,
        optimisation.trained,
        optimisation.frozen,
    )


def _with_prior(scorer: Scorer, spec: MemberSpec, sample: Pool | None, trained: bool) -> Scorer:
    """Add the offsets of unlabelled text, if the member's offsets come from there."""
    if spec.training.offsets_of(trained) != "prior":
        return scorer
    return scorer.calibrated(find_offsets("prior", scorer, spec.seed, sample))


def _labelled(scorer: Scorer, task: Task, examples: Sequence[Example]) -> Labelled:
    """Encode labelled examples, without demonstrations."""
    chunk = Chunk(scorer.backbone.tokenizer, [example.texts for example in examples])
    targets = targets_of(task, [example.label for example in examples])
    return Labelled(chunk, targets, task_kind(task), weights=weights_of(examples))


def _dev_score(
    scorer: Scorer, labelled: Labelled, dev: Sequence[Example], task: Task
) -> Callable[[], float] | None:
    """Return a function that measures accuracy on development examples; None without any."""
    if not dev:
        return None
    measure = Measure(dev, task, scorer.backbone)

    def look() -> float:
        scorer.fit(labelled)
        return measure(scorer)[0] or 0.0

    return look
