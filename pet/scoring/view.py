"""One example through one PVP, step by step, for people to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pet.encoding import Chunk
from pet.scoring.readouts.base import Batches, States
from pet.types import Fields

if TYPE_CHECKING:
    from pet.scoring.scorer import PVPScorer


@dataclass(frozen=True)
class PatternView:
    """One example in one PVP: the filled pattern, and the scores of words and labels.

    Attributes
    ----------
    text : str
        The filled pattern.
    words : list of dict
        For each readout: question to label word to score. A pattern that names a label asks a
        question for each, named after the label; other patterns ask one, "".
    labels : list of dict
        For each readout: label to score.
    """

    text: str
    words: list[dict[str, dict[str, float]]]
    labels: list[dict[str, float]]


@torch.inference_mode()
def view_pattern(scorer: PVPScorer, texts: Fields) -> PatternView:
    """Score one example and keep every step, averaged over draws of demonstrations."""
    chunk = Chunk(scorer.backbone.tokenizer, [texts])
    draws = []
    for draw in range(scorer.draws):
        batches = scorer.batch(scorer.encode(chunk, draw), np.arange(scorer.questions))
        states = scorer.mask_states(batches)
        draws.append(
            (
                _word_scores(scorer, states, batches),
                scorer.by_text(scorer.label_scores(states, batches)),
            )
        )
    words, labels = (
        [torch.stack(of_readout).mean(dim=0) for of_readout in zip(*scores, strict=True)]
        for scores in zip(*draws, strict=True)
    )
    questions = scorer.labels if scorer.asks_each_label else ("",)
    return PatternView(
        scorer.pvp.pattern.render(dict(texts)),
        [
            {
                question: {word.text: score for word, score in zip(readout.words, row, strict=True)}
                for question, row in zip(questions, rows.tolist(), strict=True)
            }
            if readout.words
            else {}
            for readout, rows in zip(scorer.readouts, words, strict=True)
        ],
        [dict(zip(scorer.labels, scores[0].tolist(), strict=True)) for scores in labels],
    )


def _word_scores(scorer: PVPScorer, states: States, batches: Batches) -> list[Tensor]:
    """Score each row's label words, one (R, W) tensor a readout."""
    scores = [readout.word_scores(states, batches) for readout in scorer.readouts]
    mixture = scorer.learned.mixture
    return scores if mixture is None else [mixture.averaged(words) for words in scores]
