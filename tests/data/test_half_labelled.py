"""Rows that nobody has labelled yet: how they are written, and that they are no label by chance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from films import TASK, read

from pet.config.files import Reading
from pet.data import Columns, Labels
from pet.errors import DataError, TaskError, UsageError
from pet.task import PVP, Task, Verbalizer

YES_NO = PVP("{text} Is it about {label}? {mask}", Verbalizer({"yes": ["yes"], "no": ["no"]}))
TOPICS = Task("topics", ["food", "room"], ["text"], [YES_NO], kind="multi-label")
MISSING = "no column"
FAULT = "fault"


def label(task: Task, value: Any, labels: Labels, empty: str) -> Any:
    row = {"text": "a"} if value is MISSING else {"text": "a", "label": value}
    try:
        (example,) = read([row], Columns(task, {}, labels), Reading(empty_labels=empty))  # type: ignore[arg-type]
    except DataError:
        return FAULT
    return example.label


@pytest.mark.parametrize(
    ("value", "required", "partial", "unknown", "optional"),
    [
        ("food", ("food",), ("food",), ("food",), ("food",)),
        ([], (), (), (), ()),
        (";", (), (), (), ()),
        ("", (), (), None, ()),
        (" ", (), (), None, ()),
        (None, FAULT, None, None, None),
        (float("nan"), FAULT, None, None, None),
        ("?", FAULT, None, None, None),
        (" ? ", FAULT, None, None, None),
        (MISSING, FAULT, None, None, None),
        ("food;?", FAULT, FAULT, FAULT, FAULT),
    ],
)
def test_none_of_the_labels_is_not_the_same_as_not_labelled(
    value: Any, required: Any, partial: Any, unknown: Any, optional: Any
) -> None:
    assert label(TOPICS, value, "required", "none") == required
    assert label(TOPICS, value, "partial", "none") == partial
    assert label(TOPICS, value, "partial", "unknown") == unknown
    assert label(TOPICS, value, "optional", "none") == optional


@pytest.mark.parametrize("value", ["", " ", None, float("nan"), MISSING])
def test_one_label_is_missing_by_mistake_unless_that_is_said(value: Any) -> None:
    assert label(TASK, value, "partial", "none") == FAULT
    assert label(TASK, value, "partial", "unknown") is None
    assert label(TASK, value, "required", "unknown") == FAULT
    assert label(TASK, value, "optional", "none") is None
    assert label(TASK, "?", "partial", "unknown") == FAULT


def test_the_message_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="empty_labels='unknown'"):
        read([{"text": "a", "label": ""}], Columns(TASK, {}, "partial"))
    with pytest.raises(UsageError, match="Unknown meaning of empty labels"):
        Reading(empty_labels="nothing")  # type: ignore[arg-type]


def test_the_mark_is_no_label() -> None:
    with pytest.raises(TaskError, match="'\\?' cannot be a label of a multi-label task"):
        Task("topics", ["food", "?"], ["text"], [YES_NO], kind="multi-label")
    words = Verbalizer({"?": ["maybe"], "!": ["yes"]})
    assert Task("marks", ["?", "!"], ["text"], [PVP("{text} {mask}", words)]).labels[0] == "?"
