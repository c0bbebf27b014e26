"""Frames: a task's fields and names, as the rules for candidate patterns are filled with them."""

from __future__ import annotations

from pet.task import Task
from pet.task.parts import Field

# Longer lists of label names make a question that leaves no room for the text.
MOST_NAMED = 8


def placeholders(task: Task) -> list[str]:
    """Return the fields as a template has them, such as ``{passage}`` or ``{question:keep}``."""
    options: dict[str, str] = {}
    for pvp in task.pvps:
        for piece in pvp.pattern.parts:
            if isinstance(piece, Field):
                cut = "" if piece.cut == "tail" else f":{piece.cut}"
                options.setdefault(piece.name, ":keep" if piece.keep else cut)
    return [f"{{{name}{options.get(name, '')}}}" for name in task.fields]


def literal(text: str) -> str:
    """Escape braces, so that a template holds the text literally."""
    return text.replace("{", "{{").replace("}", "}}")


def between(task: Task, frame: str, comma: str = " ") -> list[str]:
    """Put the first field at ``{a}``, the others at ``{b}``; return [] if there is one field."""
    first, *others = placeholders(task)
    if not others:
        return []
    return [frame.replace("{a}", first).replace("{b}", comma.join(others))]


def words_of(name: str) -> str:
    """Return a name as words, such as "long text" for ``long_text``."""
    return literal(name.replace("_", " ").strip())
