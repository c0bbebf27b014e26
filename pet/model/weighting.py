"""Weights of members in an ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from pet.errors import UsageError
from pet.model.ensemble import Ensemble
from pet.model.temperature import fit_temperature
from pet.task.kinds import KINDS, Kind
from pet.types import Ints, Scores


def accuracy_weights(accuracies: Sequence[float | None]) -> tuple[float, ...]:
    """Return the members' accuracies on the labelled examples before training, as weights.

    Source: PET, section 3.2. Uniform if an accuracy is unknown or all are zero.
    """
    known = [accuracy or 0.0 for accuracy in accuracies]
    return tuple(known) if None not in accuracies and sum(known) > 0 else (1.0,) * len(known)


def learn_weights(
    member_scores: Scores,
    targets: Ints,
    pull: float = 10.0,
    kind: Kind = KINDS["single"],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Learn member weights and temperatures on out-of-fold scores, pulled to uniform.

    Minimises ``sum_n CE(softmax(sum_m w_m s_mn / t_m), y_n) + pull (|a|^2 + |b|^2)`` where
    w = softmax(a) and t = exp(b): a Gaussian prior, so nearly uniform with few examples.

    Parameters
    ----------
    member_scores : array (members, N, C)
        Scores of examples that the members were not trained on.
    targets : array (N,) or (N, C)
        Labels, in the form of the kind of task.
    pull : float
        Strength of the pull to uniform weights and temperature 1.
    kind : Kind
        Kind of the task.

    Returns
    -------
    tuple
        Weights that sum to 1, and temperatures.
    """
    scores = torch.from_numpy(np.asarray(member_scores, dtype=np.float64))
    labels = torch.from_numpy(kind.outcomes(targets))
    free = torch.zeros(2, len(scores), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([free], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        mixed = torch.einsum("m,mnc->nc", free[0].softmax(0) / free[1].exp(), scores)
        misfit = torch.nn.functional.cross_entropy(kind.decisions(mixed), labels)
        loss = misfit + pull / len(targets) * free.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    learned = free.detach()
    return tuple(learned[0].softmax(0).tolist()), tuple(learned[1].exp().tolist())


def weighed(
    ensemble: Ensemble,
    weighting: str,
    accuracies: Sequence[float | None],
    scores: Sequence[Scores] = (),
    targets: Ints | None = None,
) -> Ensemble:
    """Weight the members of a uniform ensemble.

    Its temperatures bring members to one scale; learned temperatures multiply them.

    Parameters
    ----------
    ensemble : Ensemble
        A uniform ensemble.
    weighting : str
        A `pet.config.Weighting`.
    accuracies : sequence of float or None
        Accuracies of the members on the labelled examples before training.
    scores : sequence of array (V, N, C)
        Out-of-fold scores of every member; for "learned" and "tempered" only.
    targets : array (N,) or (N, C)
        Labels of the same examples, in the form of the kind of task.

    Raises
    ------
    UsageError
        When out-of-fold scores are needed and missing.
    """
    if weighting == "accuracy":
        return replace(ensemble, weights=accuracy_weights(accuracies))
    if weighting == "uniform":
        return ensemble
    if targets is None:
        raise UsageError(f"Weighting {weighting!r} needs out-of-fold scores.")
    kind, members = KINDS[ensemble.kind], ensemble.member_scores(scores)
    if weighting == "learned":
        weights, learned = learn_weights(members, targets, kind=kind)
    else:
        weights, outcomes = ensemble.weights, kind.outcomes(targets)
        learned = tuple(fit_temperature(kind.decisions(member), outcomes) for member in members)
    temperatures = tuple(np.multiply(ensemble.temperatures, learned).tolist())
    return replace(ensemble, weights=weights, temperatures=temperatures)
