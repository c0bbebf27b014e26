"""Examples of several PVPs on one backbone, scored in one forward pass a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pet.encoding import Chunk, Encoded, within_budget
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
        longest: Ints = np.stack([own.lengths for own in self.encoded.values()]).max(axis=0)
        return longest


def score(scorer: PVPScorer, chunk: Chunk) -> Scores:
    """Score a chunk of examples with one PVP: (readouts, N, C)."""
    return score_together([scorer], chunk)[0]


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
    sums, parts = [], []
    for scorer, chunk in pairs:
        questions = scorer.questions
        shape = (len(scorer.readouts), len(chunk) * questions, len(scorer.labels) // questions)
        sums.append(torch.zeros(shape, device=backbone.compute.device))
        parts += [
            _Part(scorer, scorer.encode(chunk, draw), sums[-1]) for draw in range(scorer.draws)
        ]
    lengths = [part.lengths for part in parts]
    owners = np.repeat(np.arange(len(parts)), [len(own) for own in lengths])
    # Every row is there for each template of a mixture and each number of masks.
    copies = np.array([part.scorer.variants * len(part.encoded) for part in parts])[owners]
    rows = np.concatenate([np.arange(len(own)) for own in lengths])
    budget = backbone.compute.token_budget
    for together in within_budget(np.concatenate(lengths), budget, copies):
        chosen = {
            number: rows[together[owners[together] == number]]
            for number in np.unique(owners[together]).tolist()
        }
        _score(parts, chosen)
    return [scorer.averaged(total) for (scorer, _), total in zip(pairs, sums, strict=True)]


def _score(parts: Sequence[_Part], chosen: Mapping[int, Ints]) -> None:
    """Add the scores of the chosen rows of some parts to theirs, by one forward pass."""
    backbone = parts[0].scorer.backbone
    batches = {n: parts[n].scorer.batch(parts[n].encoded, own) for n, own in chosen.items()}
    every = [batch for own in batches.values() for batch in own.values()]
    states = iter(backbone.joint_states(every))
    for number, own in batches.items():
        labels = parts[number].scorer.label_scores({count: next(states) for count in own}, own)
        where = backbone.compute.put(chosen[number])
        parts[number].scores[:, where] += torch.stack(labels).float()


@torch.inference_mode()
def score_together(scorers: Sequence[PVPScorer], chunk: Chunk) -> list[Scores]:
    """Score a chunk of examples with several PVPs of one backbone: (readouts, N, C) each.

    They need the same weights, the same number of questions and as many draws of demonstrations. A
    backbone that can read once what patterns have in common does so.
    """
    backbone, questions, draws = scorers[0].backbone, scorers[0].questions, scorers[0].draws
    compute = backbone.compute
    shape = (len(chunk) * questions, len(scorers[0].labels) // questions)
    sums = [torch.zeros(len(own.readouts), *shape, device=compute.device) for own in scorers]
    budget = compute.token_budget // max(scorer.variants for scorer in scorers)
    for draw in range(draws):
        encoded = [scorer.encode(chunk, draw) for scorer in scorers]
        for rows in next(iter(encoded[0].values())).batches(budget):
            batches = [
                scorer.batch(own, rows) for scorer, own in zip(scorers, encoded, strict=True)
            ]
            parts = [part for own in batches for part in own.values()]
            states = iter(backbone.mask_states_of(parts))
            where = compute.put(rows)
            for scorer, own, total in zip(scorers, batches, sums, strict=True):
                labels = scorer.label_scores({count: next(states) for count in own}, own)
                total[:, where] += torch.stack(labels).float()
    return [scorer.averaged(total) for scorer, total in zip(scorers, sums, strict=True)]
