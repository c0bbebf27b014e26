"""How one PVP sees one example, step by step, for people to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from pet.encoding import Chunk
from pet.scoring.scorer import PVPScorer


@dataclass(frozen=True)
class PatternView:
    """How one PVP sees one example: the filled pattern, and its words' and labels' scores.

    The words of a pattern that names a label are told apart by the label asked about; other
    patterns ask one question, "".
    """

    text: str
    words: list[dict[str, dict[str, float]]]
    labels: list[dict[str, float]]


@torch.inference_mode()
def view_pattern(scorer: PVPScorer, texts: Mapping[str, str]) -> PatternView:
    """Score one example and keep every step, one entry a readout, for people to look at."""
    chunk = Chunk(scorer.backbone.tokenizer, [texts])
    draws = []
    for draw in range(scorer.draws):
        batches = scorer.batch(scorer.encode(chunk, draw), np.arange(scorer.questions))
        states = scorer.mask_states(batches)
        draws.append(
            (
                scorer.word_scores(states, batches),
                scorer.by_text(scorer.label_scores(states, batches)),
            )
        )
    words, labels = (
        [torch.stack(parts).mean(dim=0) for parts in zip(*found, strict=True)]
        for found in zip(*draws, strict=True)
    )
    questions = scorer.labels if scorer.asks_each_label else ("",)
    return PatternView(
        scorer.pvp.pattern.render(dict(texts)),
        [
            {
                question: {word.text: score for word, score in zip(own.words, row, strict=True)}
                for question, row in zip(questions, rows.tolist(), strict=True)
            }
            if own.words
            else {}
            for own, rows in zip(scorer.readouts, words, strict=True)
        ],
        [dict(zip(scorer.labels, part[0].tolist(), strict=True)) for part in labels],
    )
