"""Patterns: a one-line template language that turns an example into a cloze question."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from pet.errors import PatternError, quoted
from pet.task.parts import Field, LabelName, Mask, Part, Separator, Soft, Words

RESERVED = ("mask", "sep", "label", "soft")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# One quoted string, and nothing that would have to be computed.
_QUOTED = re.compile(r"""(['"])(?:\\.|(?!\1)[^\\])*\1\Z""", re.DOTALL)
# Learned tokens of one slot. Backbones read 512 tokens or some thousands in all.
MOST_SOFT = 1000
_Fail = Callable[[str, int], PatternError]
# Slots that a pattern may have once, and that take no option.
_SINGLE: dict[str, Mask | Separator | LabelName] = {
    "mask": Mask(),
    "sep": Separator(),
    "label": LabelName(),
}


@dataclass(frozen=True)
class Pattern:
    """A parsed template.

    Parameters
    ----------
    template : str
        Text with slots: ``{field}``, ``{field:keep}``, ``{field:head}``, ``{field:middle}``,
        exactly one ``{mask}``, at most one ``{sep}`` and one ``{label}``, ``{soft}``,
        ``{soft:5}``, ``{soft:'It was'}``; ``{soft#name:5}`` and a later ``{soft#name}`` share their
        vectors; ``{{`` and ``}}`` are literal braces.

    Raises
    ------
    PatternError
        When the template is malformed; a caret points at the place.

    Examples
    --------
    >>> from pet import Pattern
    >>> pattern = Pattern("{premise}? {mask}, {hypothesis}")
    >>> pattern.fields
    ('premise', 'hypothesis')
    >>> pattern.render({"premise": "It rains", "hypothesis": "the street is wet"})
    'It rains? ____, the street is wet'
    >>> Pattern("{text} It was {mask")
    Traceback (most recent call last):
    ...
    pet.errors.PatternError: Pattern: this '{' is never closed; write '{{' for a literal brace
        {text} It was {mask
                      ^
    """

    template: str
    parts: tuple[Part, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", _parse(self.template))

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the text fields, in the order of their first use."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Field)))

    @property
    def is_soft(self) -> bool:
        """Whether the pattern has learned tokens."""
        return any(isinstance(part, Soft) for part in self.parts)

    @property
    def has_pseudo_tokens(self) -> bool:
        """Whether some learned tokens do not start as words of the pattern."""
        return any(isinstance(part, Soft) and part.text is None for part in self.parts)

    @property
    def asks_each_label(self) -> bool:
        """Whether the pattern names a label, so that it is asked once for every label."""
        return LabelName() in self.parts

    def render(
        self,
        values: dict[str, str],
        mask: str = "____",
        separator: str = " | ",
        label: str = "<label>",
    ) -> str:
        """Return the filled pattern as text for people."""
        shown = []
        for part in self.parts:
            match part:
                case Words(text):
                    shown.append(text)
                case Field(name):
                    shown.append(values[name])
                case Mask():
                    shown.append(mask)
                case Separator():
                    shown.append(separator)
                case LabelName():
                    shown.append(label)
                case Soft(length, text):
                    shown.append(f"<{length}>" if text is None else f"<{text.strip()}>")
        return "".join(shown)


def _parse(template: str) -> tuple[Part, ...]:
    """Return the parts of a template, or raise a `PatternError` that points at the fault."""

    if not isinstance(template, str):
        raise PatternError(f"Pattern: expected text with slots, found {quoted(template)}.")

    def fail(problem: str, position: int) -> PatternError:
        return PatternError(f"Pattern: {problem}\n{_pointed_at(template, position)}")

    for at, character in enumerate(template):
        if "\ud800" <= character <= "\udfff":
            raise fail("this character is half of a surrogate pair, which no text has", at)
    parts: list[Part] = []
    words = ""
    groups: dict[str, Soft] = {}
    position = 0
    while position < len(template):
        character = template[position]
        if template.startswith(("{{", "}}"), position):
            words += character
            position += 2
            continue
        if character == "}":
            raise fail("'}' without '{'; write '}}' for a literal brace", position)
        if character != "{":
            words += character
            position += 1
            continue
        end = _slot_end(template, position)
        if end is None:
            raise fail("this '{' is never closed; write '{{' for a literal brace", position)
        part = _slot(template[position + 1 : end], position, groups, fail)
        for name, single in _SINGLE.items():
            if part == single and part in parts:
                raise fail(f"a second {{{name}}}; exactly one is allowed", position)
        if words:
            parts.append(Words(words))
            words = ""
        parts.append(part)
        position = end + 1
    if words:
        parts.append(Words(words))
    if Mask() not in parts:
        raise fail("no {mask}; every pattern needs one, where the label word goes", len(template))
    if not any(isinstance(part, Field) for part in parts):
        raise fail("no text field, such as {text}", len(template))
    return tuple(parts)


def _pointed_at(template: str, position: int, around: int = 100) -> str:
    """Return a template's line around a position, and a line with a caret under it."""
    start, end = max(0, position - around), position + around
    before, after = template[start:position], template[position:end]
    if start:
        before = "..." + before
    if end < len(template):
        after += "..."
    line = "".join(letter if letter.isprintable() else " " for letter in before + after)
    # Characters of Chinese, Japanese and Korean are two columns wide, and so is this space.
    indent = "".join(
        "\u3000" if unicodedata.east_asian_width(letter) in "WF" else " " for letter in before
    )
    return f"    {line}\n    {indent}^"


def _slot_end(template: str, start: int) -> int | None:
    """Return the position of the brace that closes a slot; None if there is none."""
    quote = ""
    escaped = False
    for position in range(start + 1, len(template)):
        character = template[position]
        if escaped:
            escaped = False
        elif quote and character == "\\":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and ":" in template[start:position]:
            quote = character
        elif character == "}":
            return position
        elif character == "{":
            return None
    return None


def _slot(inside: str, position: int, groups: dict[str, Soft], fail: _Fail) -> Part:
    """Return the part that the text inside a slot's braces stands for."""
    name, colon, option = inside.partition(":")
    name, hash_sign, group = (text.strip() for text in name.partition("#"))
    option = option.strip()
    for word in (name, group) if hash_sign else (name,):
        if not _NAME.match(word):
            raise fail(f"expected a field name, found {quoted(inside)}", position + 1)
    if colon and not option:
        raise fail(f"nothing after {quoted(name + ':')}", position + 1)
    if name == "soft":
        return _soft(option, group or None, groups, position, fail)
    if hash_sign:
        raise fail(f"only soft takes a group's name, not {quoted(name)}", position + 1)
    if name in _SINGLE:
        if colon:
            raise fail(f"{{{name}}} takes no option", position + 1)
        return _SINGLE[name]
    match option:
        case "":
            return Field(name)
        case "keep":
            return Field(name, keep=True)
        case "tail" | "head" | "middle":
            return Field(name, cut=option)
    raise fail(f"unknown option {quoted(option)}; a field takes keep, head or middle", position + 1)


def _soft(
    option: str, group: str | None, groups: dict[str, Soft], position: int, fail: _Fail
) -> Soft:
    """Return a soft slot; one of a group that was met before repeats the first."""
    earlier = groups.get(group) if group else None
    if earlier is not None and not option:
        return earlier
    slot = Soft(1, None, group) if not option else None
    if option.isdecimal():
        length = int(option) if len(option) <= len(str(MOST_SOFT)) else MOST_SOFT + 1
        if length > MOST_SOFT:
            raise fail(f"a soft slot has at most {MOST_SOFT} learned tokens", position + 1)
        slot = Soft(length, None, group) if length else None
    elif _QUOTED.match(option):
        try:
            text = str(ast.literal_eval(option))
        except (SyntaxError, ValueError):  # such as a \\x without digits
            text = ""
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise fail("these words have half of a surrogate pair", position + 1)
        slot = Soft(1, text, group) if text.strip() else None
    if slot is None:
        raise fail("soft takes a positive number or quoted words", position + 1)
    if earlier is not None and slot != earlier:
        raise fail(f"the group {quoted(group)} was given before with another start", position + 1)
    if group:
        groups[group] = slot
    return slot
