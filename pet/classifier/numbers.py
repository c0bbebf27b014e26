"""Whole numbers in y: labels themselves, or places among the sorted labels.

scikit-learn's meta-estimators and `cross_val_predict` encode y first: they hand `fit` an array of
places, 0 for the first label in sorted order. Texts sort otherwise than numbers ("10" before "2"),
and a task may list its labels in yet another order. So numbers are only read if every possible
reading gives the same labels, or if there is only one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from pet.errors import DataError
from pet.task.label_names import label_meant, number_of

log = logging.getLogger(__name__)


def places_of(
    numbers: Sequence[int],
    labels: Sequence[str],
    label_map: Mapping[Any, str] | None,
    is_array: bool,
) -> Mapping[Any, str] | None:
    """Return the label of every place; None if the numbers are labels, or values of ``label_map``.

    Parameters
    ----------
    numbers : sequence of int
        Different numbers in y, sorted.
    labels : sequence of str
        The task's labels.
    label_map : mapping, optional
        Every class of the y that people gave, to its label.
    is_array : bool
        Whether y is an array of numpy, as encoded labels are; lists and series are not.

    Raises
    ------
    DataError
        When there is no sure reading.
    """
    classes: list[Any] = sorted(labels if label_map is None else label_map)
    if label_map is None:
        themselves = [label_meant(number, labels) for number in numbers]
        ordered = [str(label) for label in classes]
    else:
        themselves = [label_map.get(number) for number in numbers]
        ordered = [label_map[value] for value in classes]
    fits = bool(numbers) and numbers[0] >= 0 and numbers[-1] < len(ordered)
    # With fewer numbers than labels, nobody knows which of the labels were sorted.
    is_whole = fits and (label_map is not None or numbers[-1] == len(ordered) - 1)
    as_places = [ordered[number] if is_whole else None for number in numbers]
    if None not in themselves:
        if is_array and fits and as_places != themselves:
            raise _two_readings(numbers, labels)
        return None
    if label_map is None and None not in (values := [number_of(label) for label in ordered]):
        if not is_whole:
            return None
        if values != sorted(values, key=float):  # type: ignore[arg-type]
            raise _two_readings(numbers, labels)
    agree = ordered == list(labels)
    if not is_whole or not (is_array or (agree and label_map is None)):
        if label_map is not None:
            return None
        raise DataError(
            f"y holds the numbers {_shown(numbers)}, and the task's labels are names: "
            f"{', '.join(map(repr, labels[:10]))}.",
            "Say which is which, such as label_map={0: ..., 1: ...}. An array that scikit-learn "
            "encoded needs an example of every label, also in every fold.",
        )
    if label_map is None and not agree:
        log.warning(
            "the numbers in y are read as places among the sorted labels: %s; pass label_map "
            "if that is wrong",
            ", ".join(f"{place} is {label!r}" for place, label in enumerate(ordered)),
        )
    return dict(enumerate(ordered))


def _two_readings(numbers: Sequence[int], labels: Sequence[str]) -> DataError:
    first = min(labels, key=len)
    return DataError(
        f"The numbers {_shown(numbers)} in an array may be labels, or places among the sorted "
        "labels, as scikit-learn's meta-estimators encode them; that is not the same here.",
        f"Say which classes y has: label_map={{{first}: {first!r}, ...}} if they are numbers, "
        f"label_map={{{first!r}: {first!r}, ...}} if they are texts that a meta-estimator encodes. "
        "Without a meta-estimator a list of numbers or of texts will do.",
    )


def _shown(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:10]))
    return shown if len(numbers) <= 10 else f"{shown}, ..."
