"""What every objective is: the loss of a batch of labelled examples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pet.encoding import Batch
from pet.scoring import PVPScorer
from pet.task.kinds import KINDS, Kind

# A mean over the examples, from decoder inputs (R, k, E) for every number of masks k.
LossOfStates = Callable[[Mapping[int, Tensor]], Tensor]


class Objective(ABC):
    """A loss of labelled examples.

    Parameters
    ----------
    scorer : PVPScorer
        Whose scores are trained.
    weights : Tensor (A,), optional
        Of the alternatives, which are the labels or, in multi-label tasks, no and yes.
    generator : numpy.random.Generator
        Of what it draws.
    kind : Kind
        Of the task.
    """

    # Whether a loss needs the inputs and so a pass through the encoder at every step.
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
    def prepare(
        self, batches: Mapping[int, Batch], targets: NDArray[np.int64], asked: NDArray[np.bool_]
    ) -> LossOfStates:
        """Draw whatever is random, and return the loss; see `pet.training.loop.Loss`.

        Parameters
        ----------
        batches : mapping
            R rows for every number of masks; empty where the states of a frozen encoder are kept.
        targets : array (B,) or (B, C)
            Labels of the examples, as the kind of task has them.
        asked : bool array (B, Q)
            Which questions about the examples the rows are; see `PVPScorer.by_text`.
        """
