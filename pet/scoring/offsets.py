"""Offsets: a PVP's mean scores of labels, to be subtracted from its scores (calibration).

A masked LM prefers some label words whatever the text. The mean score of every label over
unlabelled text, or over inputs without content, measures that preference (contextual calibration,
Zhao 2021). Subtracting it divides the labels' probabilities by the geometric mean of those of the
sample; softmax over the labels normalises them again.
"""

from __future__ import annotations

import numpy as np

from pet.config import OffsetsSource
from pet.data import Pool
from pet.encoding import Chunk
from pet.scoring.base import Scorer
from pet.scoring.scorer import PVPScorer
from pet.seeds import MemberStream, derived_seed
from pet.task import Task
from pet.task.kinds import KINDS, Kind, task_kind
from pet.types import Fields, Ints, Offsets, Scores

SAMPLE = 512


def find_offsets(
    source: OffsetsSource,
    scorer: Scorer,
    seed: int,
    sample: Pool | None = None,
    labelled: tuple[Scores, Ints] | None = None,
    kind: Kind = KINDS["single"],
) -> Offsets | None:
    """Find the offsets of a member, (V, C); None if its scores stay as they are.

    Parameters
    ----------
    source : {"labelled", "prior", "none"}
        `balanced` over labelled examples, `prior` over unlabelled text, or none.
    scorer : Scorer
        The member's scorer, without offsets; the backbone holds the member's weights. Only a
        pattern's label words have a prior.
    seed : int
        Seed of the member.
    sample : Pool, optional
        Unlabelled text; see `sample_for`.
    labelled : tuple of array (V, N, C) and array (N,) or (N, C), optional
        The scorer's scores of labelled examples and their targets. Without any, "labelled" finds
        no offsets.
    kind : Kind
        Kind of the task.

    See Also
    --------
    sample_for : the unlabelled text for a task.
    """
    if source == "prior" and isinstance(scorer, PVPScorer):
        return prior(scorer, sample, derived_seed(seed, MemberStream.PRIOR))
    return balanced(*labelled, kind) if source == "labelled" and labelled is not None else None


def sample_for(task: Task, pool: Pool | None) -> Pool | None:
    """Return the unlabelled text for `prior`; None for kinds of tasks that have no prior."""
    return pool if task_kind(task).has_prior else None


def prior(scorer: PVPScorer, pool: Pool | None, seed: int, size: int = SAMPLE) -> Offsets:
    """Average label scores over a sample of unlabelled text, or over inputs without content.

    Parameters
    ----------
    scorer : PVPScorer
        The member's scorer, without offsets; the backbone holds the member's weights.
    pool : Pool, optional
        Unlabelled text; without any, `content_free` inputs are scored.
    seed : int
        Seed of the sample.
    size : int
        Most texts in the sample.

    Returns
    -------
    Offsets
        (V, C): one row a verbalizer, for `PVPScorer`'s ``offsets``.
    """
    texts = content_free(scorer)
    if pool is not None and len(pool):
        generator = np.random.default_rng(seed)
        rows = generator.choice(len(pool), size=min(size, len(pool)), replace=False)
        texts = [example.texts for example in pool.select(rows.tolist()).values()]
    scores = scorer.score(Chunk(scorer.backbone.tokenizer, texts))
    means = scores.mean(axis=1, dtype=np.float64)
    return tuple(tuple(row) for row in means.tolist())


def balanced(scores: Scores, targets: Ints, kind: Kind = KINDS["single"]) -> Offsets:
    """Average label scores over labelled examples, with the same weight for every label.

    A member that starts from scores without this preference spends its few examples on the task
    instead (benchmarks/RESULTS.md).

    Parameters
    ----------
    scores : array (V, N, C)
        Scores of N labelled examples, by a scorer without offsets.
    targets : array (N,) or (N, C)
        The examples' label numbers; in multi-label tasks 1 for every label that a text has. There
        yes and no have the same weight: a label's offset is midway between its mean scores of texts
        with and without it; if either are missing, the mean of the other labels' offsets.

    Returns
    -------
    Offsets
        (V, C): one row a verbalizer, for `PVPScorer`'s ``offsets``.
    """
    return tuple(tuple(row) for row in kind.mean_scores(scores, targets).tolist())


def subtracted(scores: Scores, offsets: Offsets | None) -> Scores:
    """Subtract offsets (V, C), if there are any, from scores (V, N, C)."""
    return scores if offsets is None else scores - np.array(offsets, np.float32)[:, None]


def content_free(scorer: PVPScorer) -> list[Fields]:
    """Return inputs without content: every field empty, "N/A", or the mask token as text."""
    fillings = ("", "N/A", scorer.backbone.tokenizer.mask_text)
    return [dict.fromkeys(scorer.pvp.pattern.fields, filling) for filling in fillings]
