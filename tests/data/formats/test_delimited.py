"""Tables: the delimiter is found out, and quotes never cost a row."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from films import columns, read
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pet.config.files import Reading
from pet.data import Example, examples_and_rows
from pet.data.formats import delimited
from pet.data.formats import quoting as quoting_rules
from pet.data.formats.base import Hints
from pet.data.formats.delimiters import Lines
from pet.data.formats.known import FORMATS
from pet.data.formats.writing import rows_writer
from pet.errors import DataError, UsageError

HINTS = Hints((("text",),), "label", needs_labels=True)
POSITIVE = Example({"text": "good"}, "positive")


def rows(content: str, ending: str = "csv", hints: Hints = HINTS) -> list[dict[str, Any]]:
    """Read a table; a row that cannot be read is raised."""
    found = []
    for _, row in FORMATS[ending].rows("t", io.BytesIO(content.encode()), hints):
        if isinstance(row, DataError):
            raise row
        found.append(dict(row))
    return found


def quoting(how: Any) -> Hints:
    return Hints((("text",),), "label", True, Reading(quoting=how))


# The delimiter

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=12)
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8)


@settings(max_examples=80, deadline=None)
@given(
    delimiter=st.sampled_from(",;\t|"),
    ending=st.sampled_from(["csv", "tsv"]),
    table=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=4),
    quote=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_any_table_is_read_whatever_its_delimiter(
    delimiter: str, ending: str, table: list[tuple[str, ...]], quote: Any
) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, quoting=quote, lineterminator="\n")
    writer.writerows([("id", "text", "label"), *table])
    expected = [row for row in table if any(cell.strip() for cell in row)]
    found = [tuple(row.values()) for row in rows(stream.getvalue(), ending)]
    # Between tabs, a text in quotes that no writer doubled is taken as it is.
    assert found == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("text;label\ngood, or so;positive\n", ["good, or so"]),
        ("text\nso; good | none\n", ["so; good | none"]),  # one column, found as it is
        ("label,text\npositive,a;b;c\n", ["a;b;c"]),
        ("text;my,label\nx;y,positive\n", ["x"]),  # more of the columns than by the ending's own
        ("sep=|\r\ntext|label\r\na;b|positive\r\n", ["a;b"]),
        ('"sep=;"\ntext;label\na,b;positive\n', ["a,b"]),
        ('"text";"label"\n"a,b";"positive"\n', ["a,b"]),
        ("\n \r\ntext;label\na,b;positive\n", ["a,b"]),
        ("\ntext\tlabel\na,b\tpositive\n", ["a,b"]),
    ],
)
def test_the_columns_that_are_looked_for_decide(content: str, expected: list[str]) -> None:
    assert [row["text"] for row in rows(content)] == expected


@pytest.mark.parametrize("ending", ["csv", "tsv", "txt"])
def test_without_the_columns_the_delimiter_of_all_first_lines_is_taken(ending: str) -> None:
    found = rows("body;category\na,b;x\nc;y, z\n", ending)
    assert found[0] == {"body": "a,b", "category": "x"}


def test_a_delimiter_that_is_said_wins_over_all(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text^label\ngood^positive\n", "utf-8")
    assert read(path, columns(), Reading(delimiter="^")) == [POSITIVE]
    path.write_text("text\tlabel\ngood\tpositive\n", "utf-8")
    assert read(path, columns(), Reading(delimiter="tab")) == [POSITIVE]
    for wrong in ("", "ab", '"', "\n"):
        with pytest.raises(UsageError, match="A delimiter is one character"):
            Reading(delimiter=wrong)


# Quotes between tabs


def test_a_quote_at_the_start_of_a_text_takes_no_other_rows() -> None:
    plain = '"I hated it\tnegative\nLoved it"\tpositive\nFine\tpositive\nBroken\tnegative\n'
    found = rows("text\tlabel\n" + plain, "tsv")
    assert [row["label"] for row in found] == ["negative", "positive", "positive", "negative"]
    assert found[0]["text"] == '"I hated it'


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.text(st.sampled_from('"ab \tc'), min_size=1, max_size=8).filter(
            lambda text: "\t" not in text and text.strip()
        ),
        min_size=1,
        max_size=5,
    )
)
def test_as_many_rows_are_read_as_an_unquoted_table_has(texts: list[str]) -> None:
    content = "text\tlabel\n" + "".join(f"{text}\tpositive\n" for text in texts)
    try:
        found = [row["text"] for row in rows(content, "tsv")]
    except DataError:
        if '""' not in content:  # such a row may be meant in both ways
            raise
        return
    assert len(found) == len(texts)
    for read_as, text in zip(found, texts, strict=True):
        # A text in quotes of its own may lose them, as if a spreadsheet had written it.
        assert read_as == text or read_as == text[1:-1].replace('""', '"')


@settings(max_examples=80, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.booleans())
def test_what_a_spreadsheet_writes_is_read_or_refused(texts: list[str], label_first: bool) -> None:
    names = ["label", "text"] if label_first else ["text", "label"]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, names, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows({"text": text, "label": "positive"} for text in texts)
    assume(not any("\t" in text and "\n" in text for text in texts))
    assert [row["text"] for row in rows(stream.getvalue(), "tsv")] == texts


def test_excel_cells_between_tabs_are_read() -> None:
    content = 'text\tlabel\n"a\tb"\tpositive\n"say ""no""\n\nand go"\tnegative\nc\t"x"\n'
    assert [row["text"] for row in rows(content, "tsv")] == ["a\tb", 'say "no"\n\nand go', "c"]


@pytest.mark.parametrize(
    "content",
    [
        'text\n"one\ntwo"\n',
        'text\tlabel\nfine\tpositive\n"a\tnegative\nbroken\nb"\tpositive\n',
        'text\tlabel\n"a\tb ""q""\nnew"\tpositive\n',
    ],
)
def test_a_row_that_may_be_meant_in_two_ways_is_refused(content: str) -> None:
    with pytest.raises(DataError, match=r"t, row \d \(line \d\): .*enclose \d lines"):
        rows(content, "tsv")
    with pytest.raises(DataError, match="quoting='none'"):
        rows(content, "tsv")
    lines = content.count("\n") - 1
    assert len(rows(content, "tsv", quoting("none"))) == lines
    assert len(rows(content, "tsv", quoting("excel"))) < lines


def test_a_text_of_very_many_lines_is_never_cut_into_rows() -> None:
    content = 'label\ttext\npositive\t"one\n' + "more\n" * 300 + 'end"\nnegative\tbad\n'
    with pytest.raises(DataError, match=r"row 1 \(line 2\): .* enclose more than 200 lines"):
        rows(content, "tsv")
    assert [row["label"] for row in rows(content, "tsv", quoting("excel"))] == [
        "positive",
        "negative",
    ]


# Files that pet writes


@settings(max_examples=120, deadline=None)
@given(
    ending=st.sampled_from(["csv", "tsv"]),
    table=st.lists(
        st.tuples(*2 * [st.text(st.sampled_from('a"\t\n\r,; '), max_size=8)]),
        min_size=1,
        max_size=4,
    ),
)
@example("tsv", [('a\tb "q"\nnew', "2")])
@example("csv", [("a\rb", "2"), ("a\r", "\r")])
def test_a_table_that_pet_writes_is_read_back(ending: str, table: list[tuple[str, str]]) -> None:
    stream = io.StringIO()
    with rows_writer(stream, f"o.{ending}", ["id", "text", "n"]) as write:
        for number, (text, cell) in enumerate(table):
            write({"id": str(number), "text": text, "n": cell})
    found = [tuple(row.values()) for row in rows(stream.getvalue(), ending)]
    assert found == [(str(number), *cells) for number, cells in enumerate(table)]


# Quotes between commas


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('text,label\nfine,positive\n"bad,negative\nso so,positive\n', "row 2 .line 3.*no quote"),
        ('text,label\n"bad" film,negative\n', "row 1 .line 2.: .*closes before the cell ends"),
        ('text,label\n"bad,negative\na "good" one,positive\n', "row 1 .line 2.*before the cell"),
    ],
)
def test_a_quote_that_is_not_closed_is_named_where_it_opens(content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        rows(content)
    with pytest.raises(DataError, match="quoting='none'"):
        rows(content)
    assert len(rows(content, hints=quoting("none"))) == content.count("\n") - 1


def test_a_quote_that_is_never_closed_does_not_take_the_whole_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quoting_rules, "LONGEST_LINE", 1000)
    content = 'text,label\nfine,positive\n"bad,negative\n' + "so so,positive\n" * 1_000
    lines = iter(content.splitlines(keepends=True))
    table = delimited.table_rows("t", Lines(lines), ",", HINTS)
    next(table)
    with pytest.raises(DataError, match=r"t, row 2 \(line 3\): .* no quote closes"):
        next(table)
    assert sum(1 for _ in lines) > 900


# Header and rows


def test_a_header_that_names_a_column_twice_is_refused() -> None:
    for content in ("text,label,text\na,positive,b\n", "id,id,text,label\n1,2,a,positive\n"):
        with pytest.raises(DataError, match="the header names the column '(text|id)' twice"):
            rows(content)


def test_columns_without_a_name_are_kept_and_those_at_the_end_are_none() -> None:
    found = rows(",text,label,,\n0,good,positive,,\n")
    assert found == [{"": "0", "text": "good", "label": "positive"}]
    with pytest.raises(DataError, match="row 1: 5 cells, but the header names 3"):
        rows(",text,label,,\n0,good,positive,,more\n")


def test_rows_without_content_are_no_rows_but_are_counted(tmp_path: Path) -> None:
    content = "id,text,label\n,,\n1,good,positive\n\n , ,\n2,,positive\n"
    assert [row["id"] for row in rows(content)] == ["1", "2"]
    path = tmp_path / "rows.csv"
    path.write_text(content, "utf-8")
    told: list[Any] = []
    list(examples_and_rows(path, columns(), on_fault=told.append))
    assert [fault.where.rpartition(", ")[2] for fault in told] == ["row 5"]
    assert [row["text"] for row in rows('text\n"a"\n\n""\n')] == ["a", ""]
