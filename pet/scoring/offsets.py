"""Offsets: scores of text that says nothing, to be subtracted from a PVP's (calibration).

A masked LM prefers some label words whatever the text. The mean score of every label over
unlabelled text, or over inputs without content, measures that preference (contextual calibration,
Zhao 2021). Subtracting it divides the labels' probabilities by the geometric mean of those of the
sample; softmax over the labels normalises them again.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pet.config import OffsetsSource
from pet.data import Pool
from pet.encoding import Chunk
from pet.scoring.scorer import PVPScorer
from pet.scoring.together import score
from pet.seeds import MemberStream, derived_seed
from pet.task import Task
from pet.task.kinds import KINDS, Kind, task_kind
from pet.types import Ints, Offsets, Scores

SAMPLE = 512


def find_offsets(
    source: OffsetsSource,
    scorer: PVPScorer,
    seed: int,
    sample: Pool | None = None,
    labelled: tuple[Scores, Ints] | None = None,
    kind: Kind = KINDS["single"],
) -> Offsets | None:
    """Find the offsets of a member, (V, C); None where its scores stay as they are.

    Parameters
    ----------
    source : {"labelled", "prior", "none"}
        `balanced` over labelled examples, `prior` over unlabelled text, or none.
    scorer : PVPScorer
        Without offsets of its own; the backbone holds the member's weights.
    seed : int
        The member's.
    sample : Pool, optional
        Unlabelled text; see `sample_for`.
    labelled : tuple of array (V, N, C) and array (N,) or (N, C), optional
        The scorer's scores of labelled examples and their targets. "labelled" without any is none.
    kind : Kind
        Kind of the task.
    """
    if source == "prior":
        return prior(scorer, sample, derived_seed(seed, MemberStream.PRIOR))
    return balanced(*labelled, kind) if source == "labelled" and labelled is not None else None


def sample_for(task: Task, pool: Pool | None) -> Pool | None:
    """Return the unlabelled text that tells offsets of a task; none where text cannot tell."""
    return pool if task_kind(task).has_prior else None


def prior(scorer: PVPScorer, pool: Pool | None, seed: int, size: int = SAMPLE) -> Offsets:
    """Mean label scores over a sample of unlabelled text, or over inputs without content.

    Parameters
    ----------
    scorer : PVPScorer
        Without offsets of its own; the backbone holds the member's weights.
    pool : Pool, optional
        Unlabelled text.
    seed : int
        Of the sample.
    size : int
        Most texts of the sample.

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
    scores = score(scorer, Chunk(scorer.backbone.tokenizer, texts))
    means = scores.mean(axis=1, dtype=np.float64)
    return tuple(tuple(row) for row in means.tolist())


def balanced(scores: Scores, targets: NDArray[np.int64], kind: Kind = KINDS["single"]) -> Offsets:
    """Mean label scores over labelled examples, every label counting the same.

    A member that starts from scores without this preference spends its few examples on the task
    instead (benchmarks/RESULTS.md).

    Parameters
    ----------
    scores : array (V, N, C)
        Of N labelled examples, by a scorer without offsets.
    targets : array (N,) or (N, C)
        Their label numbers; of multi-label tasks 1 for every label that a text has. There yes and
        no count the same: a label's offset is midway between its mean scores of texts that have it
        and of others; where either are missing, the mean of the other labels' offsets.

    Returns
    -------
    Offsets
        (V, C): one row a verbalizer, for `PVPScorer`'s ``offsets``.
    """
    return tuple(tuple(row) for row in kind.mean_scores(scores, targets).tolist())


def subtracted(scores: Scores, offsets: Offsets | None) -> Scores:
    """Subtract offsets (V, C), where there are any, from scores (V, N, C)."""
    return scores if offsets is None else scores - np.array(offsets, np.float32)[:, None]


def content_free(scorer: PVPScorer) -> list[Mapping[str, str]]:
    """Inputs without content: every field empty, "N/A", or the mask token spelled out as text."""
    fillings = ("", "N/A", scorer.backbone.tokenizer.mask_text)
    return [dict.fromkeys(scorer.pvp.pattern.fields, filling) for filling in fillings]
