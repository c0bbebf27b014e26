"""The spec of a member: everything but data that its training depends on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from pet.backbone import LanguageModel
from pet.config import TrainingConfig
from pet.data import Example
from pet.members.losses import LabelLoss
from pet.members.work import Work
from pet.scoring import Scorer
from pet.scoring.labelled import Labelled
from pet.training import Group
from pet.types import Offsets

if TYPE_CHECKING:
    from pet.task import Task


@dataclass(frozen=True)
class Trainable:
    """Parameters that the training of a member changes, and its losses.

    Parameters
    ----------
    names : sequence of str
        Parameters of the backbone.
    groups : sequence of Group
        These parameters, and those beside the backbone.
    rate : float
        Peak learning rate, which the groups' factors multiply.
    losses : iterator of LabelLoss
        Endless.
    """

    names: Sequence[str]
    groups: Sequence[Group]
    rate: float
    losses: Iterator[LabelLoss]


class MemberSpec(ABC):
    """A member before its training: everything but data that the training depends on.

    Attributes
    ----------
    kind : str
        Kind of member, a name in `pet.members.kinds.MEMBER_KINDS`.
    ignores : frozenset of str
        Names of settings that members of this kind do not read.
    name : str
        Name in the run.
    seed : int
        Seed of everything random about it.
    training : TrainingConfig
        Settings of its training.
    max_length : int
        Most tokens of an input.
    """

    kind: ClassVar[str]
    ignores: ClassVar[frozenset[str]] = frozenset()
    name: str
    seed: int
    training: TrainingConfig
    max_length: int

    @property
    @abstractmethod
    def title(self) -> str:
        """The member's input in one line, such as its pattern."""

    @property
    def way(self) -> tuple[Any, ...]:
        """Way of reading labels: members with the same way have scores of one scale."""
        return (self.kind,)

    def changed(self, **changes: Any) -> Self:
        """Return the same member with some other values."""
        return replace(self, **changes)  # type: ignore[type-var]  # subclasses are dataclasses

    def seeded(self, seed: int) -> Self:
        """Return the same member with another seed."""
        return self.changed(seed=seed)

    def showing(self, examples: Sequence[Example], labels: Sequence[str]) -> Self:
        """Draw what the member shows of labelled examples; by default nothing."""
        return self

    def refuse_no_examples(self, scorer: Scorer) -> None:  # noqa: B027 (most need none)
        """Refuse to work without labelled examples, with a `DataError`, if it cannot."""

    def refuse_unfit(self, labels: Sequence[str], backbone: LanguageModel, examples: int) -> None:
        """Refuse, before any training, what cannot be trained on this backbone.

        ``examples`` counts the labelled ones.

        Raises
        ------
        PetError
            When a pattern or its label words do not suit the backbone, or there are no labelled
            examples though the member needs some.
        """
        scorer = self.scorer(labels, backbone)
        if not examples:
            self.refuse_no_examples(scorer)

    def steps(self, examples: int) -> int:
        """Return the number of optimiser steps for so many labelled examples."""
        return self.training.steps_for(examples)

    @abstractmethod
    def scorer(
        self, labels: Sequence[str], backbone: LanguageModel, offsets: Offsets | None = None
    ) -> Scorer:
        """Make the member's untrained scorer on a backbone."""

    @abstractmethod
    def trainable(
        self, scorer: Any, labelled: Labelled, work: Work, generator: np.random.Generator
    ) -> Trainable:
        """Choose the parameters that are trained, and make their losses.

        Parameters
        ----------
        scorer : Scorer
            The member's own scorer.
        labelled : Labelled
            Examples to learn from.
        work : Work
            Task and data.
        generator : numpy.random.Generator
            Draws batches, and everything else.
        """

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return everything that scoring needs as JSON values; see `from_dict`."""

    @classmethod
    @abstractmethod
    def from_dict(cls, task: Task, name: str, plain: Mapping[str, Any], max_length: int) -> Self:
        """Rebuild from `to_dict`: a spec to score with, not to train."""
