"""The spec of a member: everything but data that its training depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from pet.backbone import LanguageModel
from pet.config import TrainingConfig
from pet.data import Example
from pet.encoding.demonstrations import Shown, draw_each
from pet.errors import DataError
from pet.scoring import PVPScorer
from pet.scoring.soft.template import SoftSpec
from pet.seeds import MemberStream, derived_seed
from pet.task import PVP, Task
from pet.types import Offsets


@dataclass(frozen=True)
class MemberSpec:
    """A member before its training: everything but data that the training depends on."""

    name: str
    pattern: int
    pvp: PVP
    seed: int
    training: TrainingConfig
    max_length: int
    readout: str = "words"
    demonstrations: Shown = field(default_factory=dict)
    soft: SoftSpec | None = None

    def seeded(self, seed: int) -> MemberSpec:
        """Return the same member with another seed, also for its soft template."""
        soft = None if self.soft is None else replace(self.soft, seed=seed)
        return replace(self, seed=seed, soft=soft)

    def showing(self, examples: Sequence[Example], labels: Sequence[str]) -> MemberSpec:
        """Draw demonstrations from labelled examples, if the settings ask for any.

        Raises
        ------
        DataError
            When there are no labelled examples.
        """
        draws = self.training.demonstrations
        if not draws:
            return self
        if not examples:
            raise DataError(
                f"{self.name}: demonstrations are labelled examples; there are none.",
                "Give `--train FILE`, or leave `--demonstrations` out.",
            )
        generator = np.random.default_rng(derived_seed(self.seed, MemberStream.DEMONSTRATIONS))
        return replace(self, demonstrations=draw_each(examples, labels, draws, generator))

    def refuse_no_examples(self, scorer: PVPScorer) -> None:
        """Refuse a readout that needs labelled examples; there are none.

        Raises
        ------
        DataError
            When the readout needs them.
        """
        if scorer.learned.needs_examples:
            raise DataError(
                f"{self.name}: the readout {self.readout!r} needs labelled examples; there are "
                "none.",
                "Give some, or use `--readout words`.",
            )

    def scorer(
        self, labels: Sequence[str], backbone: LanguageModel, offsets: Offsets | None = None
    ) -> PVPScorer:
        """Make the member's untrained scorer on a backbone."""
        return PVPScorer(
            self.pvp,
            labels,
            backbone,
            self.max_length,
            offsets=offsets,
            readout=self.readout,
            demonstrations=self.demonstrations,
            soft=self.soft,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything that scoring needs as JSON values; see `from_dict`."""
        shown = {label: list(map(dict, texts)) for label, texts in self.demonstrations.items()}
        plain = {"pattern": self.pattern, "readout": self.readout, "demonstrations": shown}
        if self.soft is None:
            return plain
        return {**plain, "template": self.pvp.pattern.template, "soft": asdict(self.soft)}

    @classmethod
    def from_dict(
        cls, task: Task, name: str, plain: Mapping[str, Any], max_length: int
    ) -> MemberSpec:
        """Rebuild from `to_dict`: a spec to score with, not to train."""
        pattern, untrained = plain["pattern"], TrainingConfig(max_steps=0)
        readout, shown = plain.get("readout", "words"), plain.get("demonstrations", {})
        pvp, soft = task.pvps[pattern], None
        if "soft" in plain:
            soft = SoftSpec(**plain["soft"])
            pvp = pvp.with_pattern(plain["template"], soft.kind)
        return cls(name, pattern, pvp, 0, untrained, max_length, readout, shown, soft)
