"""Temperatures that calibrate a run's probabilities, by agreement or on held-out examples.

By agreement, the ensemble's confidence becomes the share of pairs of members that agree on
unlabelled text, which costs nothing: members that differ enough disagree about as often as each of
them errs (Jiang et al. 2022). Members that learned from the same few examples also err together,
so this is a mild correction.
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

_COMPARED = 2000  # unlabelled texts; more do not measure agreement better


def temperature_of_agreement(
    ensemble: Ensemble, chunks: Iterable[Sequence[Scores]], texts: int, folder: RunFolder
) -> float:
    """Find the temperature at which the ensemble is as confident as its members agree.

    Parameters
    ----------
    ensemble : Ensemble
        Ensemble of two or more members.
    chunks : iterable of sequence of array (V, n, C)
        The members' scores of the unlabelled texts, chunk by chunk.
    texts : int
        Number of texts, of which some 2,000 are compared.
    folder : RunFolder
        Keeps the figures.
    """
    step = max(1, texts // _COMPARED)
    # Copies: views of a few rows would keep all scores in memory.
    sampled = [[scores[:, ::step].copy() for scores in chunk] for chunk in chunks]
    member_scores = [np.concatenate(chunks, axis=1) for chunks in zip(*sampled, strict=True)]
    kind = KINDS[ensemble.kind]
    votes = kind.decisions(ensemble.member_scores(member_scores))
    agreement, count = pairwise_agreement(votes), votes.shape[1]
    # Rule of succession: members that never disagreed on a few texts may disagree on others.
    confidence = (agreement * count + 1) / (count + 2)
    temperature = confident_temperature(kind.decisions(ensemble(member_scores)), confidence)
    figures = {"temperature": temperature, "decisions": count, "agreement": agreement}
    folder.write_json(folder.temperature, figures)
    log.info("temperature %.2f: members agree on %.1f %%", temperature, 100 * agreement)
    return temperature


def temperature_of_folds(kind: Kind, scores: Scores, targets: Ints, folder: RunFolder) -> float:
    """Fit the temperature to scores of held-out labelled examples.

    Parameters
    ----------
    kind : Kind
        Kind of the task.
    scores : array (N, C)
        Scores by models that were not trained on these examples.
    targets : array (N,) or (N, C)
        Labels of the examples, in the form of the kind of task.
    folder : RunFolder
        Keeps the figures.
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
