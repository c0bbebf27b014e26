"""Checks that a task's values are texts, and that it fits its kind; built-in ones are light."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pet.errors import TaskError, quoted
from pet.registry import Names
from pet.task.label_names import fault_of
from pet.task.label_questions import check_label_questions

if TYPE_CHECKING:
    from pet.task.task import Task

TASK_KINDS = Names(("single", "ordinal", "multi-label"), "task_kinds")


def check_texts(task: Task) -> None:
    """Refuse a task whose names are not texts, as in a file that was damaged or written by hand.

    Raises
    ------
    TaskError
        With the value that is none, or with labels that cannot be told apart.
    """
    names = ("name", "description", "label_column", "label_separator")
    texts = [(name, getattr(task, name)) for name in names]
    texts += [("fields", name) for name in task.fields]
    if isinstance(task.columns, Mapping):
        texts += [("columns", part) for pair in task.columns.items() for part in pair]
    else:
        raise TaskError(
            f"Task {quoted(task.name)}: columns must map fields to columns, found "
            f"{quoted(task.columns)}."
        )
    for name, text in texts:
        if not isinstance(text, str):
            raise TaskError(f"Task {quoted(task.name)}: {name} must be text, found {quoted(text)}.")
    if fault := fault_of(task.labels):
        problem, hint = fault
        raise TaskError(f"Task {task.name!r}: {problem}", hint)


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
