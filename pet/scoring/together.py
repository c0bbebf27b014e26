"""Examples of several PVPs on one backbone, scored in one forward pass a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pet.encoding import Batch, Chunk, Encoded, within_budget
from pet.scoring.scorer import PVPScorer
from pet.types import Ints, Scores


@dataclass(frozen=True)
class _Part:
    """One scorer's rows, by number of masks, and their ``scores`` (readouts, rows, C / Q) so far.

    With demonstrations every draw of them is a part, and they share the scores.
    """

    scorer: PVPScorer
    encoded: Mapping[int, Encoded]
    scores: Tensor

    @property
    def lengths(self) -> Ints:
        """Tokens of every row, at its most masks."""
        longest: Ints = np.stack([rows.lengths for rows in self.encoded.values()]).max(axis=0)
        return longest


def score(scorer: PVPScorer, chunk: Chunk) -> Scores:
    """Score a chunk of examples with one PVP: (readouts, N, C)."""
    return score_together([scorer], chunk)[0]


@torch.inference_mode()
def score_together(scorers: Sequence[PVPScorer], chunk: Chunk) -> list[Scores]:
    """Score a chunk of examples with several PVPs of one backbone: (readouts, N, C) each.

    They need the same weights, the same number of questions and as many draws of demonstrations. A
    backbone that can read once what patterns have in common does so.
    """
    backbone = scorers[0].backbone
    totals = [_zeros(scorer, chunk) for scorer in scorers]
    budget = backbone.compute.token_budget // max(scorer.variants for scorer in scorers)
    for draw in range(scorers[0].draws):
        parts = [
            _Part(scorer, scorer.encode(chunk, draw), total)
            for scorer, total in zip(scorers, totals, strict=True)
        ]
        for rows in next(iter(parts[0].encoded.values())).batches(budget):
            _add(parts, dict.fromkeys(range(len(parts)), rows), backbone.mask_states_of)
    return [scorer.averaged(total) for scorer, total in zip(scorers, totals, strict=True)]


@torch.inference_mode()
def score_mixed(pairs: Sequence[tuple[PVPScorer, Chunk]]) -> list[Scores]:
    """Score each chunk with its own PVP, as if it were alone: (readouts, N, C) each.

    Rows of all chunks are sorted by length and batched together, whatever their pattern, soft
    template, labels and number of masks, and the backbone runs once for a batch.

    Parameters
    ----------
    pairs : sequence of (PVPScorer, Chunk)
        Scorers of one backbone, all of which work with the weights that it holds.
    """
    backbone = pairs[0][0].backbone
    totals, parts = [], []
    for scorer, chunk in pairs:
        totals.append(_zeros(scorer, chunk))
        parts += [
            _Part(scorer, scorer.encode(chunk, draw), totals[-1]) for draw in range(scorer.draws)
        ]
    lengths = [part.lengths for part in parts]
    owners = np.repeat(np.arange(len(parts)), [len(rows) for rows in lengths])
    # Every row is there for each template of a mixture and each number of masks.
    copies = np.array([part.scorer.variants * len(part.encoded) for part in parts])[owners]
    rows = np.concatenate([np.arange(len(row_lengths)) for row_lengths in lengths])
    budget = backbone.compute.token_budget
    for together in within_budget(np.concatenate(lengths), budget, copies):
        chosen = {
            index: rows[together[owners[together] == index]]
            for index in np.unique(owners[together]).tolist()
        }
        _add(parts, chosen, backbone.joint_states)
    return [scorer.averaged(total) for (scorer, _), total in zip(pairs, totals, strict=True)]


def _zeros(scorer: PVPScorer, chunk: Chunk) -> Tensor:
    """Sums of scores before anything is added: (readouts, rows, C / Q)."""
    rows, labels = len(chunk) * scorer.questions, len(scorer.labels) // scorer.questions
    return torch.zeros(len(scorer.readouts), rows, labels, device=scorer.backbone.compute.device)


def _add(
    parts: Sequence[_Part],
    chosen: Mapping[int, Ints],
    states_of: Callable[[Sequence[Batch]], Sequence[Tensor]],
) -> None:
    """Add the scores of the chosen rows of some parts to theirs, by one call of ``states_of``."""
    batches = {n: parts[n].scorer.batch(parts[n].encoded, rows) for n, rows in chosen.items()}
    states = iter(states_of([batch for own in batches.values() for batch in own.values()]))
    for index, by_count in batches.items():
        scorer = parts[index].scorer
        labels = scorer.label_scores({count: next(states) for count in by_count}, by_count)
        where = scorer.backbone.compute.put(chosen[index])
        parts[index].scores[:, where] += torch.stack(labels).float()
