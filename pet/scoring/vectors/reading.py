"""Reading: the base class of ways to turn texts into vectors on a backbone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pet.encoding import Chunk
from pet.scoring.labelled import Labelled
from pet.types import Fields


class Reading(ABC):
    """A way to turn N texts into vectors (N, F).

    Attributes
    ----------
    title : str
        Name of the reading, for messages.
    size : int
        Entries of a vector, F.
    names : tuple of str
        Names of the first entries, those that a person can read.
    importance : array (F,) or None
        Factors of the entries in the regression, once each has mean 0 and deviation 1; None if
        vectors are taken as they are.
    strength : float
        C of the regression.
    """

    title: ClassVar[str]
    size: int
    names: tuple[str, ...] = ()
    importance: NDArray[np.float64] | None = None
    strength: ClassVar[float] = 1.0

    @abstractmethod
    def vectors(self, chunk: Chunk) -> Tensor:
        """Read N texts: (N, F), fp32."""

    @abstractmethod
    def shown(self, texts: Fields) -> str:
        """Return one example as it is read, for people to look at."""

    def with_anchors(self, labelled: Labelled, n_labels: int) -> Labelled:
        """Add texts that stand for one of C labels, if there are some, to labelled examples."""
        return labelled
