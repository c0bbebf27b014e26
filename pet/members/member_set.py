"""A set of members on one backbone scores texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from pet.backbone import LanguageModel
from pet.data import Pool
from pet.encoding import Chunk
from pet.members.spec import MemberSpec
from pet.scoring import PVPScorer, score_mixed, score_together
from pet.scoring.base import keeps_backbone
from pet.scoring.offsets import find_offsets, sample_for
from pet.task import Task
from pet.types import Offsets, Scores, Texts


class MemberSet:
    """Several members on one backbone, which holds the weights of one of them at a time.

    Parameters
    ----------
    backbone : LanguageModel
        The shared backbone.
    task : Task
        Gives the labels.
    specs : sequence of MemberSpec
        The members.
    weights : mapping
        Member name to weights; a member without any is untrained.
    offsets : mapping, optional
        Member name to the offsets of its scores.
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
        backbone.weights.put({})  # slots and readouts start from the untrained backbone
        self.scorers = [
            spec.scorer(task.labels, backbone, (offsets or {}).get(spec.name)) for spec in specs
        ]

    @classmethod
    def untrained(
        cls, backbone: LanguageModel, task: Task, specs: Sequence[MemberSpec], pool: Pool | None
    ) -> MemberSet:
        """Make a set of untrained members, with offsets from unlabelled text.

        Raises
        ------
        DataError
            When a member's readout needs labelled examples.
        """
        members, sample = cls(backbone, task, specs, {}), sample_for(task, pool)
        offsets = {}
        for spec, scorer in zip(members.specs, members.scorers, strict=True):
            spec.refuse_no_examples(scorer)
            source = spec.training.offsets_of(trained=False)
            offsets[spec.name] = find_offsets(source, scorer, spec.seed, sample)
        return cls(backbone, task, specs, {}, offsets)

    def scores(self, texts: Texts) -> list[Scores]:
        """Score N texts with every member: a list of (V, N, C), V readouts."""
        with self.backbone.turn:
            return self._scores(Chunk(self.backbone.tokenizer, texts))

    def _scores(self, chunk: Chunk) -> list[Scores]:
        scores: dict[int, Scores] = {}
        # Trained members that leave the backbone alone, by index.
        frozen: dict[int, PVPScorer] = {}
        # Untrained members by their counts of questions and draws, and by index.
        alike: dict[tuple[int, int], dict[int, PVPScorer]] = {}
        for index, (spec, scorer) in enumerate(zip(self.specs, self.scorers, strict=True)):
            weights = self.weights.get(spec.name, {})
            if weights or scorer.needs_examples:  # which refuses to have learned nothing
                scorer.put(weights)
            if not isinstance(scorer, PVPScorer) or (weights and not keeps_backbone(weights)):
                scores[index] = scorer.score(chunk)
            elif weights:
                frozen[index] = scorer
            else:
                alike.setdefault((scorer.questions, scorer.draws), {})[index] = scorer
        if frozen or alike:
            self.backbone.weights.put({})
        if frozen:
            mixed = score_mixed([(scorer, chunk) for scorer in frozen.values()])
            scores |= zip(frozen, mixed, strict=True)
        for scorers in alike.values():
            together = score_together(list(scorers.values()), chunk)
            scores |= zip(scorers, together, strict=True)
        return [scores[index] for index in range(len(self.specs))]
