"""What a method needs of the labelled examples."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pet.config import Settings
from pet.data import Example
from pet.errors import DataError
from pet.task import Task
from pet.task.labels import names

log = logging.getLogger(__name__)


def check_labels(task: Task, settings: Settings, examples: Sequence[Example]) -> None:
    """Refuse labelled examples that the method cannot learn from.

    Raises
    ------
    DataError
        When there are none, too few, or all have the same label.
    """
    if settings.method == "zero-shot" or settings.training.max_steps == 0:
        return
    if settings.method == "ipet" and not examples:
        return
    if not examples:
        raise DataError(
            f"Method {settings.method!r} needs labelled examples.", "Give --train FILE."
        )
    present = {example.label for example in examples}
    if task.is_multi_label:
        check_truth(task, [names(label) for label in present])
        return
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
    if missing:
        log.warning("no labelled example of %s", ", ".join(map(repr, missing)))


def check_truth(task: Task, sets: Sequence[Sequence[str]]) -> None:
    """Refuse to learn where nothing is ever true, or everything always."""
    used = {label for own in sets for label in own}
    if not used or all(len(own) == len(task.labels) for own in sets):
        raise DataError(
            "Every labelled example has " + ("all labels." if used else "no label at all."),
            "Label examples that differ.",
        )
    missing = [label for label in task.labels if label not in used]
    if missing:
        log.warning("no labelled example of %s", ", ".join(map(repr, missing)))
