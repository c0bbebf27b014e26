"""Specs for executors: members to train, folds and shards to score. Each names its backbone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pet.backbone import held_backbone
from pet.backbone.held import beside_backbone
from pet.config import BackboneConfig
from pet.data import Data, Example
from pet.encoding import Chunk
from pet.members.folds import Fold, Split
from pet.members.record import MemberRecord
from pet.members.result import MemberResult
from pet.members.spec import MemberSpec
from pet.members.stored import stored_weights
from pet.members.training import train_member, train_together
from pet.members.work import Work
from pet.progress import Progress
from pet.runs import RunFolder
from pet.scoring import Scorer
from pet.training import Checkpoint
from pet.types import Ints, Offsets, Scores, Texts


@dataclass(frozen=True)
class TrainingSpec:
    """A member to train, or several to train together; only a single one may have ``drawn``."""

    members: tuple[MemberSpec, ...]
    backbone: BackboneConfig
    work: Work
    drawn: Sequence[Example] = ()
    checkpoint: Checkpoint | None = None

    @property
    def name(self) -> str:
        """The first member's name."""
        return self.members[0].name


def train(spec: TrainingSpec, progress: Progress) -> list[MemberResult]:
    """Train the members of a spec from the backbone's original weights."""
    backbone, work = held_backbone(spec.backbone), replace(spec.work, progress=progress)
    if len(spec.members) > 1:
        return train_together(backbone, spec.members, work, spec.checkpoint)
    return [train_member(backbone, spec.members[0], work, spec.drawn, spec.checkpoint)]


@dataclass(frozen=True, kw_only=True)
class FoldSpec(Fold):
    """A member to train on the ``inside`` of a fold, and to score its ``outside`` with.

    Both are row numbers of the labelled examples.
    """

    member: MemberSpec
    backbone: BackboneConfig
    work: Work
    inside: Ints
    outside: Ints


def fold_specs(
    member: MemberSpec, backbone: BackboneConfig, work: Work, splits: Iterable[Split]
) -> list[FoldSpec]:
    """Make one spec for each split, numbered from 1."""
    return [
        FoldSpec(
            owner=member.name,
            fold=fold,
            member=member,
            backbone=backbone,
            work=work.subject,
            inside=inside,
            outside=outside,
        )
        for fold, (inside, outside) in enumerate(splits, 1)
    ]


def score_fold(spec: FoldSpec, progress: Progress) -> Scores:
    """Train a member on the inside of a fold and score the outside: (V, n, C)."""
    backbone, task, data = held_backbone(spec.backbone), spec.work.task, spec.work.data
    examples = [data.train[row] for row in spec.inside]
    member = spec.member.changed(name=spec.name).showing(examples, task.labels)
    work = Work(task, Data(examples, pool=data.pool), progress)
    result = train_member(backbone, member, work, checkpoint=spec.checkpoint)
    scorer = member.scorer(task.labels, backbone, result.offsets)
    scorer.put(result.weights)
    return scorer.score(Chunk(backbone.tokenizer, [data.train[row].texts for row in spec.outside]))


def out_of_fold_scores(specs: Sequence[FoldSpec], work: Work) -> dict[str, Scores]:
    """Score each labelled example by members that did not see it: member name -> (V, N, C).

    The outsides of a member's specs together hold all N examples, each once.
    """
    return joined(work.executor.run(score_fold, specs, work.progress))


def joined(results: Iterable[tuple[FoldSpec, Scores]]) -> dict[str, Scores]:
    """Join scores (V, n, C) of folds by the rows of their outsides: member name -> (V, N, C)."""
    whole: dict[str, Scores] = {}
    for spec, scores in results:
        readouts, _, labels = scores.shape
        empty = np.zeros((readouts, len(spec.work.data.train), labels), np.float32)
        whole.setdefault(spec.owner, empty)[:, spec.outside] = scores
    return whole


@dataclass(frozen=True)
class ShardSpec:
    """Some texts of a pool for a finished member to score, whose weights are in a folder."""

    member: MemberSpec
    offsets: Offsets | None
    folder: RunFolder
    backbone: BackboneConfig
    labels: tuple[str, ...]
    shard: int
    texts: Texts

    @property
    def name(self) -> str:
        """The member's name and the number of the shard."""
        return f"{self.member.name} shard {self.shard}"


def score_shard(spec: ShardSpec, progress: Progress) -> Scores:
    """Score a shard's texts: (V, n, C)."""
    scorer = _scorer_of(spec)
    return scorer.score(Chunk(scorer.backbone.tokenizer, spec.texts))


def _scorer_of(spec: ShardSpec) -> Scorer:
    """Return the member's scorer, with the member's weights in the backbone.

    Shards come member by member, so the scorer is kept for the next shard.
    """
    backbone = held_backbone(spec.backbone)
    beside = beside_backbone(backbone)
    wanted = (spec.member.name, spec.folder.path, backbone.weights.changes)
    if beside.get("member") != wanted:
        scorer = spec.member.scorer(spec.labels, backbone, spec.offsets)
        record = MemberRecord.read(spec.folder, spec.member.name)
        scorer.put(stored_weights(spec.folder, record))
        beside["scorer"] = scorer
        beside["member"] = (*wanted[:-1], backbone.weights.changes)
    kept: Scorer = beside["scorer"]
    return kept
