"""Labels and columns: how a row becomes an example."""

from __future__ import annotations

from typing import Any

import pytest
from films import POLARITY, columns, read

from pet.data import (
    Example,
    has_labels,
)
from pet.errors import DataError, UsageError
from pet.task import PVP, Task, Verbalizer

PAIRS = Task(
    name="pairs",
    labels=["positive", "negative"],
    fields=["first", "second"],
    columns={"first": "text", "second": "text_b"},
    label_column="gold",
    pvps=[PVP("{first} {mask} {second}", POLARITY)],
)


# --- labels -------------------------------------------------------------------------------------


def test_unknown_label_names_its_row_and_the_nearest_label() -> None:
    rows = [{"text": "a", "label": "positive"}, {"text": "b", "label": "negativ"}]
    with pytest.raises(DataError) as caught:
        read(rows)
    assert str(caught.value) == "row 2: unknown label 'negativ'.\n  Did you mean 'negative'?"


@pytest.mark.parametrize("label", [None, ""])
def test_missing_label_is_refused_only_where_it_is_required(label: Any) -> None:
    rows = [{"text": "a", "label": label}]
    with pytest.raises(DataError, match="row 1: the label in column 'label' is empty"):
        read(rows)
    with pytest.raises(DataError, match="row 1: no label in column 'label'; found 'text'"):
        read([{"text": "a"}])
    assert read(rows, columns(labels="optional")) == [Example({"text": "a"})]
    assert read(rows, columns(labels="ignored")) == [Example({"text": "a"})]


def test_labels_are_not_looked_at_where_they_are_ignored() -> None:
    rows = [{"text": "a", "label": "nonsense"}, {"text": "b"}]
    assert read(rows, columns(labels="ignored")) == [Example({"text": "a"}), Example({"text": "b"})]
    with pytest.raises(DataError, match="unknown label 'nonsense'"):
        read(rows, columns(labels="optional"))


def test_labels_may_be_numbers_and_padded() -> None:
    words = Verbalizer({"0": ["bad"], "1": ["good"]})
    task = Task("stars", ["0", "1"], ["text"], [PVP("{text} {mask}", words)])
    rows = [{"text": "a", "label": 1}, {"text": "b", "label": " 0 "}]
    assert [example.label for example in read(rows, columns(task))] == ["1", "0"]


# --- columns ------------------------------------------------------------------------------------


def test_own_name_wins_then_the_tasks_column() -> None:
    rows = [
        {"first": "own", "text": "other", "text_b": "b", "gold": "positive"},
        {"text": "a", "second": "own", "text_b": "other", "gold": "negative"},
    ]
    assert read(rows, columns(PAIRS)) == [
        Example({"first": "own", "second": "b"}, "positive"),
        Example({"first": "a", "second": "own"}, "negative"),
    ]


def test_given_columns_win_over_everything() -> None:
    rows = [{"first": "x", "text": "x", "review": "r", "text_b": "b", "gold": "?", "y": "positive"}]
    found = read(rows, columns(PAIRS, first="review", label="y"))
    assert found == [Example({"first": "r", "second": "b"}, "positive")]


def test_given_column_that_is_absent_is_not_replaced_by_another() -> None:
    with pytest.raises(DataError, match="no column 'review' for the field 'text'"):
        read([{"text": "a", "label": "positive"}], columns(text="review"))


def test_mapping_of_an_unknown_field_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no field 'txt'(?s:.*)Did you mean 'text'"):
        columns(txt="review")


def test_texts_come_in_the_order_of_the_tasks_fields() -> None:
    rows = [{"text_b": " b ", "text": "a\n"}]
    found = read(rows, columns(PAIRS, labels="ignored"))
    assert found[0].key == ("a", "b")
    assert found[0].key == Example({"first": "a", "second": "b"}, "positive").key


# --- labels nobody asked for --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"text": "a", "label": "positive"}], True),
        ([{"text": "a", "label": 0}], True),
        ([{"text": "a", "label": ""}], False),
        ([{"text": "a", "label": None}], False),
        ([{"text": "a"}], False),
        ([], False),
    ],
)
def test_labels_are_noticed(rows: list[dict[str, Any]], expected: bool) -> None:
    assert has_labels(rows, columns()) is expected


def test_labels_are_noticed_in_the_given_column() -> None:
    assert has_labels([{"text": "a", "y": "positive"}], columns(label="y"))
    assert not has_labels([{"text": "a", "label": "positive"}], columns(label="y"))


@pytest.mark.parametrize("empty", [None, "", " ", [], "[]", float("nan")])
def test_an_empty_label_is_none_that_could_be_ignored(empty: object) -> None:
    assert not has_labels([{"text": "a", "label": empty}], columns(labels="ignored"))
    assert has_labels([{"text": "a", "label": "positive"}], columns(labels="ignored"))
