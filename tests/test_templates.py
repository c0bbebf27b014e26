"""Candidate patterns from rules, and pet templates."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import toy_task

from pet import PVP, Pattern, Task, Verbalizer, load_task
from pet.errors import UsageError
from pet.task import task_names
from pet.templates import FAMILIES, rule_templates

WORDS = Verbalizer({"no": ["no"], "yes": ["yes"]})


@pytest.mark.parametrize("name", task_names())
def test_every_template_of_every_task_is_a_pattern_with_all_its_fields(name: str) -> None:
    task = load_task(name)
    found = rule_templates(task, list(FAMILIES))
    assert set(found.values()) == set(FAMILIES)
    for template in found:
        assert set(Pattern(template).fields) == set(task.fields)


def test_fields_keep_their_options_and_label_names_are_asked_for() -> None:
    task = Task("t", ["no", "yes"], ["long_text", "question"],
                [PVP("{long_text:middle} {question:keep} {mask}", WORDS)])  # fmt: skip
    found = rule_templates(task, list(FAMILIES))
    assert "{long_text:middle} {mask} {question:keep}" in found
    assert found["{mask} {long_text:middle} {question:keep}"] == "null"
    assert found["{long_text:middle}?{sep}{mask}, {question:keep}"] == "punctuation"
    assert any(template.startswith("The long text is {mask}.") for template in found)
    assert any("is it no or yes?" in template for template in found)
    many = [f"label_{number}" for number in range(9)]
    words = Verbalizer({label: [f"w{n}"] for n, label in enumerate(many)})
    found = rule_templates(Task("t", many, ["text"], [PVP("{text} {mask}", words)]), list(FAMILIES))
    assert not any("is it" in template and "label" in template for template in found)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=5).filter(str.strip), min_size=2, max_size=3,
                unique_by=str.strip))  # fmt: skip
def test_label_names_are_literal_text(labels: list[str]) -> None:
    words = Verbalizer({label: [f"w{n}"] for n, label in enumerate(labels)})
    task = Task("t", labels, ["text"], [PVP("{text} {mask}", words)])
    for template in rule_templates(task, ["question-answer"]):
        rendered = Pattern(template).render({"text": "TEXT"})
        assert "TEXT" in rendered
        if "Question: is it " in template:
            assert all(label.replace("_", " ").strip() in rendered for label in labels)


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(UsageError, match="punctuation"):
        rule_templates(toy_task(), ["punctation"])
