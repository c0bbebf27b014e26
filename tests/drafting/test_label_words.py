"""Label words out of label names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pet.drafting.label_words import is_number, joined, plain_name, words_of_names
from pet.task import Verbalizer
from pet.task.label_names import fault_of


def test_names_are_divided_as_people_write_them() -> None:
    assert plain_name("card_arrival") == plain_name("CardArrival") == plain_name("card-arrival")
    assert plain_name("HTTPError") == "http error"
    assert plain_name("Sci/Tech") == "sci tech"
    assert plain_name("???") == "???"
    assert is_number("1")
    assert is_number("1.0")
    assert not is_number("1 star")


def test_a_word_of_several_names_is_nobodys() -> None:
    found = words_of_names(["card_arrival", "card_lost", "lost_phone", "card"])
    assert found == {
        "card_arrival": ["arrival"],
        "card_lost": ["lost"],  # the only one that has no other
        "lost_phone": ["phone"],
        "card": ["card"],
    }


def test_a_label_without_a_word_of_its_own_has_its_name() -> None:
    found = words_of_names(["top up failed", "top up reverted", "top up", "failed reverted"])
    assert found["top up"] == ["top up"]
    assert found["failed reverted"] == ["failed reverted"]


def test_numbers_with_a_sign_and_names_alike_have_different_words() -> None:
    assert words_of_names(["-1", "0", "1"]) == {"-1": ["1"], "0": ["0"], "1": ["1 2"]}
    found = words_of_names(["toxic", "non-toxic"])
    assert found == {"toxic": ["toxic"], "non-toxic": ["non toxic"]}


def test_empty_words_and_numbers_are_left_out_unless_there_are_no_others() -> None:
    found = words_of_names(["science and technology", "of the 2", "1", "新闻"])
    assert found["science and technology"] == ["science", "technology"]
    assert found["of the 2"] == ["of the 2"]
    assert found["1"] == ["1"]
    assert found["新闻"] == ["新闻"]


@given(st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=8))
def test_whatever_labels_a_task_may_have_get_words(labels: list[str]) -> None:
    if fault_of(labels) is None:
        found = words_of_names(labels)
        assert list(found) == labels
        assert all(found.values())
        assert Verbalizer(found).labels == tuple(labels)  # no word is shared


def test_words_are_joined_and_never_shared() -> None:
    first = {"a": ["x"], "b": ["y"]}
    second = {"a": ["y", "z", "v"], "b": ["x", "w"]}
    assert joined(first, second, 3) == {"a": ["x", "z", "v"], "b": ["y", "w"]}
    assert joined({"a": ["x", "u"], "b": []}, second, 1) == {"a": ["x", "u"], "b": ["w"]}
