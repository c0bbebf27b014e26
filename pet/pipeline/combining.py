"""Weights of a run's members: uniform, from accuracies, or learned on held-out examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from pet.config import EnsembleConfig
from pet.members import MemberResult, MemberSpec
from pet.members.folds import HeldOut
from pet.model import Ensemble
from pet.model.weighting import weighed


def learns_weights(config: EnsembleConfig, members: int, labelled: int) -> bool:
    """Whether weights are learned, which takes scores of examples that members did not see."""
    return config.weighting in ("learned", "tempered") and members > 1 and labelled > 0


def needs_folds(config: EnsembleConfig, members: int, labelled: int) -> bool:
    """Whether labelled examples are scored by members that did not see them."""
    return config.temper == "folds" or learns_weights(config, members, labelled)


def combined(
    config: EnsembleConfig,
    kind: str,
    specs: Sequence[MemberSpec],
    results: Sequence[MemberResult],
    held_out: HeldOut | None = None,
) -> Ensemble:
    """Combine members into an ensemble with temperature 1.

    Parameters
    ----------
    config : EnsembleConfig
        Combiners and weighting.
    kind : str
        Kind of the task.
    specs, results
        Specs and results of the members.
    held_out : HeldOut, optional
        Scores of held-out examples, if `learns_weights`.
    """
    plain = uniform(config, kind, specs, results)
    accuracies = [result.accuracy_before for result in results]
    if config.weighting == "accuracy":
        return weighed(plain, "accuracy", accuracies)
    if held_out is None or not learns_weights(config, len(specs), len(held_out.targets)):
        return plain
    return weighed(plain, config.weighting, accuracies, held_out.scores, held_out.targets)


def uniform(
    config: EnsembleConfig,
    kind: str,
    specs: Sequence[MemberSpec],
    results: Sequence[MemberResult],
) -> Ensemble:
    """Combine members on one scale, every kind of member with the same weight.

    For parameters see `combined`; the setting ``weighting`` is not read.
    """
    return Ensemble(
        _shares(specs),
        _common_scale(specs, results),
        config.combine_verbalizers,
        config.combine_members,
        kind=kind,
    )


def _shares(specs: Sequence[MemberSpec]) -> tuple[float, ...]:
    """Return weights that sum to 1 for each kind of member, shared equally among its members."""
    counts = Counter(spec.kind for spec in specs)
    return tuple(1.0 if len(counts) == 1 else 1 / counts[spec.kind] for spec in specs)


def _common_scale(
    specs: Sequence[MemberSpec], results: Sequence[MemberResult]
) -> tuple[float, ...]:
    """Return temperatures that bring the scores of different readouts to the same spread.

    The mean is then one of z-scores (ProtoVerb, section 3) times the mean spread, which keeps
    probabilities as sharp as before. All are 1 if every member reads labels in the same way: by the
    same readout, and all from label words or all from yes and no.
    """
    spreads = [result.spread or 0.0 for result in results]
    if len({spec.way for spec in specs}) == 1 or min(spreads) <= 0:
        return (1.0,) * len(specs)
    return tuple((np.array(spreads) / np.mean(spreads)).tolist())
