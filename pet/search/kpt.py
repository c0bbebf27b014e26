"""KPT: drop label words that are rare or that speak for another label too.

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
    """Refine a verbalizer on the unlabelled texts; on the labelled ones if there are no others.

    Words of several tokens cannot be judged and stay. Of the others, the share ``rare`` with the
    smallest contextual prior is dropped, then every word with a `relevance` below 1. Every label
    keeps its first word. Weights stay; scores are relevances.
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
    dropped: dict[str, list[str]] = {"rare": [], "not relevant to their label": []}
    for label, words in given.words.items():
        several = [word for word in words if word not in judged]
        columns = [column for column, word in enumerate(judged) if owner[word] == label]
        good = []
        for column in columns:
            if column == name[label] or (column not in rare and scores[column] >= 1):
                good.append(column)
            else:
                reason = "rare" if column in rare else "not relevant to their label"
                dropped[reason].append(judged[column])
        good = sorted(good, key=lambda column: -scores[column])[: config.words]
        ranks[label] = {judged[column]: scores[column] for column in good}
        kept[label] = {word: words[word] for word in [*ranks[label], *several]}
    remarks = tuple(f"{why}: {', '.join(words)}" for why, words in dropped.items() if words)
    return FoundWords(Verbalizer(kept, given.combine, given.decoding), ranks, remarks)


def relevance(q: Tensor, owners: list[str], name: Mapping[str, int]) -> list[float]:
    """Compare the relevance of words to their label with their mean relevance to the others.

    ``R(v) = cos(q_v, q_l) (C - 1) / sum_{k != l} cos(q_v, q_k)`` for a word v of label l.

    Parameters
    ----------
    q : Tensor (S, K)
        Probabilities of the words for each text.
    owners : list of str
        The words' labels.
    name : mapping
        Each of C labels to the column of the word that stands for it.

    Returns
    -------
    list of float
        A ratio for each of the K words; 1 for every word when there is one label only.
    """
    unit = q / q.norm(dim=0)
    cosines = unit.T @ unit[:, list(name.values())]  # (K, C)
    position = {label: index for index, label in enumerate(name)}
    owner_index = torch.tensor([position[label] for label in owners], device=q.device)
    to_owner = cosines.gather(1, owner_index[:, None])[:, 0]
    to_others = (cosines.sum(dim=1) - to_owner) / max(1, len(name) - 1)
    if len(name) < 2:
        return [1.0] * len(owners)
    ratios: list[float] = (to_owner / to_others).tolist()
    return ratios
