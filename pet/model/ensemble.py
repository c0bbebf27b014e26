"""The ensemble: label scores of K members, each (V, N, C), are combined to (N, C).

First the V verbalizers of each member are combined, then the members. Combiners read scores as
decisions among alternatives (K, D, A), in the form of the kind of task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pet.errors import UsageError, did_you_mean
from pet.model.combiners import COMBINERS, Weights
from pet.task.kinds import KINDS
from pet.types import Floats, Scores


@dataclass(frozen=True)
class Ensemble:
    """Weights, temperatures and combiners of members.

    Parameters
    ----------
    weights : sequence of float
        One for each member, not negative; they are normalised.
    temperatures : sequence of float
        One for each member, whose scores are divided by it.
    combine_verbalizers, combine_members : str
        Names in `COMBINERS`.
    temperature : float
        Divides the combined scores, which calibrates their probabilities; it changes no label.
    kind : str
        Kind of the task, a name in `pet.task.kinds.KINDS`.
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
    def uniform(cls, members: int, **more: Any) -> Ensemble:
        """Make an ensemble of members with equal weights; ``more`` are other parameters."""
        return cls((1.0,) * members, (1.0,) * members, **more)

    def member_scores(self, scores: Sequence[Scores]) -> Scores:
        """Combine each member's verbalizers: a list of (V, N, C) -> (members, N, C)."""
        return np.stack(
            [
                self._combined(self.combine_verbalizers, one, np.full(len(one), 1 / len(one)))
                / temperature
                for one, temperature in zip(scores, self.temperatures, strict=True)
            ]
        ).astype(np.float32)

    def __call__(self, scores: Sequence[Scores]) -> Scores:
        """Combine verbalizers, then members: a list of (V, N, C) -> (N, C)."""
        weights = np.asarray(self.weights) / sum(self.weights)
        members = self.member_scores(scores)
        combined = self._combined(self.combine_members, members, weights)
        return (combined / self.temperature).astype(np.float32)

    def _combined(self, combiner: str, scores: Scores, weights: Weights) -> Scores:
        """Combine the first axis: (K, N, C) -> (N, C)."""
        kind = KINDS[self.kind]
        combined = COMBINERS[combiner](kind.decisions(scores), weights)
        return kind.scores(combined, scores.shape[2])


def pairwise_agreement(decisions: Floats) -> float:
    """Return the share of pairs of members that agree, from scores (K, D, A) of decisions."""
    members, _, alternatives = decisions.shape
    votes = np.eye(alternatives)[decisions.argmax(axis=2)].sum(axis=0)
    return float((votes * (votes - 1)).sum(axis=1).mean() / (members * (members - 1)))


def agreements(chunks: Iterable[Sequence[Scores]], ensemble: Ensemble) -> Floats:
    """Return each member's share of decisions that are those of the ensemble, (members,).

    ``chunks`` are the members' scores of the same texts, (V, n, C) each.
    """
    kind, same, count = KINDS[ensemble.kind], np.zeros(len(ensemble.weights)), 0
    for chunk in chunks:
        together = kind.decisions(ensemble(chunk)).argmax(axis=1)
        votes = kind.decisions(ensemble.member_scores(chunk)).argmax(axis=2)
        same += (votes == together).sum(axis=1)
        count += len(together)
    return same / count


def ensemble_to_dict(ensemble: Ensemble, names: Sequence[str]) -> Mapping[str, Any]:
    """Return JSON values, with the members' names beside their weights."""
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
    """Rebuild from `ensemble_to_dict`."""
    return Ensemble(
        tuple(plain["weights"]),
        tuple(plain["temperatures"]),
        plain["combine_verbalizers"],
        plain["combine_members"],
        plain.get("temperature", 1.0),
        plain.get("kind", "single"),
    )
