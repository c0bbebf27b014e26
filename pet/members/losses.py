"""Losses of members: of labelled examples, and of unlabelled text beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pet.backbone import LanguageModel
from pet.config import TrainingConfig
from pet.data import Pool
from pet.encoding import Batch, Chunk, Encoded
from pet.encoding.demonstrations import Demonstrations
from pet.errors import DataError, UsageError
from pet.members.objectives import OBJECTIVES
from pet.members.objectives.base import LossOfStates
from pet.members.objectives.masked_lm import lm_losses_on
from pet.scoring import PVPScorer
from pet.scoring.questions import draw_questions
from pet.scoring.readouts.base import States
from pet.task.kinds import KINDS, Kind
from pet.training import Loss
from pet.training.loop import class_weights, dropout, shuffled_batches


@dataclass(frozen=True)
class LabelLoss:
    """The loss of a batch of labelled examples; called, it runs the model.

    ``batches`` are its inputs by number of masks, and ``of_states`` is what remains to be computed
    from their states, or from none: then it runs the model itself.
    """

    batches: Mapping[int, Batch]
    of_states: Callable[[States | None], Tensor]

    def __call__(self) -> Tensor:
        """Compute it."""
        return self.of_states(None)


def joint_losses(backbone: LanguageModel, losses: Sequence[LabelLoss]) -> list[Tensor]:
    """Compute losses of several members in one forward pass; none of them changes the backbone."""
    if len(losses) == 1:
        return [losses[0]()]
    every = [batch for loss in losses for batch in loss.batches.values()]
    states = iter(backbone.joint_states(every))
    return [loss.of_states({count: next(states) for count in loss.batches}) for loss in losses]


@dataclass(frozen=True)
class Labelled:
    """N labelled examples to train on.

    Parameters
    ----------
    chunk : Chunk
        Their texts.
    targets : array (N,) or (N, C)
        Their labels, as the kind of task has them.
    kind : Kind
        Of the task.
    demonstrations : Demonstrations, optional
        Where the scorer shows demonstrations: what they are drawn from, anew for every batch.
    """

    chunk: Chunk
    targets: NDArray[np.int64]
    kind: Kind = KINDS["single"]
    demonstrations: Demonstrations | None = None


def label_losses(
    scorer: PVPScorer,
    labelled: Labelled,
    training: TrainingConfig,
    pool: Pool | None,
    generator: np.random.Generator,
) -> Iterator[LabelLoss]:
    """Yield the loss of one batch of labelled examples after another, for ever.

    The rows of a batch are drawn before its loss is yielded and the model runs when it is called;
    see `pet.training.job.Loss`.

    Parameters
    ----------
    scorer : PVPScorer
        Whose scores are trained.
    labelled : Labelled
        Examples that batches are drawn from.
    training : TrainingConfig
        Objective, batch size, class weights, wrong labels to ask about, share of the masked-LM
        loss.
    pool : Pool, optional
        Unlabelled text for the masked-LM loss.
    generator : numpy.random.Generator
        Of the order of examples and of all else that is drawn.
    """
    return iter(_LabelLosses(scorer, labelled, training, pool, generator))


class _LabelLosses:
    """Everything that the batches of one member's labelled examples have in common."""

    def __init__(
        self,
        scorer: PVPScorer,
        labelled: Labelled,
        training: TrainingConfig,
        pool: Pool | None,
        generator: np.random.Generator,
    ) -> None:
        self._scorer, self._backbone = scorer, scorer.backbone
        self._chunk, self._targets = labelled.chunk, labelled.targets
        self._training, self._generator = training, generator
        self._demonstrations, self._kind = labelled.demonstrations, labelled.kind
        self._asks_few = scorer.questions > 1  # of all questions about all labels
        self._objective = OBJECTIVES[training.objective](
            scorer, self._class_weights(), generator, labelled.kind
        )
        self._encoded = scorer.encode(labelled.chunk)
        self._lm_losses = self._beside(pool) if training.lm_weight > 0 else None
        self._frozen = _encoder_states(scorer, self._encoded) if self._keeps_states else None

    def _class_weights(self) -> Tensor | None:
        # How often an alternative is the true one depends on how many questions are asked, not
        # which.
        asked = self._draw(self._targets, np.random.default_rng(0))
        outcomes = self._kind.outcomes(self._targets)[self._kind.decided(asked)]
        alternatives = self._kind.alternatives(len(self._scorer.labels))
        weights = class_weights(outcomes, alternatives, self._training.class_weight)
        return None if weights is None else weights.to(self._backbone.compute.device)

    def _beside(self, pool: Pool | None) -> Iterator[Loss]:
        if self._scorer.learned.variants > 1:
            raise UsageError(
                "The masked-LM loss trains one template of a mixture alone.",
                "Leave out `--lm-weight`, or use `--soft-mixture 1`.",
            )
        if pool is None or not len(pool):
            raise DataError("lm_weight needs unlabelled text.", "Give `--unlabeled FILE`.")
        return lm_losses_on(self._scorer, pool, self._training.batch_size, self._generator)

    @property
    def _keeps_states(self) -> bool:
        """Whether encoder outputs can be computed once and reused.

        Not of soft patterns, whose slots change it, nor of questions about all labels, of which
        only a few are asked.
        """
        return (
            self._scorer.soft is None
            and not self._asks_few
            and self._lm_losses is None
            and self._backbone.has_separate_head
            and not self._objective.needs_inputs
            and self._demonstrations is None
            and self._training.weights_scope(soft=False) == "head"
        )

    def _draw(
        self, targets: NDArray[np.int64], generator: np.random.Generator
    ) -> NDArray[np.bool_]:
        """Draw the questions that are asked about some texts: (B, Q)."""
        if not self._asks_few:
            return np.ones((len(targets), 1), dtype=bool)
        truth = self._kind.truth(targets, len(self._scorer.labels))
        return draw_questions(truth, self._training.negatives, generator)

    def __iter__(self) -> Iterator[LabelLoss]:
        size, generator = self._training.batch_size, self._generator
        for texts in shuffled_batches(len(self._targets), size, generator):
            asked = self._draw(self._targets[texts], generator)
            questions = self._scorer.questions
            rows = (texts[:, None] * questions + np.arange(questions))[asked]
            batches = self._batches(texts, rows)
            of_states = self._objective.prepare(batches, self._targets[texts], asked)
            lm_loss = None if self._lm_losses is None else next(self._lm_losses)
            yield LabelLoss(batches, partial(self._loss, rows, batches, of_states, lm_loss))

    def _batches(self, texts: NDArray[np.int64], rows: NDArray[np.int64]) -> Mapping[int, Batch]:
        if self._demonstrations is not None:
            shown = self._demonstrations.sample(self._chunk, texts, self._generator)
            return self._scorer.batch(self._scorer.encode_beside(shown), np.arange(len(texts)))
        return {} if self._frozen is not None else self._scorer.batch(self._encoded, rows)

    def _loss(
        self,
        rows: NDArray[np.int64],
        batches: Mapping[int, Batch],
        of_states: LossOfStates,
        lm_loss: Loss | None,
        states: States | None,
    ) -> Tensor:
        with dropout(self._backbone.model, self._training.dropout):
            if states is None:
                states = self._states(rows, batches)
            loss = of_states(states)
            if lm_loss is None:
                return loss
            share = self._training.lm_weight
            return (1 - share) * loss + share * lm_loss()

    def _states(self, rows: NDArray[np.int64], batches: Mapping[int, Batch]) -> States:
        if self._frozen is None:
            return self._scorer.mask_states(batches)
        chosen = torch.from_numpy(rows)
        return {n: self._backbone.head_states(part[chosen]) for n, part in self._frozen.items()}


@torch.no_grad()
def _encoder_states(scorer: PVPScorer, encoded: Mapping[int, Encoded]) -> dict[int, Tensor]:
    """Encoder output at the masks of all examples: computed once where the encoder is frozen."""
    backbone = scorer.backbone

    def at_masks(batch: Batch) -> Tensor:
        rows = torch.arange(len(batch.ids), device=batch.ids.device)[:, None]
        return backbone.encoder_states(batch, rows.expand_as(batch.masks), batch.masks).float()

    return {count: part.each(backbone.compute, at_masks) for count, part in encoded.items()}
