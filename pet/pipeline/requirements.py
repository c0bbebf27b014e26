"""Check that a method has the labelled examples and the unlabelled text that it needs."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pet.config import METHODS, TrainingConfig
from pet.data import Example, Pool
from pet.errors import DataError
from pet.task import Task
from pet.task.kinds import task_kind
from pet.task.labels import names

log = logging.getLogger(__name__)


def check_labels(
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
    present = {label for example in examples for label in names(example.label)}
    missing = [label for label in task.labels if label not in present]
    if missing:
        log.warning("no labelled example of %s", ", ".join(map(repr, missing)))


def check_pool(method: str, pool: Pool | None) -> None:
    """Refuse a method that needs unlabelled text if there is none.

    Raises
    ------
    DataError
        When there is none.
    """
    if METHODS[method].needs_pool and not pool:
        raise DataError(f"Method {method!r} needs unlabelled text.", "Give `--unlabeled FILE`.")
