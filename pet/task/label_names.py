"""Names of labels: those that a task may have, and the one that a value means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from unicodedata import normalize

from pet.errors import quoted

# A whole number as tables write it in columns that also have empty cells.
_WHOLE = re.compile(r"([+-]?\d+)\.0+")


def fault_of(labels: Sequence[Any]) -> tuple[str, str | None] | None:
    """Return what is wrong with a task's labels, and what to do; None if nothing is.

    Two labels must differ in more than case and Unicode composition: people and programs that write
    files do not keep these apart.
    """
    seen: dict[str, str] = {}
    for label in labels:
        if not isinstance(label, str):
            return f"labels must be texts, found {quoted(label)}.", f"Write {quoted(str(label))}."
        if not label.strip():
            return f"the label {label!r} is empty.", "Give it a name."
        if label != label.strip():
            return (
                f"the label {quoted(label)} has blanks around it.",
                f"Write {quoted(label.strip())}.",
            )
        same = seen.setdefault(normalize("NFC", normalize("NFC", label).casefold()), label)
        if same != label:
            composed = normalize("NFC", same) == normalize("NFC", label)
            return (
                f"the labels {same!a} and {label!a} differ only in Unicode composition."
                if composed
                else f"the labels {same!r} and {label!r} differ only in case."
            ), "Give them names that people can tell apart."
    if len(labels) < 2 or len(seen) != len(labels):
        return f"expected two or more different labels, found {quoted(list(labels))}.", None
    return None


def is_missing(value: Any) -> bool:
    """Tell whether a value stands for none: None, NaN, NaT or pandas' NA."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except TypeError:  # pandas' NA is neither equal to itself nor not
        return True
    except ValueError:  # an array
        return False


def label_meant(value: Any, labels: Sequence[str]) -> str | None:
    """Return the label that a value means; None if it means none.

    A text means the label that it spells, without outer blanks and in any Unicode composition; a
    number the label that is this number, so both 1 and 1.0 mean "1"; True and False the labels
    spelled so in any case, or else "1" and "0".

    Examples
    --------
    >>> from pet.task.label_names import label_meant
    >>> label_meant(" good ", ["good", "bad"]), label_meant(1.0, ["0", "1"])
    ('good', '1')
    >>> label_meant(True, ["false", "true"]), label_meant(2, ["0", "1"])
    ('true', None)
    """
    if isinstance(value, str):
        return _spelled(value.strip(), labels)
    if hasattr(value, "item") and not getattr(value, "shape", ()):
        value = value.item()  # a number of numpy or torch
    if isinstance(value, bool):
        for label in labels:
            if label.lower() == str(value).lower():
                return label
        value = int(value)
    if isinstance(value, int | float):
        return _numbered(value, labels)
    return _spelled(str(value).strip(), labels)


def _spelled(text: str, labels: Sequence[str]) -> str | None:
    if text in labels:
        return str(text)
    composed = normalize("NFC", text)
    for label in labels:
        if normalize("NFC", label) == composed:
            return label
    whole = whole_number(text)
    return None if whole == text else _numbered(int(whole), labels)


def _numbered(number: float, labels: Sequence[str]) -> str | None:
    same = [label for label in labels if number_of(label) == number]
    if len(same) > 1:  # such as "1" and "1.0"
        same = [label for label in same if label == str(number)]
    return same[0] if same else None


def whole_number(text: str) -> str:
    """Return the whole number that a table has written as 1.0, as "1"; another text as it is."""
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def number_of(label: str) -> float | None:
    """Return the number that a label is; None for other labels."""
    try:
        return float(label)
    except ValueError:
        return None
