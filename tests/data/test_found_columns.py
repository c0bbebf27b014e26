"""Columns found by their names, or by what is in them."""

from __future__ import annotations

from typing import Any

import pytest

from pet.data.found_columns import find_columns
from pet.errors import DataError

LONG = [f"This is the text of number {number}, with several words." for number in range(8)]


def rows(**columns: list[Any]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


NUMBERS = [str(number) for number in range(8)]
KINDS = ["red", "blue"] * 4


@pytest.mark.parametrize(
    ("columns", "texts", "label"),
    [
        ({"text": LONG, "label": KINDS}, {"text": "text"}, "label"),
        ({" Text": LONG, "LABEL": KINDS}, {"text": " Text"}, "LABEL"),
        ({"id": NUMBERS, "body": LONG, "category": KINDS}, {"text": "body"}, "category"),
        ({"nr": NUMBERS, "what": LONG, "sort": KINDS}, {"text": "what"}, "sort"),
        ({"text": LONG, "category": NUMBERS, "sort": KINDS}, {"text": "text"}, "sort"),
        ({"title": ["Two words"] * 8, "story": LONG, "label": KINDS}, {"text": "story"}, "label"),
        (
            {"comment": [LONG[0]] + [""] * 7, "feedback": LONG, "label": KINDS},
            {"text": "feedback"},
            "label",
        ),
        ({"label": KINDS, "kind": KINDS, "review": LONG}, {"text": "review"}, "label"),
        (
            {"premise": LONG, "hypothesis": LONG, "gold_label": KINDS},
            {"premise": "premise", "hypothesis": "hypothesis"},
            "gold_label",
        ),
        (
            {"Sentence1": LONG, "sentence2": LONG, "label": KINDS},
            {"sentence1": "Sentence1", "sentence2": "sentence2"},
            "label",
        ),
    ],
)
def test_columns_are_found(
    columns: dict[str, list[Any]], texts: dict[str, str], label: str
) -> None:
    found = find_columns("f", rows(**columns), {}, needs_label=True)
    assert (found.texts, found.label) == (texts, label)


def test_named_columns_are_taken() -> None:
    table = rows(title=LONG, body=LONG, a=KINDS, b=KINDS)
    found = find_columns("f", table, {"text": "Body", "label": "b"}, True)
    assert (found.texts, found.label) == ({"text": "body"}, "b")
    both = find_columns("f", table, {"head": "title", "rest": "body", "label": "a"}, True)
    assert both.texts == {"head": "title", "rest": "body"}


def test_unlabelled_rows_need_no_label() -> None:
    found = find_columns("f", rows(nr=NUMBERS, what=LONG), {}, needs_label=False)
    assert (found.texts, found.label) == ({"text": "what"}, None)


@pytest.mark.parametrize(
    ("columns", "given", "said"),
    [
        ({"text": LONG, "topic": KINDS, "tag": KINDS}, {}, "may be the label: 'topic', 'tag'"),
        (
            {"title": ["Two words"] * 8, "story": LONG, "extra": LONG, "label": KINDS},
            {},
            "is the text?",
        ),
        ({"text": LONG, "a": KINDS, "b": KINDS}, {}, "several columns may be the label: 'a', 'b'"),
        ({"text": LONG, "nr": NUMBERS}, {}, "no column looks like the label"),
        ({"one": LONG, "two": LONG, "label": KINDS}, {}, "which column is the text?"),
        ({"nr": NUMBERS, "label": KINDS}, {}, "which column is the text?"),
        ({"text": LONG, "label": KINDS}, {"text": "txt"}, "no column 'txt'; found 'text', 'label'"),
    ],
)
def test_what_cannot_be_told_is_asked(
    columns: dict[str, list[Any]], given: dict[str, str], said: str
) -> None:
    with pytest.raises(DataError) as caught:
        find_columns("f.csv", rows(**columns), given, needs_label=True)
    assert said in caught.value.message
    assert "f.csv" in caught.value.message
    assert "--column" in caught.value.message


def test_texts_without_blanks_are_texts() -> None:
    chinese = ["这部电影非常好看，我很喜欢它的故事和演员的表演，推荐大家去看看吧。"] * 8
    table = rows(nr=NUMBERS, nei=chinese, lei=KINDS)
    assert find_columns("f", table, {}, True).texts == {"text": "nei"}
