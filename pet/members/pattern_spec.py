"""Members that fill a pattern: a PVP with its readout, demonstrations and soft template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from pet.backbone import LanguageModel
from pet.config import TrainingConfig
from pet.data import Example
from pet.encoding.demonstrations import Demonstrations, Shown, by_label, draw_each
from pet.errors import DataError
from pet.members.losses import label_losses
from pet.members.parameters import parameter_groups
from pet.members.spec import MemberSpec, Trainable
from pet.members.work import Work
from pet.scoring import PVPScorer, Scorer
from pet.scoring.labelled import Labelled
from pet.scoring.soft.template import SoftSpec
from pet.seeds import MemberStream, derived_seed
from pet.task import PVP, Task
from pet.types import Offsets


@dataclass(frozen=True)
class PatternSpec(MemberSpec):
    """A PVP before its training; ``pattern`` is its number in the task."""

    name: str
    pattern: int
    pvp: PVP
    seed: int
    training: TrainingConfig
    max_length: int
    readout: str = "words"
    demonstrations: Shown = field(default_factory=dict)
    soft: SoftSpec | None = None

    kind = "cloze"
    ignores = frozenset({"encoder"})

    @property
    def title(self) -> str:
        """The pattern."""
        return self.pvp.pattern.template

    @property
    def way(self) -> tuple[Any, ...]:
        """Kind, readout, and whether labels are read from yes and no."""
        return (self.kind, self.readout, self.pvp.pattern.asks_each_label)

    @property
    def freezes_backbone(self) -> bool:
        """Whether only soft slots and readouts are trained."""
        # Dropout is drawn for a whole batch, so it would depend on the other members of a group.
        soft = self.soft is not None
        return soft and self.training.weights_scope(soft) is None and not self.training.dropout

    def batch_tokens(self, backbone: LanguageModel) -> int:
        """Return the most tokens of a batch: rows for every template, asked label, mask count."""
        templates = 1 if self.soft is None else self.soft.mixture
        asked = 1 + self.training.negatives if self.pvp.pattern.asks_each_label else 1
        words = {
            word
            for verbalizer in self.pvp.verbalizers
            for words in verbalizer.words.values()
            for word in words
        }
        pieces = (tuple(backbone.tokenizer.word_ids(word)) for word in words)
        masks = len(backbone.reader(pieces).mask_counts)
        return self.training.batch_size * templates * asked * masks * self.max_length

    def steps(self, examples: int) -> int:
        """Return the number of optimiser steps for so many labelled examples."""
        return self.training.steps_for(examples, soft=self.soft is not None)

    def seeded(self, seed: int) -> PatternSpec:
        """Return the same member with another seed, also for its soft template."""
        soft = None if self.soft is None else replace(self.soft, seed=seed)
        return replace(self, seed=seed, soft=soft)

    def showing(self, examples: Sequence[Example], labels: Sequence[str]) -> PatternSpec:
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

    def refuse_no_examples(self, scorer: Scorer) -> None:
        """Refuse a readout that needs labelled examples; there are none.

        Raises
        ------
        DataError
            When the readout needs them.
        """
        if scorer.needs_examples:
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

    def trainable(
        self, scorer: PVPScorer, labelled: Labelled, work: Work, generator: np.random.Generator
    ) -> Trainable:
        """Choose the parameters of the scope, the slots and the readouts, and make their losses."""
        training = self.training
        if scorer.demonstrations:
            shown = by_label(work.data.train, work.task.labels)
            demonstrations = Demonstrations(scorer.backbone.tokenizer, shown)
            labelled = replace(labelled, demonstrations=demonstrations)
        scope = training.weights_scope(scorer.soft is not None)
        names = [] if scope is None else scorer.backbone.scope_names(scope)
        steps = self.steps(len(labelled.targets))
        groups, rate = parameter_groups(scorer, names, scope, training, steps)
        losses = label_losses(scorer, labelled, training, work.data.pool, generator)
        return Trainable(names, groups, rate, losses)

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
    ) -> PatternSpec:
        """Rebuild from `to_dict`: a spec to score with, not to train."""
        pattern, untrained = plain["pattern"], TrainingConfig(max_steps=0)
        readout, shown = plain.get("readout", "words"), plain.get("demonstrations", {})
        pvp, soft = task.pvps[pattern], None
        if "soft" in plain:
            soft = SoftSpec(**plain["soft"])
            pvp = pvp.with_pattern(plain["template"], soft.kind)
        return cls(name, pattern, pvp, 0, untrained, max_length, readout, shown, soft)
