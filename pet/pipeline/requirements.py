"""Labelled examples and unlabelled text that a method needs."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pet.config import METHODS, TrainingConfig
from pet.data import Example, Pool
from pet.errors import DataError
from pet.task import Task
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
    if task.is_multi_label:
        _check_sets(task, examples)
    else:
        _check_single(task, examples)


def check_pool(method: str, pool: Pool | None) -> None:
    """Refuse to go without unlabelled text where the method needs some.

    Raises
    ------
    DataError
        When it does, and there is none.
    """
    if METHODS[method].needs_pool and not pool:
        raise DataError(f"Method {method!r} needs unlabelled text.", "Give `--unlabeled FILE`.")


def _check_single(task: Task, examples: Sequence[Example]) -> None:
    """Refuse examples of one label, or fewer than there are labels."""
    present = {example.label for example in examples}
    missing = [label for label in task.labels if label not in present]
    if len(present) == 1:
        raise DataError(
            f"All {len(examples)} labelled examples have the label {present.pop()!r}; a classifier "
            "needs at least two.",
            "Label some examples of " + ", ".join(map(repr, missing[:5])) + ".",
        )
    if len(examples) < len(task.labels):
        raise DataError(
            f"{len(examples)} labelled examples are fewer than the task's {len(task.labels)} "
            f"labels; {', '.join(map(repr, missing[:5]))} have none.",
            "Label at least one example of every label.",
        )
    _warn_of(missing)


def _check_sets(task: Task, examples: Sequence[Example]) -> None:
    """Refuse sets of labels of which all are empty, or all have every label."""
    label_sets = [set(names(example.label)) for example in examples]
    present = set[str]().union(*label_sets)
    if not present or all(len(labels) == len(task.labels) for labels in label_sets):
        raise DataError(
            "Every labelled example has " + ("all labels." if present else "no label at all."),
            "Label examples that differ.",
        )
    _warn_of([label for label in task.labels if label not in present])


def _warn_of(missing: Sequence[str]) -> None:
    if missing:
        log.warning("no labelled example of %s", ", ".join(map(repr, missing)))
