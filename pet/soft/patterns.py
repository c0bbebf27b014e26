"""Hard patterns made soft: slots before them, or their own words as slots."""

from __future__ import annotations

from pet.pattern import Field, LabelName, Mask, Part, Pattern, Separator, Soft, Words


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
    return Pattern(f"{_written(slots)} {pattern.template.lstrip()}")


def with_soft_words(pattern: Pattern) -> Pattern:
    """Make trainable slots of a pattern's own words; untrained it is the same input."""
    parts = [
        Soft(text=part.text) if isinstance(part, Words) and part.text.strip() else part
        for part in pattern.parts
    ]
    return Pattern("".join(map(_written, parts)))


def _written(part: Part) -> str:
    match part:
        case Words(text):
            return text.replace("{", "{{").replace("}", "}}")
        case Field(name, keep, cut):
            option = ":keep" if keep else "" if cut == "tail" else f":{cut}"
            return f"{{{name}{option}}}"
        case Mask():
            return "{mask}"
        case Separator():
            return "{sep}"
        case LabelName():
            return "{label}"
        case Soft(length, text, group):
            name = "soft" if group is None else f"soft#{group}"
            return f"{{{name}:{length if text is None else repr(text)}}}"
