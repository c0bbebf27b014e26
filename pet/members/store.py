"""The members of a run folder: each is trained once, scores the unlabelled text once, is loaded."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from safetensors.torch import save_file

from pet.backbone import LanguageModel
from pet.data import Example
from pet.encoding import Chunk
from pet.members.folds import Folds, HeldOut, out_of_fold_scores
from pet.members.grouping import training_groups
from pet.members.record import MemberRecord
from pet.members.result import MemberResult
from pet.members.spec import MemberSpec
from pet.members.stored import stored_weights
from pet.members.training import train_member, train_together
from pet.members.work import Work
from pet.progress import counted
from pet.runs import RunFolder
from pet.scoring import score
from pet.training import Checkpoint

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MemberStore:
    """Makes the members of one run; what is in the folder already is not made again.

    Parameters
    ----------
    folder : RunFolder
        Where weights, figures and scores go.
    backbone : LanguageModel
        Every member starts from it.
    work : Work
        Task, what members learn from, and the unlabelled text that they score.
    """

    folder: RunFolder
    backbone: LanguageModel
    work: Work

    def has(self, spec: MemberSpec) -> bool:
        """Whether a member is finished."""
        return self.folder.has(self.folder.member(spec.name).record)

    def members(self, specs: Sequence[MemberSpec], scores_pool: bool = False) -> list[MemberResult]:
        """Train several members or load them; see `pet.members.training_groups`."""
        results: dict[str, MemberResult] = {}
        for group in training_groups(specs, self.backbone, self.backbone.compute.token_budget):
            if len(group) > 1 and not all(map(self.has, group)):
                self._train_together(group)
            for spec in group:
                results[spec.name] = self.member(spec, scores_pool=scores_pool)
        return [results[spec.name] for spec in specs]

    def member(
        self, spec: MemberSpec, drawn: Sequence[Example] = (), scores_pool: bool = False
    ) -> MemberResult:
        """Train a member, or load it where it was finished before.

        Parameters
        ----------
        spec : MemberSpec
            The member.
        drawn : sequence of Example
            What it learns from besides the labelled examples.
        scores_pool : bool
            Whether it also scores all unlabelled text, in shards.

        Returns
        -------
        MemberResult
            After scoring the unlabelled text its weights are in the folder only.
        """
        files = self.folder.member(spec.name)
        checkpoint = Checkpoint(self.folder, files.place)
        if self.has(spec):
            weights = stored_weights(self.folder, spec.name)
            result = MemberRecord.read(self.folder, spec.name).result(weights)
            log.info("%s: finished before", spec.name)
        else:
            result = train_member(self.backbone, spec, self.work, drawn, checkpoint)
            self._write(spec, result)
        checkpoint.remove()
        if scores_pool:
            self._score_pool(spec, result)
            return replace(result, weights={})  # many members' would not fit into memory
        return result

    def held_out(self, specs: Sequence[MemberSpec], folds: Folds) -> HeldOut:
        """Score every labelled example by members that were trained on the other folds.

        With iPET they are those of plain PET, as drawn texts may repeat what they hold out. Scores
        that are in the folder are not made again.
        """
        scores = [
            out_of_fold_scores(self.backbone, spec, self.work, folds.splits, self.folder)
            for spec in specs
        ]
        return HeldOut(scores, folds.targets)

    def _train_together(self, specs: Sequence[MemberSpec]) -> None:
        """Train a group of members as one: it is finished when all of them are.

        Members of a group that was cut off while they were written are trained once more, and then
        left as they are: so nothing depends on when that was.
        """
        checkpoint = Checkpoint(self.folder, self.folder.member(specs[0].name).place)
        results = train_together(self.backbone, specs, self.work, checkpoint)
        for spec, result in zip(specs, results, strict=True):
            if not self.has(spec):
                self._write(spec, result)

    def _write(self, spec: MemberSpec, result: MemberResult) -> None:
        files = self.folder.member(spec.name)
        if result.weights:
            with self.folder.writing(files.weights) as temporary:
                save_file(dict(result.weights), temporary)
        self.folder.write_json(files.record, MemberRecord.of(spec, result).to_dict())
        self.folder.log("member", **result.figures())

    def _score_pool(self, spec: MemberSpec, result: MemberResult) -> None:
        pool, target = self.work.data.pool, self.folder.member(spec.name).scores
        if pool is None or self.folder.has(target):
            return
        scorer = spec.scorer(self.work.task.labels, self.backbone, result.offsets)
        scorer.put(result.weights)
        chunks = counted(pool.chunks(), self.work.progress, f"{spec.name} labels", len(pool), len)
        with self.folder.writing(target) as temporary:
            temporary.mkdir()
            for number, examples in enumerate(chunks):
                scores = score(scorer, Chunk(self.backbone.tokenizer, [e.texts for e in examples]))
                np.save(temporary / self.folder.shard(number), scores, allow_pickle=False)
