"""Hard patterns made soft: slots before them, or their own words as slots."""

from __future__ import annotations

from pet.task import Pattern
from pet.task.parts import Soft, Words, written


def with_slots(pattern: Pattern, length: int, text: str | None = None) -> Pattern:
    """Put pseudo tokens, or trainable words, before everything else of a pattern.

    Parameters
    ----------
    pattern : Pattern
        Any pattern.
    length : int
        How many pseudo tokens.
    text : str, optional
        Instead: the words that the slots start as.
    """
    slots = Soft(length) if text is None else Soft(text=text)
    return Pattern(f"{written(slots)} {pattern.template.lstrip()}")


def with_soft_words(pattern: Pattern) -> Pattern:
    """Make trainable slots of a pattern's own words; untrained it is the same input."""
    parts = [
        Soft(text=part.text) if isinstance(part, Words) and part.text.strip() else part
        for part in pattern.parts
    ]
    return Pattern("".join(map(written, parts)))
