"""PET's objective: label scores against the labels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pet.encoding import Batch
from pet.negatives import sampling_shifts
from pet.objectives.base import LossOfStates, Objective


class VerbalizerObjective(Objective):
    """The mean of the readouts' own losses: cross entropy over the labels, or a margin.

    Source: PET, section 3.1.
    """

    def prepare(
        self, batches: Mapping[int, Batch], targets: NDArray[np.int64], asked: NDArray[np.bool_]
    ) -> LossOfStates:
        """Return the loss of a batch."""
        device = self.scorer.backbone.compute.device
        decided = self.kind.decided(asked)
        answers, shifts = targets, np.zeros(len(targets), dtype=np.float32)
        if self.scorer.asks_each_label:
            truth = self.kind.truth(targets, len(self.scorer.labels))
            answers = 1 - truth[asked]  # the first answer to a question is yes
            shifts = sampling_shifts(truth, asked)
        return partial(
            self._loss,
            torch.from_numpy(shifts).to(device),
            torch.from_numpy(asked).to(device),
            torch.from_numpy(decided).to(device),
            torch.from_numpy(self.kind.outcomes(targets)[decided]).to(device),
            torch.from_numpy(answers).to(device),
        )

    def _loss(
        self,
        shifts: Tensor,
        asked: Tensor,
        decided: Tensor,
        outcomes: Tensor,
        answers: Tensor,
        states: Mapping[int, Tensor],
    ) -> Tensor:
        scores = self.scorer.by_text(self.scorer.label_scores(states, answers=answers), asked)
        losses = [
            readout.loss(
                self.kind.decisions(part + shifts[:, None])[decided], states, outcomes, self.weights
            )
            for readout, part in zip(self.scorer.readouts, scores, strict=True)
        ]
        return torch.stack(losses).mean()
