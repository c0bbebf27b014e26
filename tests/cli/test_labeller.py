"""Rows of an input: counted without reading their texts, and looked up in one step a column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from films import TASK, columns
from tiny import bert_tokenizer

from pet.cli.labelled_rows import LabelledRows
from pet.cli.labeller import Labeller
from pet.cli.unread import Unread
from pet.config.files import Reading
from pet.data import Fault
from pet.data.formats.known import FORMATS
from pet.encoding import TextTokenizer
from pet.errors import DataError


def no_examples(*_: Any) -> Any:
    raise AssertionError("no example is needed")


def test_rows_are_counted_without_their_examples(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        '{"text": "a", "id": 1}\n{"text": ""}\nnot JSON\n{"text": "b", "answer": "reject"}\n'
    )
    reads = columns(labels="ignored")
    labeller = Labeller(
        {"": TASK}, no_examples, reads.hints, no_examples, TextTokenizer(bert_tokenizer())
    )
    assert labeller.survey(str(path), Reading()) == (["text", "id", "answer"], 4)


class Column(str):
    """Name of a column that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Column.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_a_rows_columns_are_looked_up_and_not_compared_with_all() -> None:
    names = [Column(f"column {number}") for number in range(400)]
    table = LabelledRows([TASK], names, FORMATS["csv"])
    Column.compared = 0
    row = table.row(dict.fromkeys(names, "a"))
    assert list(row) == table.columns
    assert Column.compared < 4 * len(names)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (1, "The only row could not be read:\n      1  bad"),
        (2, "None of 2 rows could be read:\n      2  bad"),
    ],
)
def test_an_input_without_a_row_that_can_be_read_is_told(rows: int, told: str) -> None:
    unread = Unread("skip", "in.csv")
    for _ in range(rows):
        unread.add(Fault("in.csv, row 1", DataError("bad")))
    with pytest.raises(DataError, match=told):
        unread.told(0)
