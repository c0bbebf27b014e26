"""The ensembling layers: label scores (members, verbalizers, N, C) become (N, C), axis by axis.

Combiners see decisions among alternatives (K, D, A), as the kind of task lays scores out.
Members may have different numbers of verbalizers, so the array is a list of (V, N, C) arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from pet.errors import UsageError, did_you_mean
from pet.kinds import KINDS, Kind
from pet.scoring import Scores
from pet.temperature import fit_temperature

Weights = NDArray[np.float64]


def mean_logits(scores: Scores, weights: Weights) -> Scores:
    """Weighted mean of raw scores, PET's own: (K, D, A) and (K,) -> (D, A)."""
    return _weighted(scores, weights)


def mean_probabilities(scores: Scores, weights: Weights) -> Scores:
    """Logarithm of the weighted mean of probabilities: a mixture of the members."""
    mixed = _weighted(softmax(scores, axis=2), weights)
    return _log(mixed)


def mean_log_probabilities(scores: Scores, weights: Weights) -> Scores:
    """Weighted mean of log-probabilities: a product of the members."""
    return _weighted(log_softmax(scores, axis=2), weights)


def majority_vote(scores: Scores, weights: Weights) -> Scores:
    """Logarithm of the weighted share of votes; the mean probability breaks ties."""
    ballots = np.eye(scores.shape[2])[scores.argmax(axis=2)]
    shares = _weighted(ballots, weights)
    mixed = _weighted(softmax(scores, axis=2), weights)
    return _log(0.99 * shares + 0.01 * mixed)


def _weighted(scores: Scores, weights: Weights) -> Scores:
    return cast(Scores, np.einsum("k,knc->nc", weights, scores))


def _log(shares: Scores) -> Scores:
    return cast(Scores, np.log(np.maximum(shares, 1e-12)))


COMBINERS: dict[str, Callable[[Scores, Weights], Scores]] = {
    "logits": mean_logits,
    "probabilities": mean_probabilities,
    "log-probabilities": mean_log_probabilities,
    "vote": majority_vote,
}


@dataclass(frozen=True)
class Ensemble:
    """How the verbalizers of a member, and then the members, are combined.

    Parameters
    ----------
    weights : sequence of float
        One a member, not negative; they are normalised.
    temperatures : sequence of float
        One a member; its scores are divided by it.
    combine_verbalizers, combine_members : str
        Names in `COMBINERS`.
    temperature : float
        What comes out is divided by it, so that its probabilities are honest; it changes no label.
    kind : str
        Of the task, a name in `pet.kinds.KINDS`.
    """

    weights: tuple[float, ...]
    temperatures: tuple[float, ...]
    combine_verbalizers: str = "logits"
    combine_members: str = "logits"
    temperature: float = 1.0
    kind: str = "single"

    def __post_init__(self) -> None:
        for name in (self.combine_verbalizers, self.combine_members):
            if name not in COMBINERS:
                raise UsageError(f"Unknown combiner {name!r}.", did_you_mean(name, COMBINERS))
        if len(self.weights) != len(self.temperatures):
            raise UsageError("An ensemble needs one weight and one temperature a member.")
        if not (
            np.isfinite([*self.weights, *self.temperatures, self.temperature]).all()
            and min(self.weights, default=-1) >= 0
            and sum(self.weights) > 0
            and min(*self.temperatures, self.temperature) > 0
        ):
            raise UsageError(
                f"Ensemble weights must not be negative nor all zero, and temperatures positive; "
                f"found {self.weights}, {self.temperatures} and {self.temperature}."
            )

    @classmethod
    def uniform(cls, members: int, **how: Any) -> Ensemble:
        """Every member counts the same."""
        return cls((1.0,) * members, (1.0,) * members, **how)

    def member_scores(self, scores: Sequence[Scores]) -> Scores:
        """Combine each member's verbalizers: a list of (V, N, C) -> (members, N, C)."""
        return np.stack(
            [
                self._combined(self.combine_verbalizers, part, np.full(len(part), 1 / len(part)))
                / temperature
                for part, temperature in zip(scores, self.temperatures, strict=True)
            ]
        ).astype(np.float32)

    def __call__(self, scores: Sequence[Scores]) -> Scores:
        """Combine everything: a list of (V, N, C) -> (N, C)."""
        weights = np.asarray(self.weights) / sum(self.weights)
        members = self.member_scores(scores)
        combined = self._combined(self.combine_members, members, weights)
        return (combined / self.temperature).astype(np.float32)

    def _combined(self, how: str, scores: Scores, weights: Weights) -> Scores:
        """Combine the first axis: (K, N, C) -> (N, C)."""
        kind = KINDS[self.kind]
        combined = COMBINERS[how](kind.decisions(scores), weights)
        return kind.scores(combined, scores.shape[2])


def pairwise_agreement(decisions: NDArray[Any]) -> float:
    """Share of pairs of members that choose the same alternative, from scores (members, D, A)."""
    members, _, alternatives = decisions.shape
    votes = np.eye(alternatives)[decisions.argmax(axis=2)].sum(axis=0)
    return float((votes * (votes - 1)).sum(axis=1).mean() / (members * (members - 1)))


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


def ensemble_to_dict(ensemble: Ensemble, names: Sequence[str]) -> Mapping[str, Any]:
    """Plain JSON values, with the members' names beside their weights."""
    return {
        "members": list(names),
        "weights": list(ensemble.weights),
        "temperatures": list(ensemble.temperatures),
        "combine_verbalizers": ensemble.combine_verbalizers,
        "combine_members": ensemble.combine_members,
        "temperature": ensemble.temperature,
        "kind": ensemble.kind,
    }


def ensemble_from_dict(plain: Mapping[str, Any]) -> Ensemble:
    """Read `ensemble_to_dict`."""
    return Ensemble(
        tuple(plain["weights"]),
        tuple(plain["temperatures"]),
        plain["combine_verbalizers"],
        plain["combine_members"],
        plain.get("temperature", 1.0),
        plain.get("kind", "single"),
    )
