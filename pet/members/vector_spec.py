"""Members that read texts as vectors: the base of contrastive members and comparisons."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from pet.backbone import LanguageModel
from pet.backbone.sentences import sentence_weights
from pet.config import METHODS, Settings, TemplateConfig, TrainingConfig, settings_but
from pet.errors import DataError
from pet.members.spec import MemberSpec
from pet.scoring import Scorer
from pet.scoring.vectors.reading import Reading
from pet.scoring.vectors.scorer import VectorScorer
from pet.task import Task
from pet.types import Offsets

# Settings of everything that has a pattern, beside those of soft templates.
_CLOZE = (
    "patterns readout repetitions objective demonstrations negatives lm_weight offsets "
    "readout_rate prompt_rate lora_rank"
).split()


@dataclass(frozen=True)
class VectorSpec(MemberSpec):
    """A reading of texts as vectors, before its training.

    ``encoder`` is the sentence encoder to start from, None for the backbone's own.
    """

    ignores = settings_but(TemplateConfig).union(_CLOZE)

    name: str
    task: Task
    seed: int
    training: TrainingConfig
    max_length: int
    encoder: str | None = None

    @classmethod
    def suits(cls, task: Task) -> bool:
        """Whether a run of a task has such a member by default; no for kinds of other packages."""
        return False

    @classmethod
    def planned(cls, task: Task, settings: Settings, seed: int) -> Self:
        """Plan a run's member of this kind."""
        training = METHODS[settings.method].training(settings.training)
        length, encoder = settings.backbone.max_length, settings.ensemble.encoder
        return cls(cls.kind, task, seed, replace(training, offsets="none"), length, encoder)

    @abstractmethod
    def reading(self, backbone: LanguageModel) -> Reading:
        """Make the reading on a backbone."""

    def refuse_no_examples(self, scorer: Scorer) -> None:
        """Refuse to work without labelled examples.

        Raises
        ------
        DataError
            Always.
        """
        raise DataError(
            f"{self.name}: a {self.kind} member needs labelled examples; there are none.",
            "Give some, or use `--members cloze`.",
        )

    def refuse_unfit(self, labels: Sequence[str], backbone: LanguageModel, examples: int) -> None:
        """Refuse no labelled examples, and a sentence encoder that does not fit the backbone."""
        super().refuse_unfit(labels, backbone, examples)
        sentence_weights(backbone, self.encoder)

    def scorer(
        self, labels: Sequence[str], backbone: LanguageModel, offsets: Offsets | None = None
    ) -> VectorScorer:
        """Make the member's scorer, which has learned nothing yet."""
        weight = None if self.training.class_weight == "none" else self.training.class_weight
        return VectorScorer(self.reading(backbone), labels, backbone, self.encoder, weight)

    def to_dict(self) -> dict[str, Any]:
        """Return the kind: everything else comes from the task."""
        return {"kind": self.kind}

    @classmethod
    def from_dict(cls, task: Task, name: str, plain: Mapping[str, Any], max_length: int) -> Self:
        """Rebuild from `to_dict`: a spec to score with, not to train."""
        return cls(name, task, 0, TrainingConfig(max_steps=0), max_length)
