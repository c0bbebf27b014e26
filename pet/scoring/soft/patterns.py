"""Hard patterns made soft: slots before them, or their words as slots."""

from __future__ import annotations

from pet.task import Pattern
from pet.task.parts import Soft, Words, written


def with_slots(pattern: Pattern, length: int, text: str | None = None) -> Pattern:
    """Put pseudo tokens, or trainable words, before everything else of a pattern.

    Parameters
    ----------
    pattern : Pattern
        Hard or soft pattern.
    length : int
        Number of pseudo tokens.
    text : str, optional
        Words that the slots start as, instead of pseudo tokens.
    """
    slots = Soft(length) if text is None else Soft(text=text)
    return Pattern(f"{written(slots)} {pattern.template.lstrip()}")


def with_soft_words(pattern: Pattern) -> Pattern:
    """Turn the words of a pattern into trainable slots; before training the input is the same."""
    parts = [
        Soft(text=part.text) if isinstance(part, Words) and part.text.strip() else part
        for part in pattern.parts
    ]
    return Pattern("".join(map(written, parts)))
