"""KPT: a given list of label words without those that are rare or speak for another label too.

Source: Hu et al., ACL 2022, section 3.3: frequency and relevance refinement.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from pet.config import WordSearchConfig
from pet.search.readings import FoundWords, Readings
from pet.task import Verbalizer


def kpt(readings: Readings, config: WordSearchConfig, given: Verbalizer) -> FoundWords:
    """Refine a verbalizer on the unlabelled texts, or on the labelled ones where there are none.

    The readings judge its words; those of several tokens cannot be judged and stay. Of the others
    the share ``rare`` that has the smallest contextual prior goes, then what has a `relevance`
    below 1; but every label keeps its first word. Weights stay; scores are relevances.
    """
    owner = {word: label for label, words in given.words.items() for word in words}
    judged = readings.table.texts
    q = readings.sample_probabilities().double()
    # A label's first word, which in most lists is its name, stands for the label.
    name: dict[str, int] = {}
    for column, word in enumerate(judged):
        name.setdefault(owner[word], column)
    scores = relevance(q, [owner[word] for word in judged], name)
    rare = set(q.mean(dim=0).argsort(stable=True)[: int(config.rare * len(judged))].tolist())
    kept: dict[str, dict[str, float]] = {}
    ranks: dict[str, dict[str, float]] = {}
    dropped: dict[str, list[str]] = {"rare": [], "not relevant to their own label": []}
    for label, words in given.words.items():
        several = [word for word in words if word not in judged]
        own = [column for column, word in enumerate(judged) if owner[word] == label]
        good = []
        for column in own:
            if column == name[label] or (column not in rare and scores[column] >= 1):
                good.append(column)
            else:
                reason = "rare" if column in rare else "not relevant to their own label"
                dropped[reason].append(judged[column])
        good = sorted(good, key=lambda column: -scores[column])[: config.words]
        ranks[label] = {judged[column]: scores[column] for column in good}
        kept[label] = {word: words[word] for word in [*ranks[label], *several]}
    remarks = tuple(f"{why}: {', '.join(words)}" for why, words in dropped.items() if words)
    return FoundWords(Verbalizer(kept, given.combine, given.decoding), ranks, remarks)


def relevance(q: Tensor, owners: list[str], name: Mapping[str, int]) -> list[float]:
    """How much more relevant words are to their own label than to the others, on average.

    ``R(v) = cos(q_v, q_l) (C - 1) / sum_{k != l} cos(q_v, q_k)`` for a word v of label l.

    Parameters
    ----------
    q : Tensor (S, K)
        Probabilities of the words for each text.
    owners : list of str
        The words' labels.
    name : mapping
        Each of C labels to the word, a column, that stands for it; 1 is returned when C is 1.
    """
    unit = q / q.norm(dim=0)
    cosines = unit.T @ unit[:, list(name.values())]  # (K, C)
    position = {label: number for number, label in enumerate(name)}
    own = torch.tensor([position[label] for label in owners], device=q.device)
    to_own = cosines.gather(1, own[:, None])[:, 0]
    others = (cosines.sum(dim=1) - to_own) / max(1, len(name) - 1)
    if len(name) < 2:
        return [1.0] * len(owners)
    found: list[float] = (to_own / others).tolist()
    return found
