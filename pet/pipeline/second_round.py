"""A second round of members, which learn from unlabelled texts that unlike members agree on.

Members of one kind err alike, so a text on whose label all of them agree may still be wrong. Where
members of *different* kinds agree, the label is right far more often (co-training, Blum and
Mitchell 1998). The first round takes half of the steps. The surest texts on which all kinds agree
are then examples, beside the labelled ones, of a second round, in which every member starts from
the original backbone again. In the folder the rounds are generations 0 and 1.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.special import softmax

from pet.config import METHODS, EnsembleConfig, Settings
from pet.data import Data, Example, Pool
from pet.members import MemberResult, MemberSpec
from pet.members.store import MemberStore
from pet.members.stored import pool_scores
from pet.model import Ensemble
from pet.pipeline.combining import uniform
from pet.pipeline.generations import Draws, in_generation, train_generation
from pet.seeds import RunStream, derived_seed
from pet.task import Task
from pet.task.kinds import task_kind
from pet.types import Scores

log = logging.getLogger(__name__)

# The first round labels this many texts, or twice as many as are wanted.
_SAMPLE = 1000


def has_second_round(
    task: Task, settings: Settings, specs: Sequence[MemberSpec], data: Data
) -> bool:
    """Whether a run's members are trained a second time, on unlabelled texts that they agree on.

    It takes members of two kinds, some of which are trained, one label a text, unlabelled text,
    and labelled examples.
    """
    examples = len(data.train)
    return bool(
        "second_round" not in METHODS[settings.method].ignores
        and settings.ensemble.second_round
        and len({spec.kind for spec in specs}) > 1
        and any(spec.steps(examples) for spec in specs)
        and task_kind(task).has_one_label
        and examples
        and data.pool
    )


def train_twice(
    store: MemberStore, specs: Sequence[MemberSpec], config: EnsembleConfig, seed: int
) -> tuple[list[MemberSpec], list[MemberResult]]:
    """Train both rounds; what is finished is only loaded.

    Parameters
    ----------
    store : MemberStore
        Trains, keeps and loads members; its data has unlabelled text.
    specs : sequence of MemberSpec
        Members of one round, of several kinds.
    config : EnsembleConfig
        Number of agreed texts; combiners.
    seed : int
        Seed of the run, for the sample of the unlabelled text that the first round labels.

    Returns
    -------
    tuple
        Specs and results of the second round.
    """
    work, data = store.work, store.work.data
    assert data.pool is not None
    factor = config.second_round or 0
    size = max(_SAMPLE, 2 * factor * len(data.train))
    sample = _sample(data.pool, size, derived_seed(seed, RunStream.SECOND_ROUND))
    texts = Pool(partial(iter, tuple(sample.values())))  # which can be sent to a process
    sampling = replace(store, work=replace(work, data=replace(data, pool=texts)))
    first, second = in_generation(specs, 0), in_generation(specs, 1)
    first = [_with_steps(spec, -(-spec.steps(len(data.train)) // 2)) for spec in first]
    second = [_with_steps(spec, spec.steps(len(data.train))) for spec in second]
    results = train_generation(sampling, 0, first, {}, config)
    ensemble = uniform(config, work.task.kind, first, results)
    draws = _draws(store, list(sample), first, second, ensemble, factor)
    return second, train_generation(store, 1, second, draws, config)


def _sample(pool: Pool, size: int, seed: int) -> dict[int, Example]:
    """Draw texts without replacement, each once however often it is there: row to example."""
    rows: Iterable[int] = range(len(pool))
    if size < len(pool):
        rows = np.random.default_rng(seed).choice(len(pool), size, replace=False).tolist()
    once: dict[tuple[str, ...], tuple[int, Example]] = {}
    for row, example in pool.select(rows).items():
        once.setdefault(example.key, (row, example))
    return dict(once.values())


def _draws(
    store: MemberStore,
    sample: Sequence[int],
    first: Sequence[MemberSpec],
    second: Sequence[MemberSpec],
    ensemble: Ensemble,
    factor: int,
) -> Draws:
    """Return the texts that the second round learns from, the same for every member."""
    folder, labels = store.folder, store.work.task.labels
    file = folder.generation(1).draws
    if folder.has(file):
        with folder.reading(file):
            drawn = folder.read_json(file)
            return {spec.name: drawn[spec.name]["rows"] for spec in second}
    names, kinds = [spec.name for spec in first], [spec.kind for spec in first]
    agreed = agreed_rows(pool_scores(folder, names), ensemble, kinds, labels)
    counts = Counter(str(example.label) for example in store.work.data.train)
    wanted = balanced_draw({label: len(agreed[label]) for label in labels}, counts, factor)
    rows = {label: [sample[row] for row in agreed[label][: wanted[label]]] for label in labels}
    told = ", ".join(f"{len(rows[label])} {label}" for label in labels)
    log.info("second round: learns from texts on which all kinds agree: %s", told)
    for label in labels:
        if counts[label] and not rows[label]:
            log.warning("second round: no text on whose label %r all kinds agree", label)
    folder.write_json(file, {spec.name: {"labellers": names, "rows": rows} for spec in second})
    return {spec.name: rows for spec in second}


def agreed_rows(
    scores: Iterable[Sequence[Scores]],
    ensemble: Ensemble,
    kinds: Sequence[str],
    labels: Sequence[str],
) -> dict[str, list[int]]:
    """Find the texts on whose label members of all kinds agree.

    Parameters
    ----------
    scores : iterable of sequence of array (V, n, C)
        The members' scores, chunk by chunk.
    ensemble : Ensemble
        Combines all members; the softmax of its scores tells how sure they are.
    kinds : sequence of str
        Kind of every member.
    labels : sequence of str
        Names of the labels, C.

    Returns
    -------
    dict
        Label to row numbers, the surest first.
    """
    confidences, same = [], []
    for chunk in scores:
        together, each = ensemble(chunk), ensemble.member_scores(chunk)
        confidences.append(softmax(together.astype(np.float64), axis=1))
        best = [
            np.mean([s for s, of in zip(each, kinds, strict=True) if of == kind], axis=0).argmax(1)
            for kind in dict.fromkeys(kinds)
        ]
        same.append(np.all(np.stack(best) == together.argmax(axis=1), axis=0))
    confidence, agreed = np.concatenate(confidences), np.concatenate(same)
    found = {}
    for number, label in enumerate(labels):
        rows = np.flatnonzero(agreed & (confidence.argmax(axis=1) == number))
        found[label] = rows[np.argsort(-confidence[rows, number], kind="stable")].tolist()
    return found


def balanced_draw(
    agreed: Mapping[str, int], labelled: Mapping[str, int], factor: int
) -> dict[str, int]:
    """Choose how many agreed texts of each label to draw: as far as possible in the labelled ratio.

    The scarcest label decides: of each as many times its labelled texts, ``factor`` times at most.
    But a label that is hardly ever agreed on does not hold the others back: of these at least as
    many as labelled ones are drawn, where there are as many.
    """
    times = [agreed[label] / count for label, count in labelled.items() if count]
    scarcest = min(max(min(times), 1), factor)
    return {
        label: min(count, int(scarcest * labelled.get(label, 0))) for label, count in agreed.items()
    }


def _with_steps(spec: MemberSpec, steps: int) -> MemberSpec:
    return spec.changed(training=replace(spec.training, max_steps=steps))
