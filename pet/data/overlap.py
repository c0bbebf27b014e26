"""Texts that occur twice: repeated, labelled in two ways, or in two files."""

from __future__ import annotations

from collections.abc import Iterable

from pet.data.example import Example
from pet.task.labels import Label, label_text

_SHOWN = 60  # characters of a text in a message


def labels_of_texts(examples: Iterable[Example]) -> dict[tuple[str, ...], list[Label | None]]:
    """Return the different labels of every text, in the order in which they are met."""
    labels: dict[tuple[str, ...], dict[Label | None, None]] = {}
    for example in examples:
        labels.setdefault(example.key, {})[example.label] = None
    return {text: list(different) for text, different in labels.items()}


def contradictions(examples: Iterable[Example]) -> list[str]:
    """Say how many texts are labelled in more than one way, in a line with an example, or in none.

    Examples
    --------
    >>> from pet import Example
    >>> from pet.data.overlap import contradictions
    >>> labelled = [Example({"text": "Fine."}, "good"), Example({"text": "Fine."}, "bad")]
    >>> print(*contradictions(labelled))
    1 text is labelled in more than one way, such as 'Fine.' ('good', 'bad'); decide for one
    """
    several = {text: each for text, each in labels_of_texts(examples).items() if len(each) > 1}
    if not several:
        return []
    text, labels = next(iter(several.items()))
    shown = " | ".join(text)
    if len(shown) > _SHOWN:
        shown = shown[: _SHOWN - 3] + "..."
    ways = ", ".join(repr(label_text(label or "", "+")) for label in labels)
    count = f"{len(several)} texts are" if len(several) > 1 else "1 text is"
    return [f"{count} labelled in more than one way, such as {shown!r} ({ways}); decide for one"]


class TextSet:
    """Texts of some examples, by number: whether another example has the same text."""

    def __init__(self, examples: Iterable[Example] = ()) -> None:
        self._texts: set[int] = set()
        self.add(examples)

    def add(self, examples: Iterable[Example]) -> None:
        """Add the texts of examples."""
        self._texts.update(hash(example.key) for example in examples)

    def count(self, examples: Iterable[Example]) -> int:
        """Count the examples whose text is among these."""
        return sum(hash(example.key) in self._texts for example in examples)
