"""Scores of labelled examples by members that did not see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold

from pet.backbone import LanguageModel
from pet.data import Data, Example
from pet.encoding import Chunk
from pet.errors import DataError
from pet.members.spec import MemberSpec
from pet.members.training import train_member
from pet.members.work import Work
from pet.runs import RunFolder
from pet.scoring import score
from pet.task import Task
from pet.task.kinds import KINDS, Kind, targets_of, task_kind
from pet.training import Checkpoint
from pet.types import Ints, Scores

# Row numbers of the examples to learn from, and of those to score.
Split = tuple[Ints, Ints]


@dataclass(frozen=True)
class Folds:
    """Labelled examples in folds: ``targets``, (N,) or (N, C), and a split for each fold."""

    targets: Ints
    splits: Sequence[Split]

    @classmethod
    def of(cls, task: Task, examples: Sequence[Example], folds: int, seed: int) -> Folds:
        """Split labelled examples; see `stratified_splits`.

        Raises
        ------
        DataError
            When there are none, or too few of some label.
        """
        if not examples:
            raise DataError(
                "Probabilities are calibrated on labelled examples.", "Give `--train FILE`."
            )
        targets = targets_of(task, [example.label for example in examples])
        return cls(targets, stratified_splits(targets, folds, seed, task_kind(task)))


@dataclass(frozen=True)
class HeldOut:
    """Members' scores, (V, N, C) each, of labelled examples they did not see, and the targets."""

    scores: Sequence[Scores]
    targets: Ints


def stratified_splits(
    targets: NDArray[np.int64], folds: int, seed: int, kind: Kind = KINDS["single"]
) -> list[Split]:
    """Split N examples into folds with equal shares of the labels; fewer where a label is rare.

    Sets of labels, (N, C), are too many to keep their shares: those are split at random.

    Raises
    ------
    DataError
        When some label has one example only.
    """
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


def out_of_fold_scores(
    backbone: LanguageModel,
    spec: MemberSpec,
    work: Work,
    splits: Sequence[Split],
    folder: RunFolder | None = None,
) -> Scores:
    """Train a member once a split, on the inside, and score the outside: (V, N, C).

    The outsides of all splits together are all N examples, each once. In a run ``folder`` the
    scores of every split are kept, and a training that was cut off goes on.
    """
    labels = work.task.labels
    readouts = len(spec.scorer(labels, backbone).readouts)
    scores = np.zeros((readouts, len(work.data.train), len(labels)), np.float32)
    for number, split in enumerate(splits, 1):
        make = partial(held_out_scores, backbone, spec, work, split, number)
        scores[:, split[1]] = make() if folder is None else kept(folder, spec.name, number, make)
    return scores


def kept(folder: RunFolder, name: str, number: int, score: Callable[..., Scores]) -> Scores:
    """Scores of split ``number`` in a run folder; made with ``checkpoint=`` where none are."""
    files = folder.member_folds(name)
    checkpoint = Checkpoint(folder, files.place)
    found = folder.array(files.scores(number), partial(score, checkpoint=checkpoint))
    checkpoint.remove()
    return found


def held_out_scores(
    backbone: LanguageModel,
    spec: MemberSpec,
    work: Work,
    split: Split,
    number: int,
    checkpoint: Checkpoint | None = None,
) -> Scores:
    """Train a member on the inside of split ``number`` and score the outside: (V, n, C)."""
    inside, outside = split
    labels, examples = work.task.labels, work.data.train
    known = [examples[row] for row in inside]
    named = replace(spec, name=f"{spec.name} fold {number}").showing(known, labels)
    part = replace(work, data=Data(known, pool=work.data.pool))
    result = train_member(backbone, named, part, checkpoint=checkpoint)
    scorer = named.scorer(labels, backbone, result.offsets)
    scorer.put(result.weights)
    return score(scorer, Chunk(backbone.tokenizer, [examples[row].texts for row in outside]))
