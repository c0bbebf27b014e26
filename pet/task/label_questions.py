"""The check that a multi-label task asks about each of its labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pet.errors import TaskError

if TYPE_CHECKING:
    from pet.task.task import Task

# A cell of a table that says that nobody has labelled the text yet. An empty one says something
# else here: that the text has none of the labels.
UNLABELLED = "?"


def check_label_questions(task: Task) -> None:
    """Refuse a multi-label task that does not ask about each label, or cannot tell labels apart."""
    for number, pvp in enumerate(task.pvps):
        if not pvp.pattern.asks_each_label:
            raise TaskError(
                f"Task {task.name!r}: pattern {number} ({pvp.pattern.template!r}) chooses one "
                "label, but the task is multi-label.",
                "Ask about each: '{text} Is this about {label}? {mask}.', with words for 'yes' "
                "and 'no'.",
            )
    if UNLABELLED in task.labels:
        raise TaskError(
            f"Task {task.name!r}: {UNLABELLED!r} cannot be a label of a multi-label task; it says "
            "that a text is not labelled yet.",
            "Give the label another name.",
        )
    for label in task.labels:
        if not task.label_separator.strip() or task.label_separator in label:
            raise TaskError(
                f"Task {task.name!r}: label_separator {task.label_separator!r} cannot separate "
                f"the label {label!r} from others.",
                "Choose a label_separator that is in no label.",
            )
