"""Rows that nobody has labelled yet: how they are written, and that they are no label by chance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from films import TASK, read
from toy import pet

from pet.config.files import Reading
from pet.data import Columns, Labels
from pet.data.fault_counts import FaultCounts, checked_examples
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


def test_a_file_of_mostly_empty_labels_is_told(tmp_path: Path) -> None:
    def remarks(*cells: str) -> list[str]:
        path = tmp_path / "topics.csv"
        path.write_text("text,label\n" + "".join(f"a,{cell}\n" for cell in cells), "utf-8")
        counts = FaultCounts("topics.csv")
        list(checked_examples(path, Columns(TOPICS, {}, "partial"), None, counts))
        return counts.remarks

    assert remarks("food", "", "") == [
        "topics.csv: 2 of 3 rows have an empty label, which is read as none of the labels. If they "
        "are not labelled yet, give `--empty-labels unknown`."
    ]
    assert remarks("food", "") == remarks("food", "[]", "[]") == []


def test_check_and_train_tell_empty_labels(tmp_path: Path, tiny_bert: str) -> None:
    task = tmp_path / "topics.py"
    task.write_text(
        "from pet import PVP, Task, Verbalizer\n"
        "words = Verbalizer({'yes': ['good'], 'no': ['bad']})\n"
        "TASK = Task('topics', ['film', 'room'], ['text'], [PVP('{text} {label} {mask}', words)],"
        " kind='multi-label')\n",
        "utf-8",
    )
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\nthe film,film\na room,room\n" + "so sad,\n" * 4, "utf-8")
    call = ("--task", task, "--train", rows, "--backbone", tiny_bert)
    told = "4 of 6 rows have an empty label, which is read as none of the labels. If they are not "
    told += "labelled yet, give --empty-labels unknown."
    assert f"warning: {rows}: {told}" in pet("check", *call).out
    trained = pet("train", *call, "--test", rows, "--method", "zero-shot", "-o", tmp_path / "run")
    assert trained.code == 0, trained.err
    assert trained.err.count(told) == 2
