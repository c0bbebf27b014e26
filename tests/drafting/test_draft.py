"""Drafts out of label names: words, patterns, conventions."""

from __future__ import annotations

import pytest

from pet.drafting import draft_task
from pet.drafting.conventions import CONVENTIONS, convention_of
from pet.errors import TaskError
from pet.task import Task, Verbalizer, load_task, task_names


def words(task: Task, label: str) -> list[str]:
    return list(task.pvps[0].verbalizers[0].words[label])


def test_label_names_are_words_in_generic_patterns() -> None:
    made = draft_task(["billing", "tech_support"], {"text": "body"}, "category", "my tickets!")
    task = made.task
    assert (task.name, task.columns, task.label_column) == (
        "my-tickets",
        {"text": "body"},
        "category",
    )
    assert words(task, "tech_support") == ["tech", "support"]
    assert len({pvp.pattern for pvp in task.pvps}) == 4
    assert made.names_speak
    assert not made.is_convention


def test_pairs_are_asked_about_together() -> None:
    task = draft_task(["red", "blue"], {"first": "a", "second": "b"}).task
    assert all(pvp.pattern.fields == ("first", "second") for pvp in task.pvps)
    three = draft_task(["red", "blue"], {"one": "one", "two": "two", "three": "three"}).task
    assert all(len(pvp.pattern.fields) == 3 for pvp in three.pvps)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_words_of_a_convention_are_whole(convention: object) -> None:
    for name, own in convention.words.items():  # type: ignore[attr-defined]
        assert own, name
        assert len(set(own)) == len(own), name


@pytest.mark.parametrize(
    ("labels", "fields", "label", "word"),
    [
        (["negative", "positive"], 1, "positive", "great"),
        (["Neg", "Pos"], 1, "Neg", "bad"),
        (
            ["very negative", "negative", "neutral", "positive", "very positive"],
            1,
            "neutral",
            "okay",
        ),
        (["1 star", "2 stars", "3 stars"], 1, "1 star", "terrible"),
        (["anger", "joy", "sadness", "neutral"], 1, "joy", "happy"),
        (["entailment", "neutral", "contradiction"], 2, "neutral", "maybe"),
        (["not duplicate", "duplicate"], 2, "duplicate", "yes"),
        (["true", "false"], 2, "false", "no"),
    ],
)
def test_usual_names_have_words_that_fit(
    labels: list[str], fields: int, label: str, word: str
) -> None:
    columns = {"a": "a", "b": "b"} if fields == 2 else None
    made = draft_task(labels, columns)
    assert made.is_convention
    assert word in words(made.task, label)


def test_a_convention_needs_all_labels_and_its_number_of_texts() -> None:
    assert convention_of(["positive", "negative", "billing"], 1) is None
    assert convention_of(["entailment", "contradiction"], 1) is None


def test_numbers_say_nothing() -> None:
    assert not draft_task(["0", "1"]).names_speak
    assert not draft_task(["-1", "0", "1"]).names_speak
    assert draft_task(["billing", "404"]).names_speak


def test_several_labels_are_asked_about_one_by_one() -> None:
    task = draft_task(["billing", "technical"], several=True).task
    assert all(pvp.pattern.asks_each_label for pvp in task.pvps)


def test_chinese_labels_get_chinese_patterns() -> None:
    task = draft_task(["体育", "财经"]).task
    assert words(task, "体育") == ["体育"]
    assert not any("Category" in pvp.pattern.template for pvp in task.pvps)
    assert len(task.pvps) == 4


@pytest.mark.parametrize(
    ("labels", "said"),
    [(["a"], "two or more"), (["Billing", "billing"], "--label-map OLD=NEW"), (["a", ""], "empty")],
)
def test_labels_that_cannot_be_told_apart_are_refused(labels: list[str], said: str) -> None:
    with pytest.raises(TaskError) as caught:
        draft_task(labels)
    assert said in caught.value.message


@pytest.mark.parametrize("name", task_names())
def test_every_built_in_task_can_be_drafted(name: str) -> None:
    known = load_task(name)
    if known.kind != "multi-label":
        made = draft_task(known.labels, {field: field for field in known.fields})
        assert made.task.labels == known.labels
        assert isinstance(made.task.pvps[0].verbalizers[0], Verbalizer)
