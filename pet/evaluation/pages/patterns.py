"""Patterns of a task for a page: each once, with the number of its set of label words."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from pet.task import Task


def pattern_list(task: Task, used: Container[Any] | None = None) -> dict[str, Any]:
    """Return patterns with the numbers of their sets, and the different sets with an example.

    ``used`` are numbers of the patterns that have members; without it all count as used.
    """
    sets: list[Any] = []
    patterns = []
    for number, pvp in enumerate(task.pvps):
        words = (pvp.pattern.asks_each_label, pvp.verbalizers)
        if words not in sets:
            sets.append(words)
        patterns.append(
            {
                "number": number,
                "template": pvp.pattern.template,
                "used": used is None or number in used,
                "set": sets.index(words) + 1,
            }
        )
    return {
        "patterns": patterns,
        "sets": [{"asks": asks, "verbalizers": verbalizers} for asks, verbalizers in sets],
    }
