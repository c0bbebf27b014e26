"""Losses of members: of labelled examples, with an optional masked-LM loss of unlabelled text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from pet.backbone import LanguageModel
from pet.config import TrainingConfig
from pet.data import Pool
from pet.encoding import Batch, Encoded
from pet.encoding.masking import Flags
from pet.errors import DataError, UsageError
from pet.members.objectives import OBJECTIVES
from pet.members.objectives.base import LossOfStates
from pet.members.objectives.masked_lm import lm_losses_on
from pet.scoring import PVPScorer
from pet.scoring.labelled import Labelled
from pet.scoring.questions import draw_questions
from pet.scoring.readouts.base import States
from pet.training import Loss
from pet.training.loop import class_weights, dropout, shuffled_batches
from pet.types import Ints


@dataclass(frozen=True)
class LabelLoss:
    """The loss of a batch of labelled examples; the model runs when it is called.

    ``batches`` are the inputs by number of masks. ``of_states`` computes the loss from their
    states; given None, it runs the model for them.
    """

    batches: Mapping[int, Batch]
    of_states: Callable[[States | None], Tensor]

    def __call__(self) -> Tensor:
        """Compute the loss, a scalar."""
        return self.of_states(None)


def joint_losses(backbone: LanguageModel, losses: Sequence[LabelLoss]) -> list[Tensor]:
    """Compute losses of several members in one forward pass; no member changes the backbone."""
    if len(losses) == 1:
        return [losses[0]()]
    batches = [batch for loss in losses for batch in loss.batches.values()]
    states = iter(backbone.joint_states(batches))
    return [loss.of_states({count: next(states) for count in loss.batches}) for loss in losses]


def label_losses(
    scorer: PVPScorer,
    labelled: Labelled,
    training: TrainingConfig,
    pool: Pool | None,
    generator: np.random.Generator,
) -> Iterator[LabelLoss]:
    """Yield losses of batches of labelled examples without end.

    The rows of a batch are drawn before its loss is yielded and the model runs when it is called;
    see `pet.training.job.Loss`.

    Parameters
    ----------
    scorer : PVPScorer
        The member's scorer.
    labelled : Labelled
        Examples for the batches.
    training : TrainingConfig
        Objective, batch size, class weights, wrong labels to ask about, share of the masked-LM
        loss.
    pool : Pool, optional
        Unlabelled text for the masked-LM loss.
    generator : numpy.random.Generator
        Draws the order of examples and everything else.

    Raises
    ------
    UsageError
        When the masked-LM loss is wanted of a mixture.
    DataError
        When the masked-LM loss has no unlabelled text.
    """
    return iter(_LabelLosses(scorer, labelled, training, pool, generator))


class _LabelLosses:
    """Endless losses of one member: what its batches share, made once."""

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
        self._weights = labelled.weights
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
        # Shares of the alternatives depend on how many questions are asked, not on which.
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

        Slots of soft patterns change the outputs; with questions about labels only a few are asked.
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

    def _draw(self, targets: Ints, generator: np.random.Generator) -> Flags:
        """Draw the questions to ask about B texts: flags (B, Q)."""
        if not self._asks_few:
            return np.ones((len(targets), 1), dtype=bool)
        truth = self._kind.truth(targets, len(self._scorer.labels))
        return draw_questions(truth, self._training.negatives, generator)

    def __iter__(self) -> Iterator[LabelLoss]:
        size, generator = self._training.batch_size, self._generator
        for texts in shuffled_batches(len(self._targets), size, generator, self._weights):
            asked = self._draw(self._targets[texts], generator)
            questions = self._scorer.questions
            rows = (texts[:, None] * questions + np.arange(questions))[asked]
            batches = self._batches(texts, rows)
            of_states = self._objective.prepare(batches, self._targets[texts], asked)
            lm_loss = None if self._lm_losses is None else next(self._lm_losses)
            yield LabelLoss(batches, partial(self._loss, rows, batches, of_states, lm_loss))

    def _batches(self, texts: Ints, rows: Ints) -> Mapping[int, Batch]:
        if self._demonstrations is not None:
            shown = self._demonstrations.sample(self._chunk, texts, self._generator)
            return self._scorer.batch(self._scorer.encode_beside(shown), np.arange(len(texts)))
        return {} if self._frozen is not None else self._scorer.batch(self._encoded, rows)

    def _loss(
        self,
        rows: Ints,
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

    def _states(self, rows: Ints, batches: Mapping[int, Batch]) -> States:
        if self._frozen is None:
            return self._scorer.mask_states(batches)
        chosen = torch.from_numpy(rows)
        return {
            count: self._backbone.head_states(states[chosen])
            for count, states in self._frozen.items()
        }


@torch.no_grad()
def _encoder_states(scorer: PVPScorer, encoded: Mapping[int, Encoded]) -> dict[int, Tensor]:
    """Compute encoder outputs at the masks of all examples, by number of masks."""
    backbone = scorer.backbone

    def at_masks(batch: Batch) -> Tensor:
        return backbone.encoder_states(batch).float()

    return {count: rows.each(backbone.compute, at_masks) for count, rows in encoded.items()}
