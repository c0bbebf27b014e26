"""Label words out of label names: "card_arrival" is answered by card or arrival."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, count

from pet.encoding.scripts import has_ideographs

# Words that say nothing about a label, unless it has no others.
_EMPTY = frozenset(
    "a an and as at by for from in is my no non not of on or other the to with".split()
)
_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN = re.compile(r"[\W_]+")


def plain_name(label: str) -> str:
    """Return a label's name as lower-case words: "card arrival" for ``CardArrival``.

    Examples
    --------
    >>> from pet.drafting.label_words import plain_name
    >>> plain_name("CardArrival"), plain_name("sci/tech"), plain_name("1_star")
    ('card arrival', 'sci tech', '1 star')
    """
    return " ".join(_BETWEEN.sub(" ", _CASE.sub(" ", label)).split()).lower() or label


def is_number(label: str) -> bool:
    """Tell whether a label's name is a number, which says nothing about its texts."""
    return plain_name(label).replace(" ", "").isdigit()


def words_of_names(labels: Sequence[str]) -> dict[str, list[str]]:
    """Return words for each label out of its name; no two labels share a word.

    A word that several names have goes to the label that has no other; if there are several such
    labels, or none, to nobody. A label without a word of its own gets its whole name.

    Examples
    --------
    >>> from pet.drafting.label_words import words_of_names
    >>> words_of_names(["card_arrival", "card_lost", "science and technology"])
    {'card_arrival': ['arrival'], 'card_lost': ['lost'], 'science and technology': ['science', 'technology']}
    """  # noqa: E501
    parts = {label: _parts(label) for label in labels}
    counts = Counter(word for words in parts.values() for word in words)
    own = {label: [w for w in words if counts[w] == 1] for label, words in parts.items()}
    lacking = [label for label, words in own.items() if not words]
    shared = Counter(word for label in lacking for word in parts[label])
    for label in lacking:
        own[label] = [word for word in parts[label] if shared[word] == 1]
    taken = {word for words in own.values() for word in words}
    for label, words in own.items():
        if not words:
            names = chain((plain_name(label), label), (f"{label} {n}" for n in count(2)))
            words.append(next(name for name in names if name not in taken))
            taken.add(words[0])
    return own


def _parts(label: str) -> list[str]:
    name = plain_name(label)
    if has_ideographs([name]):  # words are not divided by blanks
        return [name]
    words = list(dict.fromkeys(name.split()))
    return [word for word in words if word not in _EMPTY and not word.isdigit()] or [name]


def joined(
    first: Mapping[str, Sequence[str]], second: Mapping[str, Sequence[str]], most: int
) -> dict[str, list[str]]:
    """Add words of the second mapping to those of the first, up to ``most`` a label.

    A word that any label has in the first is added to no other.
    """
    taken = {word for words in first.values() for word in words}
    return {
        label: [*words, *(w for w in second.get(label, ()) if w not in taken)][
            : max(most, len(words))
        ]
        for label, words in first.items()
    }
