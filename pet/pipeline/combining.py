"""Weights of a run's members: alike, from their accuracies, or learned on held-out examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pet.config import EnsembleConfig
from pet.members import MemberResult, MemberSpec
from pet.members.folds import HeldOut
from pet.model import Ensemble
from pet.model.weighting import weighed


def learns_weights(config: EnsembleConfig, members: int, labelled: int) -> bool:
    """Whether so many members are weighed by scores of labelled examples they did not see."""
    return config.weighting in ("learned", "tempered") and members > 1 and labelled > 0


def combined(
    config: EnsembleConfig,
    kind: str,
    specs: Sequence[MemberSpec],
    results: Sequence[MemberResult],
    held_out: HeldOut | None = None,
) -> Ensemble:
    """Combine members with the weights that the configuration means.

    Parameters
    ----------
    config : EnsembleConfig
        Combiners and weighting.
    kind : str
        Of the task.
    specs, results
        The members, trained.
    held_out : HeldOut, optional
        Scores of labelled examples, where `learns_weights` needs them.

    Returns
    -------
    Ensemble
        With temperature 1.
    """
    uniform = Ensemble(
        (1.0,) * len(specs),
        _common_scale(specs, results),
        config.combine_verbalizers,
        config.combine_members,
        kind=kind,
    )
    accuracies = [result.accuracy_before for result in results]
    if config.weighting == "accuracy":
        return weighed(uniform, "accuracy", accuracies)
    if held_out is None or not learns_weights(config, len(specs), len(held_out.targets)):
        return uniform
    return weighed(uniform, config.weighting, accuracies, held_out.scores, held_out.targets)


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
