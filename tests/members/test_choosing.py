"""Which members a run has: those that are asked for, or those that can be expected to help."""

from __future__ import annotations

from typing import Any

import pytest
from toy import toy_task

from pet import PVP, Task, Verbalizer
from pet.config import Settings
from pet.errors import UsageError
from pet.members import PatternSpec, members_of
from pet.members.choosing import kinds_of
from pet.members.comparison import ComparisonSpec
from pet.members.contrastive import ContrastiveSpec

ANSWERS = Verbalizer({"no": ["no"], "yes": ["yes"]})
ONE = toy_task()
TWO = Task("pair", ["no", "yes"], ["a", "b"], [PVP("{a} {mask} {b}", ANSWERS)])
THREE = Task("three", ["no", "yes"], ["a", "b", "c"], [PVP("{a} {mask} {b} {c}", ANSWERS)])


def kinds(task: Task, backbone: str, labelled: int = 4, **values: Any) -> tuple[str, ...]:
    return kinds_of(task, Settings.from_flat({"backbone": backbone, **values}), labelled)


@pytest.mark.parametrize(
    ("task", "unlike"), [(ONE, "contrastive"), (TWO, "comparison"), (THREE, "contrastive")]
)
@pytest.mark.parametrize("method", ["pet", "ipet"])
def test_a_sentence_encoder_brings_the_member_that_fits_the_fields(
    task: Task, unlike: str, method: str, beside: str, lively_bert: str
) -> None:
    assert kinds(task, beside, method=method) == ("cloze", unlike)
    assert kinds(task, "pet-mini", method=method) == ("cloze", unlike)
    assert kinds(task, lively_bert, method=method) == ("cloze",)
    assert kinds(task, lively_bert, method=method, encoder="somewhere") == ("cloze", unlike)


@pytest.mark.parametrize("scope", ["lora", "prompt", "head", "bias"])
def test_part_of_a_backbone_brings_no_other_member(scope: str, beside: str) -> None:
    assert kinds(ONE, beside, scope=scope, soft="prompt-tuning") == ("cloze",)


def test_without_labelled_examples_there_is_no_other_member(beside: str) -> None:
    assert kinds(ONE, beside, labelled=0, method="ipet") == ("cloze",)


@pytest.mark.parametrize("method", ["zero-shot", "single", "head", "fine-tune"])
def test_methods_of_patterns_or_of_none_have_no_other_member(method: str, beside: str) -> None:
    assert kinds(ONE, beside, method=method) == ("cloze",)
    assert kinds(ONE, beside, method=method, members="contrastive") == ("cloze",)


@pytest.mark.parametrize(
    "wanted",
    [("cloze",), ("contrastive",), ("cloze", "contrastive"), ("comparison", "contrastive")],
)
def test_what_is_asked_for_is_taken(wanted: tuple[str, ...], beside: str, lively_bert: str) -> None:
    for backbone in (beside, lively_bert):
        assert kinds(TWO, backbone, members=wanted) == wanted
        assert kinds(TWO, backbone, members=wanted, scope="lora", labelled=0) == wanted


@pytest.mark.parametrize("wanted", [(), "", "cloze,closed", ("cloze", "cloze")])
def test_other_names_and_none_are_refused(wanted: Any) -> None:
    with pytest.raises(UsageError, match="`--members`|members"):
        Settings.from_flat({"members": wanted})


def test_members_come_in_order_with_names_and_seeds_of_their_own(beside: str) -> None:
    settings = Settings.from_flat(
        {"backbone": beside, "members": "contrastive,cloze,comparison", "repetitions": 2}
    )
    specs = members_of(TWO, settings, 4)
    assert [spec.name for spec in specs] == [
        "pattern-0-0", "pattern-0-1", "contrastive", "comparison",
    ]  # fmt: skip
    assert [type(spec) for spec in specs] == [
        PatternSpec, PatternSpec, ContrastiveSpec, ComparisonSpec,
    ]  # fmt: skip
    assert len({spec.seed for spec in specs[:3]}) == 3
    again = members_of(TWO, settings, 4)
    assert again == specs
    other = members_of(TWO, Settings.from_flat({"backbone": beside, "seed": 1}), 4)
    assert not {spec.seed for spec in other} & {spec.seed for spec in specs}


def test_cloze_members_are_those_of_a_run_without_others(beside: str, lively_bert: str) -> None:
    for values in ({}, {"seed": 3, "readout": "words,prototypes"}):
        with_others, alone = (
            members_of(ONE, Settings.from_flat({"backbone": backbone, **values}), 4)
            for backbone in (beside, lively_bert)
        )
        assert with_others[:-1] == alone
        assert isinstance(with_others[-1], ContrastiveSpec)


def test_a_comparison_of_one_text_is_one_message(beside: str) -> None:
    settings = Settings.from_flat({"backbone": beside, "members": "cloze,comparison"})
    with pytest.raises(UsageError, match=r"takes two texts; the fields of task 'toy' are text"):
        members_of(ONE, settings, 4)


def test_a_method_without_patterns_has_no_members(beside: str) -> None:
    settings = Settings.from_flat({"backbone": beside, "method": "fine-tune"})
    assert members_of(ONE, settings, 4) == []


def test_settings_reach_every_member(beside: str) -> None:
    values = {"max_length": 40, "dropout": True, "max_steps": 5, "encoder": "other"}
    settings = Settings.from_flat({"backbone": beside, "members": "cloze,contrastive", **values})
    *_, contrastive = specs = members_of(ONE, settings, 4)
    assert isinstance(contrastive, ContrastiveSpec)
    assert {spec.max_length for spec in specs} == {40}
    assert {spec.training.dropout for spec in specs} == {True}
    assert contrastive.encoder == "other"
    assert contrastive.training.offsets == "none"
    assert contrastive.steps(10) == 5
