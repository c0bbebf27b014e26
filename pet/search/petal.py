"""PETAL: label words by the likelihood ratio of a label's examples against all others.

Source: Schick, Schmid and Schuetze, COLING 2020, the log-likelihood ratio of section 4.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pet.config import WordSearchConfig
from pet.errors import VerbalizerError
from pet.search.readings import FoundWords, Readings
from pet.task import Verbalizer

CANDIDATES = 1000
WORDS = 10


def petal(readings: Readings, config: WordSearchConfig, prior: Tensor | None = None) -> FoundWords:
    """Find the words that the model prefers for a label's examples.

    q(w | x) is the probability of w at the mask among the whole vocabulary. A label l with n_l
    examples chooses among the ``candidates`` words of largest ``sum_{x in l} log q(w | x)``, for
    words of two tokens half of it. A word scores
    ``r sum_{x in l} log odds - sum_{x not in l} log odds`` with r = n_not / n_l. Sums run over the
    patterns too. Scores are divided by n_not and the number of patterns: they are differences of
    mean log-odds, in nats. Of two labels, the one with the higher score gets a word.

    Parameters
    ----------
    readings : Readings
        Readings of labelled examples.
    config : WordSearchConfig
        Number of words and of candidates.
    prior : Tensor (C, K), optional
        What speaks for each word before the examples do, in nats; it is added to the scores.

    Raises
    ------
    VerbalizerError
        When there are too few words for the labels.
    """
    logs, odds = readings.label_sums()
    counts = torch.bincount(readings.targets, minlength=len(readings.labels))[:, None]
    others = len(readings.targets) - counts
    scores = (others / counts * odds - (odds.sum(dim=0) - odds)) / (others * len(readings.states))
    scores = scores if prior is None else scores + prior
    candidates = readings.likeliest(logs, config.candidates or CANDIDATES)
    ranked = scores.gather(1, candidates).flatten().sort(descending=True, stable=True)
    scored: dict[str, dict[str, float]] = {label: {} for label in readings.labels}
    taken: set[int] = set()
    places, columns = ranked.indices.tolist(), candidates.flatten().tolist()
    for place, score in zip(places, ranked.values.tolist(), strict=True):
        words, column = scored[readings.labels[place // candidates.shape[1]]], columns[place]
        if column not in taken and len(words) < (config.words or WORDS):
            words[readings.table.texts[column]] = score
            taken.add(column)
    for label, words in scored.items():
        if not words:
            raise VerbalizerError(
                f"No candidate word is left for {label!r}.",
                "Raise `--candidates` or lower `--words`.",
            )
    verbalizer = Verbalizer({label: list(words) for label, words in scored.items()})
    return FoundWords(verbalizer, scored)
