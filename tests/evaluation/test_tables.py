"""Tables fit the window, and signs of two columns are counted so."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pet.evaluation.tables import names_below, text_table
from pet.evaluation.widths import cut_to, width_of, window_width

WIDE = (
    ["", "test accuracy", "calibration error", "labelled examples: untrained", "seconds"],
    [["gen-1/pattern-0", "66.7", "0.167", "50.0", "0.2"], ["电影", "5.0", "-", "-", "1.0"]],
)


def test_a_table_that_fits_stays_as_it_is() -> None:
    header, rows = WIDE
    whole = text_table(rows, header, 200)
    assert len(whole.splitlines()[0]) == 88
    assert text_table(rows, header, 88) == whole
    assert text_table(rows, header) == whole  # standard output is no terminal here


@given(st.integers(25, 90))
def test_a_table_is_fitted_to_its_window_and_keeps_all_figures(width: int) -> None:
    header, rows = WIDE
    lines = text_table(rows, header, width).splitlines()
    assert max(map(width_of, lines)) <= width
    shown = " ".join(lines)
    for word in (*" ".join(header).split(), "66.7", "0.167", "50.0", "0.2", "电影", "5.0", "1.0"):
        assert word in shown


def test_headings_take_two_lines_before_anything_is_cut() -> None:
    header, rows = WIDE
    assert text_table(rows, header, 64).splitlines()[:4] == [
        "                                         labelled",
        "                     test  calibration  examples:",
        "                 accuracy        error  untrained  seconds",
        "----------------------------------------------------------",
    ]


def test_a_first_column_is_cut_and_columns_that_find_no_place_follow_below() -> None:
    rows = [["a name of many letters", "1.0", "2.0", "3.0"]]
    assert text_table(rows, ["name", "accuracy", "deviation", "perplexity"], 36) == (
        "name          accuracy  deviation\n"
        "---------------------------------\n"
        "a name of...       1.0        2.0\n"
        "\n"
        "name          perplexity\n"
        "------------------------\n"
        "a name of...         3.0"
    )


def test_signs_of_two_columns_are_counted_so() -> None:
    assert [width_of(text) for text in ("ab", "电影", "👍", "é", "e\u0301", "❤\ufe0f", "")] == [
        2, 4, 2, 1, 1, 2, 0,
    ]  # fmt: skip
    table = text_table([["电影", "1.0"], ["long", "22.0"]], ["", "n"]).splitlines()
    assert [width_of(line) for line in table] == [10, 10, 10, 10]
    assert cut_to("电影电影电影", 8) == "电影..."
    assert cut_to("电影", 4) == "电影"


def test_the_window_is_that_of_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "44")
    assert window_width() is None
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert window_width() == 44
    assert max(map(len, text_table(WIDE[1], WIDE[0]).splitlines())) <= 44
    assert names_below({"a": "x" * 60, "bcd": "y"}) == f"a    {'x' * 36}...\nbcd  y"
