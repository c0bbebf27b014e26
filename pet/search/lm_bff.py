"""LM-BFF: the words, one a label, that together classify the examples best without training.

Source: Gao, Fisch and Chen, ACL 2021, section 5.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pet.config import WordSearchConfig
from pet.errors import VerbalizerError
from pet.search.readings import FoundWords, Readings
from pet.task import Verbalizer

CANDIDATES = 100
WORDS = 1
# Combinations x candidates x examples that are compared at once.
CELLS = 2**23


def lm_bff(readings: Readings, config: WordSearchConfig) -> FoundWords:
    """Search the combinations of likely words by zero-shot accuracy on the labelled examples.

    The candidates of a label are the words of largest mean logit over its examples. Logits are
    means over the patterns. From each word's logits its mean is subtracted, in which every label
    counts the same (`pet.scoring.offsets.balanced`): trained members start from such scores. Labels
    are added one by one and the best ``beams`` combinations are kept; the mean log-likelihood
    decides between equal accuracies. For more than one word a label, the words of the best
    combinations are taken in turn, unless another label has them.

    Raises
    ------
    VerbalizerError
        When there are too few words for the labels.
    """
    # Within a label log-probabilities rank the words as logits do.
    logs, _ = readings.label_sums()
    candidates = readings.likeliest(logs, config.candidates or CANDIDATES)
    columns, places = candidates.unique(return_inverse=True)  # type: ignore[no-untyped-call]
    logits = readings.logits(columns.cpu())
    by_label = [logits[readings.targets == label].mean(dim=0) for label in range(len(candidates))]
    logits = logits - torch.stack(by_label).mean(dim=0)
    best = search(logits, readings.targets, places, config.beams)
    if not len(best.choices):
        raise VerbalizerError("There are too few candidate words.", "Raise `--candidates`.")
    names = [readings.table.texts[column] for column in columns.tolist()]
    counts = torch.bincount(readings.targets, minlength=len(candidates))[:, None] * len(
        readings.states
    )
    means = (logs / counts)[:, columns]
    chosen = _words(best.choices.tolist(), config.words or WORDS)
    scores = {
        label: {names[word]: float(means[index, word]) for word in chosen[index]}
        for index, label in enumerate(readings.labels)
    }
    remark = (
        f"The first words alone classify {best.accuracies[0]:.1%} of the labelled examples "
        "correctly (they were chosen for that); scores are mean log-probabilities."
    )
    verbalizer = Verbalizer({label: list(words) for label, words in scores.items()})
    return FoundWords(verbalizer, scores, (remark,))


def _words(combinations: list[list[int]], most: int) -> list[list[int]]:
    words: list[list[int]] = [[] for _ in combinations[0]]
    taken: set[int] = set()
    for combination in combinations:
        for label_words, word in zip(words, combination, strict=True):
            if word not in taken and len(label_words) < most:
                label_words.append(word)
                taken.add(word)
    return words


@dataclass(frozen=True)
class Combinations:
    """Combinations of words, best first: ``choices`` (R, C) of columns, ``accuracies`` (R,)."""

    choices: Tensor
    accuracies: list[float]


@dataclass(frozen=True)
class _Scores:
    """Scores of R combinations on N examples, for the labels so far: three (R, N) tensors.

    ``true`` is the score of the example's label, -inf as long as that label has no word;
    ``others`` is the largest score of the other labels, ``total`` the log-sum-exp of all.
    """

    true: Tensor
    others: Tensor
    total: Tensor

    def __getitem__(self, index: Any) -> _Scores:
        return _Scores(self.true[index], self.others[index], self.total[index])

    def add(self, scores: Tensor, belongs: Tensor) -> _Scores:
        """Add a label's word with these scores; ``belongs`` (N,) marks the label's examples."""
        return _Scores(
            torch.where(belongs, scores, self.true),
            torch.where(belongs, self.others, torch.maximum(self.others, scores)),
            torch.logaddexp(self.total, scores),
        )


def search(
    logits: Tensor, targets: Tensor, candidates: Tensor, beams: int, cells: int = CELLS
) -> Combinations:
    """Search for the words that classify the examples best.

    Parameters
    ----------
    logits : Tensor (N, K)
        Scores of the words.
    targets : Tensor (N,)
        Label indices.
    candidates : Tensor (C, k)
        Columns of the words that each label chooses from.
    beams : int
        Combinations of the first labels that are kept when the next label is added. They are
        compared on the examples of these labels.
    cells : int
        Combinations x candidates x examples that are compared at once.
    """
    nothing = torch.full((1, len(targets)), -torch.inf, device=logits.device)
    state = _Scores(nothing, nothing, nothing)
    choices = candidates.new_empty(1, 0)
    accuracies: list[float] = []
    for label, columns in enumerate(candidates):
        step = max(1, cells // (len(columns) * len(targets)))
        seen, new = targets <= label, targets == label
        scores = logits[:, columns].T
        chunks = []
        for start in range(0, len(choices), step):
            rows = slice(start, start + step)
            # Every combination with every word: (R, k, n), n examples of the labels so far.
            grown = state[rows, None][..., seen].add(scores[:, seen], new[seen])
            # A prediction is right when no other label's word scores as high.
            right = (grown.true > grown.others).float().mean(dim=2)
            likelihood = (grown.true - grown.total).mean(dim=2)
            # A word that another label has cannot be chosen.
            free = (choices[rows, :, None] != columns).all(dim=1)
            pairs = free.nonzero() + torch.tensor([start, 0], device=columns.device)
            chunks.append((right[free], likelihood[free], pairs))
        if not chunks:
            break  # too few words for any combination
        accuracy, likelihood, pairs = (torch.cat(chunk) for chunk in zip(*chunks, strict=True))
        # Equal accuracies are ordered by likelihood; stable sorts keep the order of full ties.
        order = likelihood.argsort(descending=True, stable=True)
        order = order[accuracy[order].argsort(descending=True, stable=True)][:beams]
        accuracies = accuracy[order].tolist()
        parents, words = pairs[order].unbind(dim=1)
        state = state[parents].add(scores[words], new)
        choices = torch.cat([choices[parents], columns[words, None]], dim=1)
    return Combinations(choices, accuracies)
