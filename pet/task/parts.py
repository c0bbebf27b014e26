"""Parts of a pattern: words, fields, the mask, and other slots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cut = Literal["tail", "head", "middle"]


@dataclass(frozen=True)
class Words:
    """Literal words of a pattern; never shortened."""

    text: str


@dataclass(frozen=True)
class Field:
    """A text field of the example.

    ``cut`` is the place where a text that is too long is shortened; ``keep`` forbids shortening.
    Fields ``beside`` the input, in demonstrations, are shortened before those of the input.
    """

    name: str
    keep: bool = False
    cut: Cut = "tail"
    beside: bool = False


@dataclass(frozen=True)
class Mask:
    """Place at which the label word is predicted."""


@dataclass(frozen=True)
class Separator:
    """Start of the second segment."""


@dataclass(frozen=True)
class LabelName:
    """Place of a label's name; the pattern is asked once for each label and answered yes or no."""


@dataclass(frozen=True)
class Soft:
    """Learned tokens: ``length`` pseudo tokens, or trainable tokens that start as ``text``.

    All slots of one ``group`` share their vectors.
    """

    length: int = 1
    text: str | None = None
    group: str | None = None


Part = Words | Field | Mask | Separator | LabelName | Soft


def input_parts(fields: list[str]) -> tuple[Part, ...]:
    """Return the parts of a classifier's plain input: the fields, without words or a mask.

    The first field is the first segment, the others together are the second.
    """
    parts: list[Part] = [Field(fields[0])]
    for name in fields[1:]:
        parts.append(Separator() if len(parts) == 1 else Words(" "))
        parts.append(Field(name))
    return tuple(parts)


def written(part: Part) -> str:
    """Return a part as a template's text, which is parsed to the same part again."""
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
