"""Temperatures that make a run's probabilities honest, found by agreement or on held-out examples.

What costs nothing is to make the ensemble as sure as two members agree on unlabelled text: where
members differ enough, they disagree about as often as each of them errs (Jiang et al. 2022).
Members that learned from the same few examples also err together, so this is a mild correction.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.special import softmax

from pet.model import Ensemble
from pet.model.ensemble import pairwise_agreement
from pet.model.reliability import calibration_error
from pet.model.temperature import confident_temperature, fit_temperature
from pet.runs import RunFolder
from pet.task.kinds import KINDS, Kind
from pet.types import Ints, Scores

log = logging.getLogger(__name__)

_COMPARED = 2000  # unlabelled texts: more tell agreement no better


def temperature_of_agreement(
    ensemble: Ensemble, chunks: Iterable[Sequence[Scores]], texts: int, folder: RunFolder
) -> float:
    """Find the temperature under which the ensemble is as sure as its members agree.

    Parameters
    ----------
    ensemble : Ensemble
        Of two or more members.
    chunks : iterable of sequence of array (V, n, C)
        The members' scores of the unlabelled texts, chunk by chunk.
    texts : int
        How many texts there are; some 2,000 of them are compared.
    folder : RunFolder
        Where the figures are written.
    """
    step = max(1, texts // _COMPARED)
    sampled = [[scores[:, ::step] for scores in chunk] for chunk in chunks]
    member_scores = [np.concatenate(parts, axis=1) for parts in zip(*sampled, strict=True)]
    kind = KINDS[ensemble.kind]
    votes = kind.decisions(ensemble.member_scores(member_scores))
    agreement, count = pairwise_agreement(votes), votes.shape[1]
    # A rule of succession: members that never disagreed on a few texts still may.
    confidence = (agreement * count + 1) / (count + 2)
    temperature = confident_temperature(kind.decisions(ensemble(member_scores)), confidence)
    figures = {"temperature": temperature, "decisions": count, "agreement": agreement}
    folder.write_json(folder.temperature, figures)
    log.info("temperature %.2f: members agree on %.1f %%", temperature, 100 * agreement)
    return temperature


def temperature_of_folds(kind: Kind, scores: Scores, targets: Ints, folder: RunFolder) -> float:
    """Find the temperature that fits scores of labelled examples which were held out.

    Parameters
    ----------
    kind : Kind
        Of the task.
    scores : array (N, C)
        Of examples that nothing was trained on which scored them.
    targets : array (N,) or (N, C)
        Their labels, as the kind of task has them.
    folder : RunFolder
        Where the figures are written.
    """
    decisions, outcomes = kind.decisions(scores), kind.outcomes(targets)
    temperature = fit_temperature(decisions, outcomes)
    before, after = (
        calibration_error(softmax(decisions / t, axis=1), outcomes) for t in (1.0, temperature)
    )
    figures = {"temperature": temperature, "examples": len(targets)}
    folder.write_json(folder.temperature, {**figures, "ece_before": before, "ece_after": after})
    log.info("temperature %.2f: calibration error %.3f, was %.3f", temperature, after, before)
    return temperature
