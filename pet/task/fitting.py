"""Checks that a task fits its kind. Those of built-in kinds load nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pet.registry import Names
from pet.task.label_questions import check_label_questions

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


CHECKS: dict[str, Callable[[Task], None]] = {"multi-label": check_label_questions}
