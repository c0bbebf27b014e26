"""Scores of labelled examples by members that did not see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pet.backbone import LanguageModel
from pet.data import Example, Pool
from pet.encoding import Chunk
from pet.members import MemberSpec, train_member
from pet.scoring import Scores
from pet.task import Task
from pet.training import Progress, silent

# Numbers of the examples to learn from, and of those to score.
Split = tuple[NDArray[np.int64], NDArray[np.int64]]


def out_of_fold_scores(
    backbone: LanguageModel,
    spec: MemberSpec,
    task: Task,
    examples: Sequence[Example],
    splits: Sequence[Split],
    pool: Pool | None = None,
    progress: Progress = silent,
) -> Scores:
    """Train a member once a split, on the inside, and score the outside: (V, N, C).

    The outsides of all splits together are all N examples, each once.
    """
    readouts = len(spec.scorer(task.labels, backbone).readouts)
    scores = np.zeros((readouts, len(examples), len(task.labels)), np.float32)
    for number, (inside, outside) in enumerate(splits, 1):
        known = [examples[i] for i in inside]
        part = replace(spec, name=f"{spec.name} fold {number}").showing(known, task.labels)
        own = train_member(backbone, part, task, known, pool=pool, progress=progress)
        scorer = part.scorer(task.labels, backbone, own.offsets)
        scorer.put(own.weights)
        texts = [examples[i].texts for i in outside]
        scores[:, outside] = scorer.score(Chunk(backbone.tokenizer, texts))
    return scores
