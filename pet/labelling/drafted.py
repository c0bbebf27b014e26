"""A task from label names alone."""

from __future__ import annotations

from collections.abc import Sequence

from pet.task import PVP, Task, Verbalizer

_PATTERNS = ("{text} It is about {mask}.", "{text} ( {mask} )", "Category: {mask}. {text}")


def task_of_labels(labels: Sequence[str]) -> Task:
    """Return a task whose patterns are generic and whose label words are the labels' names.

    Raises
    ------
    TaskError
        When the labels cannot be those of a task, such as two alike.
    """
    words = Verbalizer({label: [label.replace("_", " ").strip()] for label in labels})
    pvps = [PVP(pattern, words) for pattern in _PATTERNS]
    return Task("labels", labels, ["text"], pvps, description=f"One of: {', '.join(labels)}.")
