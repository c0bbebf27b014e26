"""Pairs: words of two characters, found in texts that are written without spaces."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from pet.encoding.scripts import ideograph_runs

PAIRS = 1000


def frequent_pairs(texts: Iterable[str], most: int = PAIRS) -> list[str]:
    """Return pairs of Chinese characters that stand together oftener than by chance, best first.

    A pair scores ``n_ab log(n_ab n / (n_a n_b))``: n_ab, n_a and n_b texts have the pair and its
    characters, of n texts. Most words of Chinese have two characters; which of these pairs are
    words that fit is left to the language model.
    """
    pairs: Counter[str] = Counter()
    characters: Counter[str] = Counter()
    count = 0
    for text in texts:
        runs = ideograph_runs(text)
        pairs.update({run[at : at + 2] for run in runs for at in range(len(run) - 1)})
        characters.update(set("".join(runs)))
        count += 1

    def score(pair: str) -> float:
        first, second = characters[pair[0]], characters[pair[1]]
        return pairs[pair] * math.log(pairs[pair] * count / (first * second))

    ranked = sorted(pairs, key=lambda pair: (-score(pair), -pairs[pair], pair))
    return ranked[:most]
