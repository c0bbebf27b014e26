"""Labels as rows hold them: one name or, where a task is multi-label, a list of names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pet.errors import DataError, did_you_mean
from pet.task.task import Task

# The label of a text; of a multi-label task all its labels in the task's order, () for none.
Label = str | tuple[str, ...]


def names(label: Label | None) -> Sequence[str]:
    """Every label of a text, one by one; none where it is unknown."""
    return (label,) if isinstance(label, str) else label or ()


def label_text(label: Label, separator: str) -> str:
    """Return a label as one cell of a table; several are joined, as rows may have them."""
    return label if isinstance(label, str) else separator.join(label)


def known_label(where: str, value: Any, task: Task) -> str:
    """Return a label of the task, or refuse one that it does not have."""
    label = str(value).strip()
    if label not in task.labels:
        raise DataError(f"{where}: unknown label {label!r}.", did_you_mean(label, task.labels))
    return label


def label_numbers(labels: Sequence[object], known: Sequence[str]) -> NDArray[np.int64]:
    """Positions of labels in the task's list, (N,)."""
    index = {label: number for number, label in enumerate(known)}
    return np.array([index[str(label)] for label in labels], dtype=np.int64)
