"""Comparison: the two texts of a pair are read apart by a sentence encoder, and compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from pet.backbone import LanguageModel
from pet.config import Settings, TrainingConfig, settings_but
from pet.errors import UsageError
from pet.members.spec import Trainable
from pet.members.vector_spec import VectorSpec
from pet.members.work import Work
from pet.scoring import Scorer
from pet.scoring.labelled import Labelled
from pet.scoring.vectors.pair_reading import PairReading
from pet.task import Task


@dataclass(frozen=True)
class ComparisonSpec(VectorSpec):
    """Logistic regression on how alike two texts are, by a frozen sentence encoder.

    A few dozen pairs teach a model of this size little about what follows from what when both texts
    are one input; an encoder that was trained on pairs knows much of it already.
    """

    kind = "comparison"
    ignores = VectorSpec.ignores | settings_but(TrainingConfig, "class_weight")

    @property
    def title(self) -> str:
        """The two fields."""
        first, second = self.task.fields
        return f"{first} compared with {second}"

    @classmethod
    def suits(cls, task: Task) -> bool:
        """Whether a task has two fields."""
        return len(task.fields) == 2

    @classmethod
    def planned(cls, task: Task, settings: Settings, seed: int) -> Self:
        """Plan the comparison of a task's two fields.

        Raises
        ------
        UsageError
            When the task has not two fields.
        """
        if len(task.fields) != 2:
            raise UsageError(
                f"A comparison takes two texts; the fields of task {task.name!r} are "
                f"{', '.join(task.fields)}.",
                "Use `--members cloze,contrastive`.",
            )
        return super().planned(task, settings, seed)

    def reading(self, backbone: LanguageModel) -> PairReading:
        """Make the reading of pairs on a backbone."""
        return PairReading(self.task.fields, backbone, self.max_length)

    def steps(self, examples: int) -> int:
        """Return 0: the encoder stays as it is."""
        return 0

    def trainable(
        self, scorer: Scorer, labelled: Labelled, work: Work, generator: np.random.Generator
    ) -> Trainable:
        """Train nothing."""
        return Trainable((), (), 0.0, iter(()))
