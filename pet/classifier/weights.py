"""Weights of examples: scikit-learn's ``sample_weight``, and ``class_weight`` as a mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pet.classifier.classes import Classes
from pet.data import Example
from pet.data.tables import plain_column
from pet.errors import DataError, UsageError
from pet.task import Task
from pet.task.kinds import refuse_multi_label


def weighted(
    examples: Sequence[Example],
    classes: Classes,
    task: Task,
    sample_weight: Any,
    class_weight: Any,
) -> list[Example]:
    """Return examples with their weights, of mean 1; those of weight 0 are left out.

    Parameters
    ----------
    examples : sequence of Example
        N labelled examples.
    classes : Classes
        Their classes.
    task : Task
        The task.
    sample_weight : sequence (N,) of float, optional
        A weight for each.
    class_weight : mapping, optional
        Class, or label of the task, to the factor of its examples' weights, 1 for others. Anything
        else is a setting of the training, and leaves the weights alone.

    Raises
    ------
    DataError
        When there are not N weights, one is negative or no number, or all are 0.
    UsageError
        When a class is unknown, or the task's texts have several labels.
    """
    weights = np.ones(len(examples))
    if sample_weight is not None:
        weights = _numbers(sample_weight, len(examples))
    if isinstance(class_weight, Mapping):
        refuse_multi_label(task, "class_weight with a weight for each class")
        factors = _factors(class_weight, classes, task)
        weights = weights * [factors.get(str(example.label), 1.0) for example in examples]
    if not len(weights) or ((weights == weights[0]).all() and weights[0] > 0):
        return list(examples)
    kept = weights > 0
    if not kept.any():
        raise DataError("All weights of examples are zero.", "Give some a weight above 0.")
    weights = weights / weights[kept].mean()
    return [
        replace(example, weight=weight)
        for example, weight in zip(examples, weights.tolist(), strict=True)
        if weight > 0
    ]


def _numbers(sample_weight: Any, count: int) -> NDArray[np.float64]:
    try:
        weights = np.asarray(plain_column(sample_weight), dtype=np.float64).reshape(-1)
    except (TypeError, ValueError) as error:
        raise DataError(f"sample_weight must hold numbers, found {sample_weight!r}.") from error
    if len(weights) != count:
        raise DataError(f"Got {count} texts but {len(weights)} weights in sample_weight.")
    for row, weight in enumerate(weights.tolist(), 1):
        if not 0 <= weight < float("inf"):
            raise DataError(f"row {row}: a weight must be a number from 0, not {weight!r}.")
    return weights


def _factors(class_weight: Mapping[Any, float], classes: Classes, task: Task) -> dict[str, float]:
    labels = dict(zip(classes.values.tolist(), classes.labels, strict=True))
    labels = {**{label: label for label in task.labels}, **(classes.known or {}), **labels}
    factors = {}
    for name, weight in class_weight.items():
        if name not in labels:
            known = ", ".join(map(repr, classes.values.tolist()))
            raise UsageError(f"class_weight names the unknown class {name!r}. Known: {known}.")
        number = isinstance(weight, int | float | np.number) and not isinstance(weight, bool)
        if not number or not 0 <= weight < float("inf"):
            raise UsageError(
                f"class_weight gives {name!r} the weight {weight!r}; expected a number from 0."
            )
        factors[labels[name]] = float(weight)
    return factors
