"""A second round of members, which learn from unlabelled texts that unlike members agree on.

Members of one kind err alike, so a text on whose label all of them agree may still be wrong. Where
members of *different* kinds agree, the label is right far more often (co-training, Blum and
Mitchell 1998). The first round takes half of the steps. Then each label's surest texts on which all
kinds agree are examples, beside the labelled ones, of a second round, in which every member starts
from the original backbone again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from scipy.special import softmax

from pet.config import METHODS, EnsembleConfig, Settings
from pet.data import Pool
from pet.members import MemberResult, MemberSpec
from pet.members.store import MemberStore
from pet.members.stored import pool_scores
from pet.model import Ensemble
from pet.pipeline.combining import uniform
from pet.pipeline.generations import finish, in_generation
from pet.seeds import RunStream, derived_seed
from pet.task import Task
from pet.task.kinds import task_kind
from pet.types import Scores

log = logging.getLogger(__name__)

# The first round labels so many texts, or so many times those that are wanted.
_LEAST, _TIMES = 1000, 2


def has_second_round(
    task: Task, settings: Settings, specs: Sequence[MemberSpec], examples: int
) -> bool:
    """Whether members are trained a second time, on unlabelled texts that they agree on.

    It takes members of two kinds, labelled examples, and tasks with one label a text.
    """
    return bool(
        METHODS[settings.method].second_round
        and settings.ensemble.agreed
        and len({spec.kind for spec in specs}) > 1
        and any(spec.steps(examples) for spec in specs)
        and examples
        and task_kind(task).has_one_label
    )


def train_twice(
    store: MemberStore, specs: Sequence[MemberSpec], config: EnsembleConfig, pool: Pool, seed: int
) -> tuple[list[MemberSpec], list[MemberResult]]:
    """Train both rounds, which are generations 0 and 1 in the folder; finished ones are loaded.

    Parameters
    ----------
    store : MemberStore
        Trains, keeps and loads members.
    specs : sequence of MemberSpec
        Members of one round, of several kinds.
    config : EnsembleConfig
        Most agreed texts of each label; combiners.
    pool : Pool
        Unlabelled text.
    seed : int
        Seed of the run, for the sample of the unlabelled text that the first round labels.

    Returns
    -------
    tuple
        Specs and results of the second round.
    """
    work, folder = store.work, store.folder
    labels, examples = work.task.labels, len(work.data.train)
    wanted = _TIMES * config.agreed * len(labels)
    sample = pool.sample(max(_LEAST, wanted), derived_seed(seed, RunStream.AGREED))
    first = [_with_steps(spec, -(-spec.steps(examples) // 2)) for spec in in_generation(specs, 0)]
    second = [_with_steps(spec, spec.steps(examples)) for spec in in_generation(specs, 1)]
    file = folder.generation(1).draws
    if folder.has(file):
        with folder.reading(file):
            rows = {label: list(folder.read_json(file)["rows"][label]) for label in labels}
    else:
        sampling = replace(store, work=replace(work, data=replace(work.data, pool=sample)))
        results = finish(sampling, 0, first, {}, config)
        names = [spec.name for spec in first]
        ensemble = uniform(config, work.task.kind, first, results)
        kinds = [spec.kind for spec in first]
        rows = agreed_rows(pool_scores(folder, names), ensemble, kinds, labels, config.agreed)
        folder.write_json(file, {"labellers": names, "texts": len(sample), "rows": rows})
    log.info("second round: %d texts on which all kinds agree", sum(map(len, rows.values())))
    draws = {spec.name: rows for spec in second}
    return second, finish(store, 1, second, draws, config, sample)


def agreed_rows(
    scores: Iterable[Sequence[Scores]],
    ensemble: Ensemble,
    kinds: Sequence[str],
    labels: Sequence[str],
    most: int,
) -> dict[str, list[int]]:
    """Find each label's surest texts among those on which members of all kinds agree.

    Parameters
    ----------
    scores : iterable of sequence of array (V, n, C)
        The members' scores, chunk by chunk.
    ensemble : Ensemble
        Combines all members; as sure as its softmax.
    kinds : sequence of str
        Kind of every member.
    labels : sequence of str
        Names of the labels, C.
    most : int
        Most texts of a label.

    Returns
    -------
    dict
        Label to row numbers, the surest first.
    """
    confidences, same = [], []
    for chunk in scores:
        both, each = ensemble(chunk), ensemble.member_scores(chunk)
        confidences.append(softmax(both.astype(np.float64), axis=1))
        best = [
            np.mean([s for s, of in zip(each, kinds, strict=True) if of == kind], axis=0).argmax(1)
            for kind in dict.fromkeys(kinds)
        ]
        same.append(np.all(np.stack(best) == both.argmax(axis=1), axis=0))
    confidence, agreed = np.concatenate(confidences), np.concatenate(same)
    found = {}
    for number, label in enumerate(labels):
        rows = np.flatnonzero(agreed & (confidence.argmax(axis=1) == number))
        order = np.argsort(-confidence[rows, number], kind="stable")
        found[label] = rows[order[:most]].tolist()
    return found


def _with_steps(spec: MemberSpec, steps: int) -> MemberSpec:
    return spec.changed(training=replace(spec.training, max_steps=steps))
