"""The members of a run folder: each is trained once and scores the unlabelled text once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from safetensors.torch import save_file

from pet.backbone import held_backbone
from pet.config import BackboneConfig
from pet.data import Example
from pet.members.executing import (
    ShardSpec,
    TrainingSpec,
    fold_specs,
    joined,
    score_fold,
    score_shard,
    train,
)
from pet.members.folds import Folds, HeldOut, kept_scores
from pet.members.grouping import training_groups
from pet.members.record import MemberRecord
from pet.members.result import MemberResult
from pet.members.spec import MemberSpec
from pet.members.stored import stored_weights
from pet.members.work import Work
from pet.progress import counted, silent
from pet.runs import RunFolder
from pet.training import Checkpoint
from pet.types import Scores

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MemberStore:
    """The members of one run; what is in the folder already is not computed again.

    Parameters
    ----------
    folder : RunFolder
        Keeps weights, figures and scores.
    backbone : BackboneConfig
        The backbone that every member starts from; see `pet.backbone.holding`.
    work : Work
        Task, data to learn from, unlabelled text to score, progress and executor.
    """

    folder: RunFolder
    backbone: BackboneConfig
    work: Work

    def has(self, spec: MemberSpec) -> bool:
        """Whether a member is finished."""
        return self.folder.has(self.folder.member(spec.name).record)

    def has_generation(self, number: int, specs: Sequence[MemberSpec]) -> bool:
        """Whether a generation and all its members are finished, their scores too."""
        places = [self.folder.member(spec.name).scores for spec in specs]
        record = self.folder.generation(number).record
        return all(map(self.has, specs)) and all(map(self.folder.has, [record, *places]))

    def members(
        self,
        specs: Sequence[MemberSpec],
        drawn: Mapping[str, Sequence[Example]] | None = None,
        scores_pool: bool = False,
    ) -> list[MemberResult]:
        """Train members, or load those that are finished.

        Parameters
        ----------
        specs : sequence of MemberSpec
            The members; `pet.members.training_groups` chooses those to train together.
        drawn : mapping, optional
            Member name to examples that it also learns from; with this every member is trained
            alone.
        scores_pool : bool
            Whether they also score all unlabelled text, in shards.

        Returns
        -------
        list of MemberResult
            Without weights after scoring the unlabelled text: those are in the folder only.
        """
        for spec in specs:
            if self.has(spec):
                log.info("%s: finished before", spec.name)
        groups = self._groups(specs) if drawn is None else [(spec,) for spec in specs]
        waiting = (
            TrainingSpec(
                group, self.backbone, self.work.subject, (drawn or {}).get(group[0].name, ()),
                self._checkpoint(group[0]),
            )
            for group in groups
            if not all(map(self.has, group))
        )  # fmt: skip
        for trained, results in self.work.executor.run(train, waiting, self.work.progress):
            # A group that was interrupted while its members were written is trained once more, but
            # the written ones stay: so nothing depends on the moment of the interruption.
            for spec, result in zip(trained.members, results, strict=True):
                if not self.has(spec):
                    self._write(spec, result)
        for spec in specs:
            self._checkpoint(spec).remove()
            if scores_pool:
                self._score_pool(spec)
        return [self._result(spec, with_weights=not scores_pool) for spec in specs]

    def held_out(self, specs: Sequence[MemberSpec], folds: Folds) -> HeldOut:
        """Score every labelled example by members that were trained on the other folds.

        They learn nothing from unlabelled text that members labelled: those saw the examples.
        Scores that are in the folder are not computed again.
        """
        wanted = [
            spec
            for member in specs
            for spec in fold_specs(member, self.backbone, self.work, folds.splits)
        ]
        scores = joined(kept_scores(self.folder, self.work, score_fold, wanted))
        return HeldOut([scores[member.name] for member in specs], folds.targets)

    def _groups(self, specs: Sequence[MemberSpec]) -> Iterator[tuple[MemberSpec, ...]]:
        backbone = held_backbone(self.backbone)
        return training_groups(specs, backbone, backbone.compute.token_budget)

    def _checkpoint(self, spec: MemberSpec) -> Checkpoint:
        return Checkpoint(self.folder, self.folder.member(spec.name).place)

    def _result(self, spec: MemberSpec, with_weights: bool) -> MemberResult:
        record = MemberRecord.read(self.folder, spec.name)
        return record.result(stored_weights(self.folder, record) if with_weights else {})

    def _write(self, spec: MemberSpec, result: MemberResult) -> None:
        files = self.folder.member(spec.name)
        if result.weights:
            with self.folder.writing(files.weights) as temporary:
                save_file(dict(result.weights), temporary)
        self.folder.write_json(files.record, MemberRecord.from_result(spec, result).to_dict())
        self.folder.log("member", **result.figures())

    def _score_pool(self, member: MemberSpec) -> None:
        pool, files = self.work.data.pool, self.folder.member(member.name)
        if pool is None or self.folder.has(files.scores):
            return
        offsets = self._result(member, with_weights=False).offsets
        labels = tuple(self.work.task.labels)
        shards = (
            ShardSpec(
                member, offsets, self.folder, self.backbone, labels, shard,
                [example.texts for example in examples],
            )
            for shard, examples in enumerate(pool.chunks())
        )  # fmt: skip
        scored = self.work.executor.run(score_shard, shards, silent)
        stage = labelling_stage(member)
        with self.folder.writing(files.scores) as temporary:
            temporary.mkdir()
            for spec, scores in counted(scored, self.work.progress, stage, len(pool), _texts):
                np.save(temporary / self.folder.shard(spec.shard), scores, allow_pickle=False)


def labelling_stage(member: MemberSpec) -> str:
    """Return the stage, for progress, in which a member scores the unlabelled text."""
    return f"texts labelled by {member.name}"


def _texts(result: tuple[ShardSpec, Scores]) -> int:
    return len(result[0].texts)
