"""Labelled examples as scorers and losses take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pet.encoding import Chunk
from pet.encoding.demonstrations import Demonstrations
from pet.task.kinds import KINDS, Kind
from pet.types import Ints


@dataclass(frozen=True)
class Labelled:
    """N labelled examples to learn from.

    Parameters
    ----------
    chunk : Chunk
        Texts.
    targets : array (N,) or (N, C)
        Labels, in the form of the kind of task.
    kind : Kind
        Kind of the task.
    demonstrations : Demonstrations, optional
        Supply of demonstrations, drawn anew for every batch; None for a scorer that shows none.
    weights : array (N,), optional
        Weights of the examples, of mean 1.
    """

    chunk: Chunk
    targets: Ints
    kind: Kind = KINDS["single"]
    demonstrations: Demonstrations | None = None
    weights: NDArray[np.float64] | None = None
