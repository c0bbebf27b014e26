"""Label words: what is accepted, what is refused and why, and files."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pet.errors import VerbalizerError
from pet.resources import resource_folder
from pet.task import Verbalizer

BUILT_IN = sorted(path.stem for path in resource_folder("verbalizers").glob("*.json"))


def test_words_given_as_a_list_weigh_the_same() -> None:
    verbalizer = Verbalizer({"good": ["great", " fine "], "bad": ("awful",)})
    assert verbalizer.words == {"good": {"great": 1.0, "fine": 1.0}, "bad": {"awful": 1.0}}
    assert verbalizer.labels == ("good", "bad")
    assert (verbalizer.combine, verbalizer.decoding) == ("mean", "max-first")


def test_words_given_as_a_mapping_keep_their_weights() -> None:
    assert Verbalizer({"good": {"great": 2, "fine": 0.5}}).words == {
        "good": {"great": 2.0, "fine": 0.5}
    }


def test_later_changes_of_the_given_words_do_not_reach_the_verbalizer() -> None:
    given_words = {"good": {"great": 1.0}}
    verbalizer = Verbalizer(given_words)
    given_words["good"]["awful"] = 1.0
    given_words["bad"] = {}
    assert verbalizer.words == {"good": {"great": 1.0}}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "it got none"),
        (["great"], r"it got \['great'\]"),
        ({"good": []}, "Label 'good' has no words"),
        ({"good": "great"}, r"Write \{'good': \['great'\]\}"),
        ({"good": None}, "expected a list of words, found None"),
        ({"good": [""]}, "'' is not a word"),
        ({"good": ["  "]}, "'  ' is not a word"),
        ({"good": [3]}, "3 is not a word"),
        ({"good": {"great": 0}}, "word 'great': expected a positive weight, found 0"),
        ({"good": {"great": -1.0}}, "found -1.0"),
        ({"good": {"great": float("nan")}}, "found nan"),
        ({"good": {"great": float("inf")}}, "found inf"),
        ({"good": {"great": "1"}}, "found '1'"),
        ({"good": ["fine"], "bad": ["fine"]}, "Word 'fine' stands for both 'good' and 'bad'"),
        ({"good": ["fine"], "bad": [" fine"]}, "stands for both"),
        ({"good": ["fine", "fine"]}, "'fine'"),
        ({"good": {"great": 10**400}}, "found 1000.*Weights are relative; any from 1e-30 to 1e.30"),
        ({"good": {"great": 10**6000}}, "found a value of type int"),
        ({"good": {"great": True}}, "expected a positive weight, found True"),
        # Both would be zero or infinite in single precision, and the label's scores NaN.
        ({"good": {"great": 1e-60}}, "expected a positive weight, found 1e-60"),
        ({"good": {"great": 1e60}}, r"expected a positive weight, found 1e\+60"),
        ({1: ["one"], "1": ["uno"]}, "Label '1' is there twice, as text and as str"),
        ({"1": ["one"], 1: ["uno"]}, "Label '1' is there twice, as text and as int"),
        ({None: ["great"]}, "None is not a label"),
        ({float("nan"): ["great"]}, "nan is not a label"),
        ({10**6000: ["great"]}, "Label a value of type int: not a text"),
        ({"go\ud800od": ["great"]}, "not a text that can be written"),
        ({"good": ["gr\udc00eat"]}, "is not a word"),
        ({"good": b"great"}, "expected a list of words, found b'great'"),
    ],
)
def test_malformed_words_are_refused(words: Any, message: str) -> None:
    with pytest.raises(VerbalizerError, match=f"(?s){message}"):
        Verbalizer(words)


@pytest.mark.parametrize(
    "words",
    [
        {"x" * 10**6: None},
        {"good": "x" * 10**6},
        {"good": ["x" * 10**6] * 2},
        {"good": ["x" * 10**6], "bad": ["x" * 10**6]},
        {"good": [list(range(10**5))]},
        list(range(10**5)),
    ],
)
def test_a_message_never_quotes_a_long_value_whole(words: Any) -> None:
    with pytest.raises(VerbalizerError) as caught:
        Verbalizer(words)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("option", "value", "hint"),
    [("combine", "men", "mean"), ("decoding", "maxfirst", "max-first")],
)
def test_unknown_option_names_the_nearest_one(option: str, value: str, hint: str) -> None:
    with pytest.raises(VerbalizerError, match=f"(?s){option}='{value}'.*Did you mean '{hint}'"):
        Verbalizer({"good": ["great"]}, **{option: value})  # type: ignore[arg-type]


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5),
        st.floats(min_value=1e-3, max_value=1e3),
        min_size=2,
        max_size=6,
    )
)
def test_saved_words_are_read_back_unchanged(
    tmp_path_factory: pytest.TempPathFactory, weights: dict[str, float]
) -> None:
    path = tmp_path_factory.getbasetemp() / "saved.json"
    # One word a label, made different by the label's number.
    verbalizer = Verbalizer(
        {label: {f"w{number}": weight} for number, (label, weight) in enumerate(weights.items())}
    )
    verbalizer.save(path)
    assert Verbalizer.load(path) == verbalizer


def test_options_are_passed_on_when_a_file_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "v.json"
    Verbalizer({"gut": ["schön"]}).save(path)
    loaded = Verbalizer.load(path, combine="max", decoding="parallel")
    assert (loaded.combine, loaded.decoding) == ("max", "parallel")
    assert "schön" in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "cannot be read as a verbalizer"),
        (b'["a"]', r"maps each label to its words; it got \['a'\]"),
        (b'{"good": "great"}', "expected a list of words, found 'great'"),
        (b'{"good": ["\xff"]}', "cannot be read as a verbalizer: 'utf-8' codec"),
        (b"[" * 100_000, "cannot be read as a verbalizer: maximum recursion depth"),
        (b'{"good": {"great": ' + b"1" * 5000 + b"}}", "cannot be read as a verbalizer: Exceeds"),
        (b'{"good": {"great": ' + b"1" * 400 + b"}}", "expected a positive weight, found 1111"),
        (b'{"good": ["great"], "bad": ["awful"], "good": ["fine"]}', "'good' stands there twice"),
        (b'{"good": {"great": 1, "great": 2}}', "'great' stands there twice"),
        (b'{"good": ["\\ud800"]}', "is not a word"),
    ],
)
def test_an_unreadable_file_is_refused_with_its_path(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "v.json"
    path.write_bytes(content)
    with pytest.raises(VerbalizerError, match=rf"v\.json: (?s:.*){message}"):
        Verbalizer.load(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "v.json"
    path.write_text('{"gut": ["schön"], "schlecht": ["öde"]}', encoding)
    assert Verbalizer.load(path).words == {
        "gut": {"schön": 1.0},
        "schlecht": {"öde": 1.0},
    }


def test_weights_may_be_numbers_of_any_kind() -> None:
    weights = {"great": Fraction(1, 2), "good": np.float32(2), "fine": np.int64(3)}
    assert Verbalizer({"good": weights}).words == {"good": {"great": 0.5, "good": 2.0, "fine": 3.0}}


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "x" * 5000 + ".json", "a\0b.json"])
def test_a_name_that_no_file_can_have_is_no_file(name: str) -> None:
    with pytest.raises(VerbalizerError):
        Verbalizer.load(name)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(VerbalizerError, match=r"absent\.json: cannot be read"):
        Verbalizer.load(tmp_path / "absent.json")


def test_unknown_built_in_name_shows_the_nearest() -> None:
    with pytest.raises(VerbalizerError, match="Did you mean 'polarity'"):
        Verbalizer.load("polarty")


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_verbalizer_loads_and_is_plain_json(name: str) -> None:
    verbalizer = Verbalizer.load(name)
    plain = json.loads((resource_folder("verbalizers") / f"{name}.json").read_text("utf-8"))
    assert verbalizer.words == plain
    assert len(verbalizer.labels) >= 2


def test_there_are_built_in_verbalizers() -> None:
    assert {"polarity", "nli", "banking77"} <= set(BUILT_IN)
