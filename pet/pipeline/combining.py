"""How a run's members are combined: their weights, and a temperature for honest probabilities.

Both can be learned from out-of-fold scores of the labelled examples. What costs nothing is to make
the ensemble as sure as two members agree on unlabelled text: where members differ enough, they
disagree about as often as each of them errs (Jiang et al. 2022). Members that learned from the same
few examples also err together, so this is a mild correction.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from pet.config import Settings
from pet.data import Data
from pet.errors import DataError
from pet.members import MemberResult, MemberSpec
from pet.members.folds import Split, out_of_fold_scores, stratified_splits
from pet.members.store import MemberStore
from pet.members.stored import pool_scores
from pet.model import Ensemble
from pet.model.ensemble import pairwise_agreement
from pet.model.reliability import calibration_error
from pet.model.temperature import confident_temperature, fit_temperature
from pet.model.weighting import weighed
from pet.runs import RunFolder
from pet.task import Task
from pet.task.kinds import targets_of, task_kind
from pet.types import Scores

log = logging.getLogger(__name__)

_COMPARED = 2000  # unlabelled texts: more tell agreement no better


def combined(
    store: MemberStore,
    specs: Sequence[MemberSpec],
    results: Sequence[MemberResult],
    settings: Settings,
    pool_scored: bool,
) -> Ensemble:
    """Find how the members are combined; out-of-fold scores in the folder are not made again.

    ``pool_scored`` tells whether the folder has the members' scores of the unlabelled text.

    The members that score a labelled example were trained as those of the run on the other labelled
    examples; with iPET they are those of plain PET, as drawn texts may repeat what they hold out.
    """
    config, data = settings.ensemble, store.data
    accuracies = [result.accuracy_before for result in results]
    uniform = Ensemble(
        (1.0,) * len(specs),
        _common_scale(specs, results),
        config.combine_verbalizers,
        config.combine_members,
        kind=store.task.kind,
    )
    several = len(specs) > 1 and bool(data.train)
    weighting = config.weighting if several or config.weighting == "accuracy" else "uniform"
    if not learns_from_folds(settings, len(specs), data):
        ensemble = weighed(uniform, weighting, accuracies)
    else:
        targets, splits = splits_of(data, store.task, settings)
        more = (store.task, data.train, splits, data.pool, store.progress, store.folder)
        scores = [out_of_fold_scores(store.backbone, spec, *more) for spec in specs]
        ensemble = weighed(uniform, weighting, accuracies, scores, targets)
    match config.temper:
        case "folds":
            temperature = _fitted(store.folder, store.task, ensemble(scores), targets)
        case "agreement" if pool_scored and len(specs) > 1:
            temperature = _agreed(store, ensemble, [spec.name for spec in specs])
        case chosen:
            if chosen == "agreement":
                log.info(
                    "probabilities stay as they are: --temper agreement compares two or more "
                    "members on unlabelled text"
                )
            temperature = 1.0
    return replace(ensemble, temperature=temperature)


def learns_from_folds(settings: Settings, members: int, data: Data) -> bool:
    """Whether so many members are combined by scores of labelled examples they did not see."""
    config = settings.ensemble
    learned = config.weighting in ("learned", "tempered") and members > 1 and bool(data.train)
    return learned or config.temper == "folds"


def _common_scale(
    specs: Sequence[MemberSpec], results: Sequence[MemberResult]
) -> tuple[float, ...]:
    """Temperatures that give members which score labels in several ways the same spread.

    So their mean is one of z-scores (ProtoVerb, section 3), times the mean spread, which keeps
    probabilities as sharp as they were. All are 1 where every member reads labels alike: from the
    same readout, and from their words or from yes and no.
    """
    spreads = [result.spread or 0.0 for result in results]
    ways = {(spec.readout, spec.pvp.pattern.asks_each_label) for spec in specs}
    if len(ways) == 1 or min(spreads) <= 0:
        return (1.0,) * len(specs)
    return tuple((np.array(spreads) / np.mean(spreads)).tolist())


def splits_of(data: Data, task: Task, settings: Settings) -> tuple[NDArray[np.int64], list[Split]]:
    """Labels of the labelled examples as numbers, and their folds.

    Raises
    ------
    DataError
        When there are too few examples of some label.
    """
    if not data.train:
        raise DataError("Probabilities are calibrated on labelled examples.", "Give --train FILE.")
    targets = targets_of(task, [example.label for example in data.train])
    return targets, stratified_splits(targets, settings.ensemble.folds, settings.seed)


def _agreed(store: MemberStore, ensemble: Ensemble, names: Sequence[str]) -> float:
    """Find the temperature under which the ensemble is as sure as its members agree."""
    step = max(1, len(store.data.pool or ()) // _COMPARED)
    chunks = [[own[:, ::step] for own in part] for part in pool_scores(store.folder, names)]
    scores = [np.concatenate(own, axis=1) for own in zip(*chunks, strict=True)]
    kind = task_kind(store.task)
    votes = kind.decisions(ensemble.member_scores(scores))
    agreement, count = pairwise_agreement(votes), votes.shape[1]
    # A rule of succession: members that never disagreed on a few texts still may.
    confidence = (agreement * count + 1) / (count + 2)
    temperature = confident_temperature(kind.decisions(ensemble(scores)), confidence)
    figures = {"temperature": temperature, "decisions": count, "agreement": agreement}
    store.folder.write_json(store.folder.temperature, figures)
    log.info("temperature %.2f: members agree on %.1f %%", temperature, 100 * agreement)
    return temperature


def _fitted(folder: RunFolder, task: Task, scores: Scores, targets: NDArray[np.int64]) -> float:
    kind = task_kind(task)
    decisions, outcomes = kind.decisions(scores), kind.outcomes(targets)
    temperature = fit_temperature(decisions, outcomes)
    before, after = (
        calibration_error(softmax(decisions / t, axis=1), outcomes) for t in (1.0, temperature)
    )
    figures = {"temperature": temperature, "examples": len(targets)}
    folder.write_json(folder.temperature, {**figures, "ece_before": before, "ece_after": after})
    log.info("temperature %.2f: calibration error %.3f, was %.3f", temperature, after, before)
    return temperature
