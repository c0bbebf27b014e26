"""Ranking of a task's patterns on the labelled examples alone, with its uncertainty.

The examples are halved at random several times. Each half is predicted from the other, which gives
an untrained pattern its offsets and its temperature, or trains it. Patterns are ranked by the
log-likelihood of the held-out labels; accuracy on a few examples is too coarse.

Sources: Perez et al. 2021 (True few-shot learning) choose by held-out log-likelihood; Zheng et al.
2022 (FewNLU) find repeated random splits the most stable.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.model_selection import RepeatedStratifiedKFold

from pet.backbone import LanguageModel, holding
from pet.config import RankConfig, Settings
from pet.data import Data, Pool
from pet.encoding import Chunk
from pet.errors import DataError, UsageError
from pet.evaluation.bootstrap import bootstrap_means
from pet.evaluation.ranked import RankedPattern, Ranking
from pet.members import PatternSpec, Work, specs_of
from pet.members.executing import fold_specs, out_of_fold_scores
from pet.members.folds import Split
from pet.model import Ensemble
from pet.model.weighting import learn_weights
from pet.progress import Progress, counted, silent
from pet.scoring import PVPScorer
from pet.scoring.offsets import balanced, find_offsets, subtracted
from pet.seeds import RunStream, derived_seed
from pet.task import Task
from pet.task.kinds import refuse_multi_label
from pet.task.labels import label_numbers
from pet.types import Ints, Scores

_RESAMPLES = 10_000


def rank_patterns(
    task: Task,
    settings: Settings,
    data: Data,
    config: RankConfig,
    progress: Progress = silent,
    backbone: LanguageModel | None = None,
) -> Ranking:
    """Rank a task's patterns on the labelled examples.

    Parameters
    ----------
    task : Task
        The task whose patterns are ranked.
    settings : Settings
        The chosen patterns, the backbone and its training.
    data : Data
        Labelled examples; unlabelled texts, if any, are used for the agreement of patterns.
    config : RankConfig
        The number of halvings, and whether patterns are trained.
    progress : callable
        Called at every stage; see `pet.progress`.
    backbone : LanguageModel, optional
        A loaded backbone; by default that of the settings is loaded.

    Raises
    ------
    DataError
        When a label has one example only, so that it cannot be held out.
    UsageError
        When the task is multi-label, or the method has no patterns.
    """
    refuse_multi_label(task, "Ranking patterns")
    work = Work(task, Data(data.train, pool=data.pool), progress)
    with holding(settings.backbone, backbone) as held:
        return _ranked(work, settings, config, held)


def _ranked(work: Work, settings: Settings, config: RankConfig, backbone: LanguageModel) -> Ranking:
    """Rank patterns on a backbone that is held; see `rank_patterns`."""
    task, data = work.task, work.data
    targets = label_numbers([example.label for example in data.train], task.labels)
    halvings = _halvings(
        targets, task, config.halvings_or_default, derived_seed(settings.seed, RunStream.HALVINGS)
    )
    backbone.weights.put({})
    specs = [spec.showing(data.train, task.labels) for spec in specs_of(task, settings)]
    if not specs:
        raise UsageError(f"Method {settings.method!r} has no patterns to compare.")
    combine = Ensemble.uniform(1, combine_verbalizers=settings.ensemble.combine_verbalizers)
    scorers, scores = [], []
    for spec in counted(specs, work.progress, "patterns", len(specs)):
        scorer, folds = _untrained(spec, task, backbone, data, targets, halvings)
        scorers.append(scorer)
        if config.trained:
            folds = [
                out_of_fold_scores(fold_specs(spec, settings.backbone, work, pair), work)[spec.name]
                for pair in halvings
            ]
            backbone.weights.put({})
        scores.append([combine.member_scores([fold])[0] for fold in folds])
    figures = compare(
        np.array(scores), targets, halvings, derived_seed(settings.seed, RunStream.BOOTSTRAP)
    )
    agreements = _agreements(scorers, combine, data.pool)
    rows = [
        RankedPattern(spec.pattern, spec.pvp.pattern.template, *row, agreement)
        for spec, row, agreement in zip(specs, figures, agreements, strict=True)
    ]
    rows.sort(key=lambda row: -row.log_likelihood)
    return Ranking(task, tuple(rows), len(targets), len(halvings), config.trained)


def compare(
    scores: Scores, targets: Ints, halvings: Sequence[Sequence[Split]], seed: int
) -> list[tuple[float, float, float, float, float]]:
    """Compare P patterns by their held-out scores, (P, halvings, N, C).

    Returns
    -------
    list
        A tuple for every pattern: mean log-likelihood, both ends of its 95 % interval, accuracy,
        and the share of the bootstrap's draws in which it is the best. The bootstrap resamples
        examples and halvings, the same ones for all patterns.
    """
    values = np.array(
        [
            [
                log_likelihoods(halving_scores, pair, targets)
                for halving_scores, pair in zip(pattern_scores, halvings, strict=True)
            ]
            for pattern_scores in scores
        ]
    )
    right = scores.argmax(axis=3) == targets
    draws = bootstrap_means(values, _RESAMPLES, seed)
    wins = np.bincount(draws.argmax(axis=1), minlength=len(scores)) / len(draws)
    figures = np.stack(
        [
            values.mean(axis=(1, 2)),
            *np.percentile(draws, [2.5, 97.5], axis=0),
            right.mean(axis=(1, 2)),
            wins,
        ]
    )
    return [tuple(row) for row in figures.T.tolist()]


def held_out(raw: Scores, targets: Ints, pair: Sequence[Split]) -> Scores:
    """Calibrate each half of an untrained pattern's scores (V, N, C) by the other half's labels."""
    scores = raw.copy()
    for inside, outside in pair:
        offsets = balanced(raw[:, inside], targets[inside])
        scores[:, outside] = subtracted(raw[:, outside], offsets)
    return scores


def log_likelihoods(scores: Scores, pair: Sequence[Split], targets: Ints) -> NDArray[np.float64]:
    """Return the log-probability of each true label, (N,), at a temperature of the other half.

    Scores (N, C) of untrained patterns, and of patterns that know their few examples by heart, are
    far too sure or unsure. Without a temperature the pattern with the smallest scores would win.
    """
    values = np.empty(len(targets))
    for inside, outside in pair:
        _, (temperature,) = learn_weights(scores[None, inside], targets[inside])
        logs = log_softmax(scores[outside].astype(np.float64) / temperature, axis=1)
        values[outside] = logs[np.arange(len(outside)), targets[outside]]
    return values


def _halvings(targets: Ints, task: Task, count: int, seed: int) -> list[list[Split]]:
    """Halve at random, stratified: each halving is two splits, with inside and outside swapped."""
    present, counts = np.unique(targets, return_counts=True)
    if len(present) < 2:
        raise DataError(
            f"Patterns are compared by the labels they tell apart; found {len(targets)} examples "
            f"of {len(present)} label{'s' * (len(present) != 1)}.",
            "Label two examples or more of at least two labels.",
        )
    lonely = [task.labels[n] for n, count in zip(present, counts, strict=True) if count < 2]
    if lonely:
        raise DataError(
            f"Only one labelled example of {', '.join(map(repr, lonely[:5]))}: it cannot be held "
            "out and learned from.",
            "Label another, or leave it out.",
        )
    splitter = RepeatedStratifiedKFold(n_splits=2, n_repeats=count, random_state=seed)
    splits = list(splitter.split(targets, targets))
    return [splits[n : n + 2] for n in range(0, len(splits), 2)]


def _untrained(
    spec: PatternSpec,
    task: Task,
    backbone: LanguageModel,
    data: Data,
    targets: Ints,
    halvings: Sequence[Sequence[Split]],
) -> tuple[PVPScorer, list[Scores]]:
    """Return an untrained pattern's scorer with its offsets, and held-out scores by halving."""
    scorer = spec.scorer(task.labels, backbone)
    raw = scorer.score(Chunk(backbone.tokenizer, [example.texts for example in data.train]))
    source = spec.training.offsets_of(trained=True)
    offsets = find_offsets(source, scorer, spec.seed, data.pool, (raw, targets))
    if source == "labelled":
        folds = [held_out(raw, targets, pair) for pair in halvings]
    else:
        folds = [subtracted(raw, offsets)] * len(halvings)
    return scorer.calibrated(offsets), folds


def _agreements(
    scorers: Sequence[PVPScorer], combine: Ensemble, pool: Pool | None
) -> Sequence[float | None]:
    """Return the share of texts that each pattern labels as the ensemble of the others does."""
    if not pool or len(scorers) < 2:
        return [None] * len(scorers)
    same = np.zeros(len(scorers))
    for examples in pool.chunks():
        chunk = Chunk(scorers[0].backbone.tokenizer, [example.texts for example in examples])
        scores = np.stack([combine.member_scores([scorer.score(chunk)])[0] for scorer in scorers])
        others = scores.sum(axis=0) - scores  # their mean, but for a factor
        same += (scores.argmax(axis=2) == others.argmax(axis=2)).sum(axis=1)
    return [float(share) for share in same / len(pool)]
