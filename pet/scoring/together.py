"""Examples of several PVPs on one backbone, scored in one forward pass a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pet.encoding import Batch, Chunk, Encoded, within_budget
from pet.errors import memory_told
from pet.types import Ints, Scores

if TYPE_CHECKING:
    from pet.scoring.scorer import PVPScorer


@dataclass(frozen=True)
class _Rows:
    """One scorer's rows, by number of masks, and their ``scores`` (readouts, rows, C / Q) so far.

    With demonstrations there is one for every draw, and they share the scores.
    """

    scorer: PVPScorer
    encoded: Mapping[int, Encoded]
    scores: Tensor

    @property
    def lengths(self) -> Ints:
        """Tokens of every row with its most masks, (rows,)."""
        longest: Ints = np.stack([rows.lengths for rows in self.encoded.values()]).max(axis=0)
        return longest


@memory_told("Scoring")
@torch.inference_mode()
def score_together(scorers: Sequence[PVPScorer], chunk: Chunk) -> list[Scores]:
    """Score a chunk of examples with several PVPs of one backbone: (readouts, N, C) each.

    They need the same weights, the same number of questions and as many draws of demonstrations. A
    backbone that can read the patterns' common beginning once does so.
    """
    backbone = scorers[0].backbone
    totals = [_zeros(scorer, chunk) for scorer in scorers]
    budget = backbone.compute.token_budget // max(s.learned.variants for s in scorers)
    for draw in range(scorers[0].draws):
        sources = [
            _Rows(scorer, scorer.encode(chunk, draw), total)
            for scorer, total in zip(scorers, totals, strict=True)
        ]
        for rows in next(iter(sources[0].encoded.values())).batches(budget):
            _add(sources, dict.fromkeys(range(len(sources)), rows), backbone.mask_states_of)
    return [scorer.averaged(total) for scorer, total in zip(scorers, totals, strict=True)]


@memory_told("Scoring")
@torch.inference_mode()
def score_mixed(pairs: Sequence[tuple[PVPScorer, Chunk]]) -> list[Scores]:
    """Score pairs of a PVP and a chunk, each as if it were alone: (readouts, N, C) each.

    Rows of all chunks are sorted by length and batched together, whatever their pattern, soft
    template, labels and number of masks, and the backbone runs once for a batch.

    Parameters
    ----------
    pairs : sequence of (PVPScorer, Chunk)
        Scorers of one backbone, all of which work with the weights that it holds.
    """
    backbone = pairs[0][0].backbone
    totals, sources = [], []
    for scorer, chunk in pairs:
        totals.append(_zeros(scorer, chunk))
        sources += [
            _Rows(scorer, scorer.encode(chunk, draw), totals[-1]) for draw in range(scorer.draws)
        ]
    lengths = [source.lengths for source in sources]
    owners = np.repeat(np.arange(len(sources)), [len(rows) for rows in lengths])
    # Every row is read for each template of a mixture and each number of masks.
    passes = [source.scorer.learned.variants * len(source.encoded) for source in sources]
    copies = np.array(passes)[owners]
    rows = np.concatenate([np.arange(len(row_lengths)) for row_lengths in lengths])
    budget = backbone.compute.token_budget
    for together in within_budget(np.concatenate(lengths), budget, copies):
        chosen = {
            index: rows[together[owners[together] == index]]
            for index in np.unique(owners[together]).tolist()
        }
        _add(sources, chosen, backbone.joint_states)
    return [scorer.averaged(total) for (scorer, _), total in zip(pairs, totals, strict=True)]


def _zeros(scorer: PVPScorer, chunk: Chunk) -> Tensor:
    """Return sums of scores before anything is added: (readouts, rows, C / Q)."""
    rows, labels = len(chunk) * scorer.questions, len(scorer.labels) // scorer.questions
    return torch.zeros(len(scorer.readouts), rows, labels, device=scorer.backbone.compute.device)


def _add(
    sources: Sequence[_Rows],
    chosen: Mapping[int, Ints],
    states_of: Callable[[Sequence[Batch]], Sequence[Tensor]],
) -> None:
    """Score the chosen rows of some sources by one call of ``states_of``, and add to their scores.

    ``chosen`` maps the index of a source to its rows.
    """
    batches = {
        index: sources[index].scorer.batch(sources[index].encoded, rows)
        for index, rows in chosen.items()
    }
    states = iter(states_of([batch for counts in batches.values() for batch in counts.values()]))
    for index, by_count in batches.items():
        scorer = sources[index].scorer
        scores = scorer.label_scores({count: next(states) for count in by_count}, by_count)
        where = scorer.backbone.compute.put(chosen[index])
        sources[index].scores[:, where] += torch.stack(scores).float()
