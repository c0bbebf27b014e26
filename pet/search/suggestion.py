"""Suggestion: unlabelled texts worth labelling next, uncertain ones and no two alike."""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr, rel_entr
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from pet.config import SuggestConfig
from pet.data import Example, Pool
from pet.errors import UsageError
from pet.model.prediction import Prediction, predictions_from
from pet.progress import Progress, silent
from pet.registry import Registry
from pet.search.panel import Judgement, Panel
from pet.task.kinds import Kind, task_kind
from pet.task.labels import Label

Values = NDArray[np.float64]

# There are few votes, so many texts tie: ties are ordered by the members' disagreement.
_TIE = 1e-6


def entropy(seen: Judgement) -> Values:
    """Return the entropy of the ensemble's probabilities, in nats: (n,)."""
    return np.asarray(entr(seen.together).sum(axis=1))


def margin(seen: Judgement) -> Values:
    """Return 1 less the gap between the two most likely labels: (n,)."""
    best = np.sort(seen.together, axis=1)
    return np.asarray(1 - best[:, -1] + best[:, -2])


def confidence(seen: Judgement) -> Values:
    """Return 1 less the probability of the most likely label: (n,)."""
    return np.asarray(1 - seen.together.max(axis=1))


def votes(seen: Judgement) -> Values:
    """Return the entropy of the members' votes, in nats: (n,).

    Source: Dagan & Engelson 1995; for PET, Zeng & Zubiaga 2023 (ActivePETs).
    """
    ballots = np.eye(seen.members.shape[2])[seen.members.argmax(axis=2)]
    shares = np.einsum("m,mnc->nc", seen.weights, ballots)
    return np.asarray(entr(shares).sum(axis=1) + _TIE * disagreement(seen))


def disagreement(seen: Judgement) -> Values:
    """Return the mean KL divergence of the members from their mixture, in nats: (n,).

    Source: McCallum & Nigam 1998.
    """
    mixture = np.einsum("m,mnc->nc", seen.weights, seen.members)
    return np.asarray(seen.weights @ rel_entr(seen.members, mixture).sum(axis=2))


MEASURES: Registry[Callable[[Judgement], Values]] = Registry(
    "measures",
    "measure",
    {
        "entropy": entropy,
        "margin": margin,
        "confidence": confidence,
        "votes": votes,
        "disagreement": disagreement,
    },
    arguments=("judgement",),
)
_NEEDS_MEMBERS = ("votes", "disagreement")


@dataclass(frozen=True)
class Suggestion:
    """A text worth labelling, the measure's value, and the panel's prediction.

    The measure's values of a text's decisions are summed: in a multi-label task there is one about
    each label.
    """

    example: Example
    value: float
    prediction: Prediction

    @property
    def probabilities(self) -> Mapping[str, float]:
        """The panel's probabilities, by label."""
        return self.prediction.probabilities

    @property
    def guess(self) -> Label:
        """The most likely label; in multi-label tasks all that are likely."""
        assert self.prediction.label is not None
        return self.prediction.label


def suggest(
    panel: Panel,
    pool: Pool,
    number: int,
    config: SuggestConfig,
    seed: int,
    known: Iterable[Example] = (),
    progress: Progress = silent,
) -> list[Suggestion]:
    """Choose the unlabelled texts that are worth labelling next, the best first.

    The pool is streamed; only ``number * candidates`` texts are held. They are clustered by their
    embeddings, weighted by their values, and the text nearest to each cluster's centre is chosen.
    Source: Zhdanov 2019 (1901.05954).

    Parameters
    ----------
    panel : Panel
        The models that judge.
    pool : Pool
        Unlabelled text; of equal texts one is suggested.
    number : int
        Most texts wanted.
    config : SuggestConfig
        The measure, and how many candidates there are for each suggestion.
    seed : int
        Random seed of the clusters.
    known : iterable of Example
        Texts that are labelled already.
    progress : callable
        Called at every stage; see `pet.progress`.

    Raises
    ------
    UsageError
        When the measure compares members and the panel has only one.
    """
    if config.by in _NEEDS_MEMBERS and panel.size < 2:
        raise UsageError(
            f"Measure {config.by!r} compares members; this model has one alone.",
            "Use `--by entropy`, or a run of several patterns.",
        )
    best = _candidates(panel, pool, number * config.candidates, config.by, known, progress)
    if len(best) <= number or config.candidates == 1:
        return best[:number]
    vectors = panel.embed([suggestion.example.texts for suggestion in best])
    values = np.array([suggestion.value for suggestion in best])
    return [best[row] for row in spread_out(vectors, values, number, seed)]


def spread_out(vectors: NDArray[np.float32], values: Values, number: int, seed: int) -> list[int]:
    """Choose rows that represent all rows, no two alike; return their indices in order.

    Parameters
    ----------
    vectors : array (N, H)
        Embeddings of the texts.
    values : array (N,)
        Weights of the rows in their clusters' centres; not negative.
    number : int
        Number of rows to choose; less than N.
    seed : int
        Random seed of the clusters' first centres.
    """
    points = StandardScaler().fit_transform(vectors.astype(np.float64))
    clusters = KMeans(number, n_init=4, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different points than clusters
        cluster = clusters.fit_predict(points, sample_weight=np.maximum(values, 0) + 1e-9)
    gaps = np.linalg.norm(points - clusters.cluster_centers_[cluster], axis=1)
    nearest = np.lexsort((-values, gaps, cluster))
    chosen = nearest[np.unique(cluster[nearest], return_index=True)[1]].tolist()
    taken = set(chosen)
    rest = [row for row in np.argsort(-values, kind="stable").tolist() if row not in taken]
    return sorted([*chosen, *rest[: number - len(chosen)]])


def _by_decision(seen: Judgement, kind: Kind) -> Judgement:
    """Return the judgement of each decision: one a text, or yes and no about each of its labels."""
    members = np.stack([kind.shares(probabilities) for probabilities in seen.members])
    return Judgement(members, seen.weights, kind.shares(seen.together))


def _candidates(
    panel: Panel, pool: Pool, size: int, by: str, known: Iterable[Example], progress: Progress
) -> list[Suggestion]:
    """Return the ``size`` texts of the highest values, best first; ties in the pool's order."""
    kind, measure = task_kind(panel.task), MEASURES[by]
    seen = {example.key for example in known}
    heap: list[tuple[float, int, Suggestion]] = []
    start = 0
    for chunk, judgement in panel.judge(pool, progress):
        # The values of a text's decisions are summed.
        values = measure(_by_decision(judgement, kind)).reshape(len(chunk), -1).sum(axis=1)
        for row in np.argsort(-values, kind="stable").tolist():
            value = float(values[row])
            if len(heap) == size and value <= heap[0][0]:
                break
            if chunk[row].key in seen:
                continue
            (prediction,) = predictions_from(panel.task, judgement.together[row : row + 1])
            entry = (value, -start - row, Suggestion(chunk[row], value, prediction))
            seen.add(chunk[row].key)
            if len(heap) < size:
                heapq.heappush(heap, entry)
            else:
                seen.discard(heapq.heappushpop(heap, entry)[2].example.key)
        start += len(chunk)
    return [entry[2] for entry in sorted(heap, reverse=True)]
