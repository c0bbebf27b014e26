"""Whole numbers in y: labels themselves, or places among the sorted labels.

scikit-learn's meta-estimators and `cross_val_predict` encode y first: they hand `fit` of a clone an
array of places, 0 for the first label in sorted order. Texts sort otherwise than numbers ("10"
before "2"), a task may list its labels in yet another order, and a y that lacks a label moves the
places of the others. So numbers are only read if every possible reading gives the same labels, or
if there is only one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from math import isfinite
from typing import Any

from pet.errors import DataError
from pet.task.label_names import label_meant, number_of

log = logging.getLogger(__name__)


def places_of(
    numbers: Sequence[int],
    labels: Sequence[str],
    label_map: Mapping[Any, str] | None,
    may_be_encoded: bool,
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
    may_be_encoded : bool
        Whether a meta-estimator may have encoded y: it is an array of numpy, given to a clone.

    Raises
    ------
    DataError
        When there is no sure reading.
    """
    if label_map is not None:
        return _places_in(label_map, numbers) if may_be_encoded else None
    ordered = sorted(map(str, labels))
    fits = bool(numbers) and numbers[0] >= 0 and numbers[-1] < len(ordered)
    # With fewer numbers than labels, nobody knows which of the labels were sorted.
    is_whole = fits and numbers[-1] == len(ordered) - 1
    themselves = [label_meant(number, labels) for number in numbers]
    if None not in themselves:
        as_places = [ordered[number] for number in numbers] if is_whole else None
        if may_be_encoded and fits and as_places != themselves:
            raise _labels_or_places(numbers, labels)
        return None
    if None not in (values := [number_of(label) for label in ordered]):
        if not is_whole:
            return None
        if values != sorted(values, key=float):  # type: ignore[arg-type]
            if may_be_encoded:
                raise _labels_or_places(numbers, labels)
            raise _two_orders(numbers, labels)
    agree = ordered == list(labels)
    if not fits or not (agree or may_be_encoded):
        raise _two_orders(numbers, labels)
    if not is_whole:
        raise _some_of(numbers, labels) if may_be_encoded else _two_orders(numbers, labels)
    if not agree:
        _tell_reading(_shown(numbers), tuple(ordered), tuple(labels))
    return dict(enumerate(ordered))


def _places_in(label_map: Mapping[Any, str], numbers: Sequence[int]) -> Mapping[Any, str] | None:
    """Return the label of every place among the sorted classes; None if numbers are classes."""
    classes = sorted(label_map)
    if not numbers or numbers[0] < 0 or numbers[-1] >= len(classes):
        return None
    ordered = [label_map[value] for value in classes]
    is_whole = numbers[-1] == len(classes) - 1
    themselves = [label_map.get(number) for number in numbers]
    if is_whole and themselves == [ordered[number] for number in numbers]:
        return None
    if is_whole and None in themselves:
        return dict(enumerate(ordered))
    raise DataError(
        f"y holds the numbers {_shown(numbers)}, and label_map has {len(classes)} classes: "
        f"{', '.join(map(repr, classes[:10]))}. If scikit-learn encoded a y that lacks some of "
        "them, nobody knows which classes the numbers are.",
        "Give a label_map with only the classes that your y has; every fold needs an example of "
        f"each. {_HIDDEN}",
    )


_HIDDEN = "OneVsRestClassifier and OneVsOneClassifier hide the labels of more than two classes."


def _labels_or_places(numbers: Sequence[int], labels: Sequence[str]) -> DataError:
    own = [(number_of(label), label) for label in labels]
    finite = [(value, label) for value, label in own if value is not None and isfinite(value)]
    values = [int(value) if value.is_integer() else value for value, _ in finite]
    return DataError(
        f"The numbers {_shown(numbers)} in an array may be labels, or places among the sorted "
        "labels, as scikit-learn's meta-estimators encode them; that is not the same here.",
        "Say which classes your y has, and only these: "
        f"{_map(values, [label for _, label in finite])} if they are numbers, "
        f"{_map(labels, labels)} if they are texts. {_HIDDEN}",
    )


def _two_orders(numbers: Sequence[int], labels: Sequence[str]) -> DataError:
    ordered = sorted(labels)
    if numbers[0] >= 0 and numbers[-1] < len(labels):
        way = _map(range(len(labels)), labels)
        if ordered != list(labels):
            other = _map(range(len(labels)), ordered)
            way = f"{way} in the task's order, or {other} in alphabetical order"
    else:
        way = f"for example {_map(numbers, labels)}"
    return DataError(
        f"y holds the numbers {_shown(numbers)}, and the task's labels have names: "
        f"{', '.join(map(repr, labels[:10]))}.",
        f"Give the names, or say which is which: {way}.",
    )


def _some_of(numbers: Sequence[int], labels: Sequence[str]) -> DataError:
    some = sorted(labels)[: len(numbers)]
    return DataError(
        f"y holds the numbers {_shown(numbers)}, and the task's labels have names: "
        f"{', '.join(map(repr, labels[:10]))}. Which of them y has is not sure.",
        "If your y holds texts that scikit-learn encoded, name the labels that it has, such as "
        f"{_map(some, some)}. If it holds numbers of your own, say what they mean, such as "
        f"{_map(numbers, some)}. Every fold needs an example of each. {_HIDDEN}",
    )


@cache  # says each reading once
def _tell_reading(numbers: str, ordered: tuple[str, ...], labels: tuple[str, ...]) -> None:
    log.warning(
        "y holds the numbers %s. They were read as scikit-learn encodes labels: %s. If they are "
        "numbers of your own, pass label_map, such as %s.",
        numbers,
        ", ".join(f"{place} is {label!r}" for place, label in enumerate(ordered)),
        _map(range(len(labels)), labels),
    )


def _map(keys: Iterable[Any], labels: Sequence[str]) -> str:
    """Return a label_map as Python code, the start of a long one."""
    pairs = list(zip(keys, map(str, labels), strict=False))
    return f"label_map={dict(pairs[:20])!r}{' and so on' if len(pairs) > 20 else ''}"


def _shown(numbers: Sequence[int]) -> str:
    first, last = numbers[0], numbers[-1]
    if len(numbers) > 3 and last - first == len(numbers) - 1:
        return f"{first} to {last}"
    shown = ", ".join(map(str, numbers[:10]))
    return shown if len(numbers) <= 10 else f"{shown}, ..."
