"""Candidate patterns from rules, and pet templates."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_t5 import EXAMPLES, save_tiny_t5
from toy import Files, pet, toy_task

from pet import PVP, Example, Pattern, Task, Verbalizer, load_task
from pet.config import TemplateSearchConfig
from pet.errors import UsageError
from pet.search.candidates import candidates
from pet.search.spans import spread
from pet.search.templates import FAMILIES, rule_templates
from pet.task import task_names
from pet.task.label_names import fault_of

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


def test_a_task_in_chinese_gets_chinese_rules() -> None:
    words = Verbalizer({"差评": ["差"], "好评": ["好"]})
    task = Task("t", ["差评", "好评"], ["text"], [PVP("{text} {mask}", words)])
    found = rule_templates(task, list(FAMILIES))
    assert set(found.values()) == set(FAMILIES)
    assert found["{text}{mask}"] == "null"
    assert found["【{mask}】{text}"] == "punctuation"
    assert found["{text}总之，很{mask}。"] == "prompt"
    assert found["问：是差评还是好评？答：{mask}。{text}"] == "question-answer"
    assert not re.search("[a-z ]", re.sub("{.*?}", "", "".join(found)))
    # Where labels have English names, their words are asked for.
    found = rule_templates(load_task("zh_pairs"), ["question-answer", "punctuation"])
    assert "{sentence1}，{sentence2}问：是是的、也许还是不是？答：{mask}。" in found
    assert found["{sentence1}？{sep}{mask}，{sentence2}"] == "punctuation"


def test_tasks_in_other_languages_keep_the_english_rules() -> None:
    for template in ("{text} It was {mask}.", "{text}これは良いですか{mask}"):
        task = Task("t", ["no", "yes"], ["text"], [PVP(template, WORDS)])
        assert "{text} It was {mask}." in rule_templates(task, ["prompt"])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=5).filter(str.strip), min_size=2, max_size=3,
                ).filter(lambda labels: fault_of(labels) is None))  # fmt: skip
def test_label_names_are_literal_text(labels: list[str]) -> None:
    words = Verbalizer({label: [f"w{n}"] for n, label in enumerate(labels)})
    task = Task("t", labels, ["text"], [PVP("{text} {mask}", words)])
    for template in rule_templates(task, ["question-answer"]):
        rendered = Pattern(template).render({"text": "TEXT"})
        assert "TEXT" in rendered
        if "Question: is it " in template:
            assert all(label.replace("_", " ").strip() in rendered for label in labels)


def test_candidates_are_the_tasks_own_patterns_and_then_new_ones_with_its_usual_words() -> None:
    rare, usual = Verbalizer({"no": ["bad"], "yes": ["good"]}), WORDS
    own = [
        PVP("{text} {mask}", rare, usual),
        PVP("{text} so {mask}", usual),
        PVP("{mask}!{text}", usual),
    ]
    task = Task("t", ["no", "yes"], ["text"], own)
    found, origins = candidates(task, [], TemplateSearchConfig(families=("null", "prompt")))
    assert found.pvps[:3] == tuple(own)
    assert origins[:3] == ["task"] * 3
    assert "null" in origins[3:]
    assert set(origins[3:]) == {"null", "prompt"}
    templates = [pvp.pattern.template for pvp in found.pvps]
    assert len(set(templates)) == len(templates) == len(origins)
    assert all(pvp.verbalizers == (usual,) for pvp in found.pvps[3:])
    assert found.labels == task.labels


def test_a_seq2seq_model_adds_its_templates(tmp_path: Path) -> None:
    model = save_tiny_t5(tmp_path)
    task = toy_task()
    config = TemplateSearchConfig(families=("null",), seq2seq=model, beams=3, span_tokens=2)
    found, origins = candidates(task, EXAMPLES, config, "cpu", 32)
    assert origins.count("seq2seq") >= 3
    shown = [EXAMPLES[number] for number in (0, 1)]
    fewer = candidates(task, EXAMPLES, replace(config, span_examples=2), "cpu", 32)
    assert fewer == candidates(task, shown, config, "cpu", 32)
    assert fewer[0] != found


def test_examples_are_spread_over_the_labels() -> None:
    labels = ["a", "a", "a", "b", "b", "c"]
    examples = [Example({"text": str(number)}, label) for number, label in enumerate(labels)]
    chosen = [[e.texts["text"] for e in spread(examples, most)] for most in (2, 4, 9)]
    assert chosen == [["0", "3"], ["0", "3", "5", "1"], ["0", "3", "5", "1", "4", "2"]]


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(UsageError, match="punctuation"):
        rule_templates(toy_task(), ["punctation"])


def test_the_command_writes_the_best_patterns_as_a_task(tiny_bert: str, tmp_path: Path) -> None:
    files = Files.write(tmp_path)
    written = tmp_path / "patterns.py"
    common = ["--task", files.task, "--train", files.train, "--backbone", tiny_bert]
    common += ["--families", "null,punctuation", "--halvings", 2]
    result = pet("templates", *common, "--best", 3, "-o", written)
    assert result.code == 0, result.err
    lines = result.out.splitlines()[2:]
    own = load_task(files.task)
    templates = [pvp.pattern.template for pvp in candidates(
        own, [], TemplateSearchConfig(families=("null", "punctuation")))[0].pvps]  # fmt: skip
    assert sorted(line.split("  ")[0] for line in lines) == sorted(templates)
    likelihoods = [float(line.split()[-3]) for line in lines]
    assert likelihoods == sorted(likelihoods, reverse=True)
    best = load_task(written)
    assert [pvp.pattern.template for pvp in best.pvps] == [n.split("  ")[0] for n in lines[:3]]
    assert best.labels == own.labels
    assert pet("templates", *common).out == result.out
    run = pet("train", "--task", written, "--train", files.train, "--backbone", tiny_bert,
              "--method", "zero-shot", "-o", tmp_path / "run")  # fmt: skip
    assert run.code == 0, run.err


def test_the_command_takes_a_seq2seq_model_and_refuses_other_files(
    tiny_bert: str, tmp_path: Path
) -> None:
    files = Files.write(tmp_path)
    common = ["--task", files.task, "--train", files.train, "--backbone", tiny_bert]
    model = save_tiny_t5(tmp_path / "t5")
    common += ["--families", "null", "--halvings", 2, "--beams", 2, "--span-tokens", 2]
    result = pet("templates", *common, "--seq2seq", model)
    assert result.code == 0, result.err
    assert result.out.count("  seq2seq ") >= 2
    refused = pet("templates", *common, "-o", "patterns.json")
    assert refused.code == 2
    assert "ends in .py" in refused.err
    wrong = pet("templates", *common, "--seq2seq", tiny_bert)
    assert wrong.code == 1
    assert "cannot fill spans" in wrong.err
