"""Check that a method has the labelled examples and the unlabelled text that it needs."""

from __future__ import annotations

from collections.abc import Sequence

from pet.config import METHODS, TrainingConfig
from pet.data import Example
from pet.errors import DataError
from pet.task import Task
from pet.task.kinds import task_kind
from pet.task.labels import names


def refuse_labels(
    task: Task, method: str, training: TrainingConfig, examples: Sequence[Example]
) -> None:
    """Refuse labelled examples that the method cannot learn from.

    Raises
    ------
    DataError
        When there are none, too few, or all have the same label.
    """
    row = METHODS[method]
    if row.training(training).max_steps == 0 or not (examples or row.needs_labels):
        return
    if not examples:
        raise DataError(f"Method {method!r} needs labelled examples.", "Give `--train FILE`.")
    task_kind(task).check_examples([example.label for example in examples], task.labels)


def without_examples(task: Task, examples: Sequence[Example]) -> list[str]:
    """Return the labels of which there is no example."""
    present = {label for example in examples for label in names(example.label)}
    return [label for label in task.labels if label not in present]


def refuse_pool(method: str, n_unlabelled: int, n_left_out: int = 0) -> None:
    """Refuse a method that needs unlabelled text if there is none but that of the examples.

    Raises
    ------
    DataError
        When there is none.
    """
    if METHODS[method].needs_pool and not n_unlabelled:
        found = f", and all {n_left_out} are labelled examples too" if n_left_out else ""
        raise DataError(
            f"Method {method!r} needs unlabelled text{found}.", "Give `--unlabeled FILE`."
        )
