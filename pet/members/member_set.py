"""Several members score texts on one backbone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from pet.backbone import LanguageModel
from pet.data import Pool
from pet.encoding import Chunk
from pet.members.spec import MemberSpec
from pet.scoring import score, score_mixed, score_together
from pet.scoring.learned import keeps_backbone
from pet.scoring.offsets import find_offsets, sample_for
from pet.task import Task
from pet.types import Offsets, Scores


class MemberSet:
    """Several members on one backbone, which holds the weights of one of them at a time.

    Parameters
    ----------
    backbone : LanguageModel
        Shared.
    task : Task
        For labels.
    specs : sequence of MemberSpec
        The members.
    weights : mapping
        Member name to its weights; a member without any is untrained.
    offsets : mapping, optional
        Member name to the offsets that calibrate its scores.
    """

    def __init__(
        self,
        backbone: LanguageModel,
        task: Task,
        specs: Sequence[MemberSpec],
        weights: Mapping[str, Mapping[str, Tensor]],
        offsets: Mapping[str, Offsets | None] | None = None,
    ) -> None:
        self.backbone = backbone
        self.task = task
        self.specs = tuple(specs)
        self.weights = weights
        backbone.weights.put({})  # slots and readouts start as the untrained backbone has them
        self.scorers = [
            spec.scorer(task.labels, backbone, (offsets or {}).get(spec.name)) for spec in specs
        ]

    @classmethod
    def untrained(
        cls, backbone: LanguageModel, task: Task, specs: Sequence[MemberSpec], pool: Pool | None
    ) -> MemberSet:
        """Take members as the backbone has them, with offsets from unlabelled text.

        Raises
        ------
        DataError
            When a member's readout is nothing without labelled examples.
        """
        members, sample = cls(backbone, task, specs, {}), sample_for(task, pool)
        offsets = {}
        for spec, scorer in zip(members.specs, members.scorers, strict=True):
            spec.refuse_no_examples(scorer)
            source = spec.training.offsets_of(trained=False)
            offsets[spec.name] = find_offsets(source, scorer, spec.seed, sample)
        return cls(backbone, task, specs, {}, offsets)

    def scores(self, texts: Sequence[Mapping[str, str]]) -> list[Scores]:
        """Score examples with every member: a list of (verbalizers, N, C)."""
        with self.backbone.turn:
            return self._scores(Chunk(self.backbone.tokenizer, texts))

    def _scores(self, chunk: Chunk) -> list[Scores]:
        scores: dict[int, Scores] = {}
        # Trained members that leave the backbone alone.
        frozen: list[int] = []
        # Untrained members, by their numbers of questions and draws.
        alike: dict[tuple[int, int], list[int]] = {}
        for number, (spec, scorer) in enumerate(zip(self.specs, self.scorers, strict=True)):
            weights = self.weights.get(spec.name, {})
            if weights:
                scorer.put(weights)
            if weights and keeps_backbone(weights):
                frozen.append(number)
            elif weights:
                scores[number] = score(scorer, chunk)
            else:
                alike.setdefault((scorer.questions, scorer.draws), []).append(number)
        if frozen or alike:
            self.backbone.weights.put({})
        if frozen:
            together = score_mixed([(self.scorers[number], chunk) for number in frozen])
            scores |= zip(frozen, together, strict=True)
        for numbers in alike.values():
            found = score_together([self.scorers[number] for number in numbers], chunk)
            scores |= zip(numbers, found, strict=True)
        return [scores[number] for number in range(len(self.specs))]
