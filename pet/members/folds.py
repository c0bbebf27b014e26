"""Folds: scores of labelled examples by members that did not see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from pet.data import Example
from pet.errors import DataError
from pet.members.work import Work
from pet.progress import Progress
from pet.runs import RunFolder
from pet.runs.layout import FoldFiles
from pet.task import Task
from pet.task.kinds import KINDS, Kind, targets_of, task_kind
from pet.training import Checkpoint
from pet.types import Ints, Scores

# Row numbers of the examples to learn from, and of the others to score.
Split = tuple[Ints, Ints]


@dataclass(frozen=True)
class Folds:
    """Labelled examples in folds: ``targets``, (N,) or (N, C), and a split for each fold."""

    targets: Ints
    splits: Sequence[Split]

    @classmethod
    def split(cls, task: Task, examples: Sequence[Example], folds: int, seed: int) -> Folds:
        """Split labelled examples; see `stratified_splits`.

        Raises
        ------
        DataError
            When there are no examples, or too few of some label.
        """
        if not examples:
            raise DataError(
                "Probabilities are calibrated on labelled examples.", "Give `--train FILE`."
            )
        targets = targets_of(task, [example.label for example in examples])
        return cls(targets, stratified_splits(targets, folds, seed, task_kind(task)))


@dataclass(frozen=True)
class HeldOut:
    """Scores (V, N, C) of labelled examples by members that did not see them, and the targets."""

    scores: Sequence[Scores]
    targets: Ints


def stratified_splits(
    targets: Ints, folds: int, seed: int, kind: Kind = KINDS["single"]
) -> list[Split]:
    """Split N examples into folds with equal shares of the labels; fewer folds if a label is rare.

    Targets (N, C), which are sets of labels, are split at random: there are too many sets.

    Raises
    ------
    DataError
        When some label has only one example.
    """
    # Not above: a process that only scores starts in two thirds of the time without it.
    from sklearn.model_selection import KFold, StratifiedKFold

    strata = kind.strata(targets)
    rarest = len(targets) if strata is None else np.unique(strata, return_counts=True)[1].min()
    folds = min(folds, int(rarest))
    if folds < 2:
        raise DataError(
            "Learned weights, temperatures and `--temper folds` need two labelled examples of "
            "every label: members that did not see an example score it.",
            "Label more, or use `--weighting uniform` and `--temper agreement`.",
        )
    splitter = (KFold if strata is None else StratifiedKFold)(
        folds, shuffle=True, random_state=seed
    )
    return list(splitter.split(targets, strata))


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Base of specs that train on some of the labelled examples and score the others.

    ``owner`` names the member or classifier; ``fold`` counts from 1.
    """

    owner: str
    fold: int
    checkpoint: Checkpoint | None = None

    @property
    def name(self) -> str:
        """Name for progress and messages."""
        return f"{self.owner} fold {self.fold}"


F = TypeVar("F", bound=Fold)


def kept_scores(
    folder: RunFolder, work: Work, score: Callable[[F, Progress], Scores], specs: Sequence[F]
) -> list[tuple[F, Scores]]:
    """Score folds, keep the scores in a run folder, and return all of them.

    Scores that are in the folder are not computed again; an interrupted training goes on.
    """
    waiting = [
        replace(spec, checkpoint=Checkpoint(folder, _files(folder, spec).training(spec.fold)))
        for spec in specs
        if not folder.has(_files(folder, spec).scores(spec.fold))
    ]
    for spec, scores in work.executor.run(score, waiting, work.progress):
        folder.write_array(_files(folder, spec).scores(spec.fold), scores)
        if spec.checkpoint is not None:
            spec.checkpoint.remove()
    return [(spec, folder.read_array(_files(folder, spec).scores(spec.fold))) for spec in specs]


def _files(folder: RunFolder, spec: Fold) -> FoldFiles:
    return folder.member_folds(spec.owner)
