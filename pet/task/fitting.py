"""Checks that a task fits its kind. Those of built-in kinds load nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pet.errors import TaskError
from pet.registry import Names

if TYPE_CHECKING:
    from pet.task.task import Task

TASK_KINDS = Names(("single", "ordinal", "multi-label"), "task_kinds")


def check_kind(task: Task) -> None:
    """Refuse a task that its kind cannot take.

    Raises
    ------
    TaskError
        For example for a multi-label task with a pattern that chooses one label.
    """
    if task.kind in CHECKS:
        CHECKS[task.kind](task)
    elif task.kind not in TASK_KINDS.built_in:
        from pet.task.kinds import KINDS

        KINDS[task.kind].check_task(task)


def check_label_questions(task: Task) -> None:
    """Refuse a multi-label task that does not ask about each label, or cannot separate labels."""
    for number, pvp in enumerate(task.pvps):
        if not pvp.pattern.asks_each_label:
            raise TaskError(
                f"Task {task.name!r}: pattern {number} ({pvp.pattern.template!r}) chooses one "
                "label, but the task is multi-label.",
                "Ask about each: '{text} Is this about {label}? {mask}.', with words for 'yes' "
                "and 'no'.",
            )
    for label in task.labels:
        if not task.label_separator.strip() or task.label_separator in label:
            raise TaskError(
                f"Task {task.name!r}: label_separator {task.label_separator!r} cannot separate "
                f"the label {label!r} from others.",
                "Choose a label_separator that is in no label.",
            )


CHECKS: dict[str, Callable[[Task], None]] = {"multi-label": check_label_questions}
