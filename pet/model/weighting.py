"""Weights of members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from pet.errors import UsageError
from pet.model.ensemble import Ensemble
from pet.model.temperature import fit_temperature
from pet.task.kinds import KINDS, Kind
from pet.types import Scores


def accuracy_weights(accuracies: Sequence[float | None]) -> tuple[float, ...]:
    """Weights from each member's accuracy on the labelled examples before training.

    Source: PET, section 3.2. Uniform where an accuracy is unknown or all are zero.
    """
    known = [accuracy or 0.0 for accuracy in accuracies]
    return tuple(known) if None not in accuracies and sum(known) > 0 else (1.0,) * len(known)


def learn_weights(
    member_scores: Scores,
    targets: NDArray[np.int64],
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
        Labels, as the kind of task has them.
    pull : float
        Strength of the pull to uniform weights and temperature 1.
    kind : Kind
        Of the task.

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
    found = free.detach()
    return tuple(found[0].softmax(0).tolist()), tuple(found[1].exp().tolist())


def weighed(
    ensemble: Ensemble,
    weighting: str,
    accuracies: Sequence[float | None],
    scores: Sequence[Scores] = (),
    targets: NDArray[np.int64] | None = None,
) -> Ensemble:
    """Give a uniform ensemble the weights that a `pet.config.Weighting` means.

    Temperatures that it has already bring members to one scale; what is learned comes on top.

    Parameters
    ----------
    ensemble : Ensemble
        With the combiners that it is to have.
    weighting : str
        Its name.
    accuracies : sequence of float or None
        Of every member on the labelled examples before training.
    scores : sequence of array (V, N, C)
        Out-of-fold scores of every member; for "learned" and "tempered" only.
    targets : array (N,) or (N, C)
        Labels of the same examples, as the kind of task has them.
    """
    if weighting == "accuracy":
        return replace(ensemble, weights=accuracy_weights(accuracies))
    if weighting == "uniform":
        return ensemble
    if targets is None:
        raise UsageError(f"Weighting {weighting!r} needs out-of-fold scores.")
    kind, members = KINDS[ensemble.kind], ensemble.member_scores(scores)
    if weighting == "learned":
        weights, own = learn_weights(members, targets, kind=kind)
    else:
        weights, outcomes = ensemble.weights, kind.outcomes(targets)
        own = tuple(fit_temperature(kind.decisions(part), outcomes) for part in members)
    both = tuple(np.multiply(ensemble.temperatures, own).tolist())
    return replace(ensemble, weights=weights, temperatures=both)
