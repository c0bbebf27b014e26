"""The base of objectives: the loss of a batch of labelled examples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import numpy as np
from torch import Tensor

from pet.encoding import Batch
from pet.encoding.masking import Flags
from pet.scoring import PVPScorer
from pet.task.kinds import KINDS, Kind
from pet.types import Ints

# A mean over the examples, from decoder inputs (R, k, E) for every number of masks k.
LossOfStates = Callable[[Mapping[int, Tensor]], Tensor]


class Objective(ABC):
    """A loss of labelled examples.

    Parameters
    ----------
    scorer : PVPScorer
        The scorer to train.
    weights : Tensor (A,), optional
        Weights of the alternatives: the labels or, in multi-label tasks, no and yes.
    generator : numpy.random.Generator
        Draws whatever is random in the loss.
    kind : Kind
        Kind of the task.
    """

    # Whether the loss needs the inputs, and so the encoder at every step.
    needs_inputs = False

    def __init__(
        self,
        scorer: PVPScorer,
        weights: Tensor | None,
        generator: np.random.Generator,
        kind: Kind = KINDS["single"],
    ) -> None:
        self.kind = kind
        self.scorer = scorer
        self.weights = weights
        self.generator = generator

    @abstractmethod
    def prepare(self, batches: Mapping[int, Batch], targets: Ints, asked: Flags) -> LossOfStates:
        """Draw whatever is random, and return the loss; see `pet.training.job.Loss`.

        Parameters
        ----------
        batches : mapping
            Number of masks to R rows; empty if the states of a frozen encoder are kept.
        targets : array (B,) or (B, C)
            Labels of the examples, in the form of the kind of task.
        asked : bool array (B, Q)
            The questions about each example that have a row; see `PVPScorer.by_text`.
        """
