"""PET's objective: cross entropy of label scores, or a margin."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor

from pet.encoding import Batch
from pet.encoding.masking import Flags
from pet.members.objectives.base import LossOfStates, Objective
from pet.scoring.questions import Asked, sampling_shifts
from pet.types import Ints


class VerbalizerObjective(Objective):
    """Mean loss of the readouts: cross entropy over the labels, or a margin.

    Source: PET, section 3.1.
    """

    def prepare(self, batches: Mapping[int, Batch], targets: Ints, asked: Flags) -> LossOfStates:
        """Return the loss of a batch; nothing is random."""
        compute = self.scorer.backbone.compute
        decided = self.kind.decided(asked)
        answers, shifts = targets, np.zeros(len(targets), dtype=np.float32)
        if self.scorer.asks_each_label:
            truth = self.kind.truth(targets, len(self.scorer.labels))
            answers = 1 - truth[asked]  # the first answer to a question is yes
            shifts = sampling_shifts(truth, asked)
        return partial(
            self._loss,
            compute.put(shifts),
            Asked.from_mask(asked, compute),
            None if decided.all() else compute.put(np.flatnonzero(decided)),
            compute.put(self.kind.outcomes(targets)[decided]),
            compute.put(answers),
        )

    def _loss(
        self,
        shifts: Tensor,
        asked: Asked | None,
        decided: Tensor | None,
        outcomes: Tensor,
        answers: Tensor,
        states: Mapping[int, Tensor],
    ) -> Tensor:
        scores = self.scorer.by_text(self.scorer.label_scores(states, answers=answers), asked)
        losses = []
        for readout, readout_scores in zip(self.scorer.readouts, scores, strict=True):
            decisions = self.kind.decisions(readout_scores + shifts[:, None])
            # By indices: counting the True values of a mask would wait for a GPU.
            chosen = decisions if decided is None else decisions[decided]
            losses.append(readout.loss(chosen, states, outcomes, self.weights))
        return torch.stack(losses).mean()
