"""Choice of the next texts: those most useful by a measure of `pet suggest`, no two alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pet.errors import UsageError
from pet.search.panel import Judgement
from pet.search.suggestion import MEASURES, spread_out
from pet.types import Ints

# Texts that are chosen at a time: more than people label before the next model is there.
AHEAD = 16
_NEEDS_MEMBERS = ("votes", "disagreement")


def next_texts(
    judgement: Judgement,
    vectors: NDArray[np.floating],
    free: NDArray[np.bool_],
    by: str,
    candidates: int,
    seed: int,
    ahead: int = AHEAD,
) -> Ints:
    """Return rows of texts in the order in which they are to be labelled.

    First come ``ahead`` texts that are unlike: of ``ahead * candidates`` texts of the highest
    values, one of each cluster (Zhdanov 2019). The other candidates follow by their values.

    Parameters
    ----------
    judgement : Judgement
        Of N texts.
    vectors : array (N, H)
        Vectors of the texts.
    free : array of bool (N,)
        Texts that may be chosen.
    by : str
        Name in `MEASURES`.
    candidates : int
        Candidates for each text; 1 takes the best of all.
    seed : int
        Random seed of the clusters.

    Raises
    ------
    UsageError
        When the measure compares members and there is one alone.
    """
    if by in _NEEDS_MEMBERS and len(judgement.weights) < 2:
        raise UsageError(
            f"Measure {by!r} compares members; here is one alone.", "Use `--by entropy`."
        )
    values = MEASURES[by](judgement)
    rows = np.flatnonzero(free)
    rows = rows[np.argsort(-values[rows], kind="stable")][: ahead * candidates]
    if len(rows) <= ahead or candidates == 1:
        return rows
    chosen = spread_out(np.asarray(vectors[rows], np.float32), values[rows], ahead, seed)
    others = np.setdiff1d(np.arange(len(rows)), chosen)
    ordered: Ints = rows[np.concatenate([chosen, others])]
    return ordered
