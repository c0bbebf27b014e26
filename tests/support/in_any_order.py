"""Tasks whose labels stand in a given order, a classifier of them, and rows for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pet import PVP, PETClassifier, Task, Verbalizer

# Words that tiny models know, one for each label of a task. The lively one likes the first three
# about equally, so that its predictions differ.
WORDS = (
    "news happy business good bad sports world great terrible sad cold warm fast slow red blue"
).split()
THINGS = ("film", "food", "room", "train", "phone")
HOWS = ("very good", "sad", "all news")


def task_of(labels: Sequence[str], **more: Any) -> Task:
    """A task with these labels; a label has the same word in every order."""
    words = {label: [word] for label, word in zip(sorted(labels), WORDS, strict=False)}
    pvp = PVP("{text} It was {mask}.", Verbalizer({label: words[label] for label in labels}))
    return Task("any", list(labels), ["text"], [pvp], **more)


def classifier_of(labels: Sequence[str], backbone: str, **more: Any) -> PETClassifier:
    """An untrained classifier of such a task; ``max_steps`` makes it train its one pattern."""
    settings: dict[str, Any] = {"method": "zero-shot" if "max_steps" not in more else "single"}
    return PETClassifier(
        task_of(labels), **{**settings, "backbone": backbone, "device": "cpu", **more}
    )


def texts(count: int) -> list[str]:
    """So many different short texts."""
    found = [
        f"{who} {what} was {how} {more}".strip()
        for more in ("", "but not cold", "and fast")
        for who in ("the", "this")
        for what in THINGS
        for how in HOWS
    ]
    return found[:count]
