"""A pattern with its verbalizers."""

from __future__ import annotations

from typing import Any

import pytest

from pet.errors import PatternError
from pet.task import PVP, Pattern, Verbalizer

POLARITY = Verbalizer({"good": ["great"], "bad": ["awful"]})
FEELING = Verbalizer({"good": ["happy"], "bad": ["sad"]})


def test_text_and_parsed_pattern_give_the_same_pvp() -> None:
    assert PVP("{text} {mask}", POLARITY) == PVP(Pattern("{text} {mask}"), POLARITY)


def test_verbalizers_keep_their_order() -> None:
    assert PVP("{text} {mask}", FEELING, POLARITY).verbalizers == (FEELING, POLARITY)


@pytest.mark.parametrize("verbalizers", [(), ({"good": ["great"]},), (POLARITY, None), ("film",)])
def test_something_else_than_verbalizers_is_refused(verbalizers: tuple[Any, ...]) -> None:
    with pytest.raises(PatternError, match="expected one or more Verbalizers"):
        PVP("{text} {mask}", *verbalizers)


def test_malformed_template_is_refused_with_its_caret() -> None:
    with pytest.raises(PatternError, match=r"no \{mask\}(?s:.*)\^"):
        PVP("{text}", POLARITY)


def test_a_pattern_with_slots_is_learned_by_prompt_tuning_unless_it_says_more() -> None:
    assert PVP("{soft:3} {text} {mask}", POLARITY).soft == "prompt-tuning"
    assert PVP("{soft:3} {text} {mask}", POLARITY, soft="words").soft == "words"
    assert PVP("{text} {mask}", POLARITY).soft is None


def test_an_unknown_soft_template_is_refused_with_the_nearest() -> None:
    with pytest.raises(PatternError, match=r"soft='wrods' is unknown(?s:.*)'words'"):
        PVP("{soft:3} {text} {mask}", POLARITY, soft="wrods")


def test_other_words_or_another_pattern_keep_the_rest() -> None:
    pvp = PVP("{soft:3} {text} {mask}", POLARITY, soft="words")
    assert pvp.with_verbalizers(FEELING) == PVP(pvp.pattern, FEELING, soft="words")
    assert pvp.with_pattern("{text} {mask}", None) == PVP("{text} {mask}", POLARITY)


def test_pvp_cannot_be_changed() -> None:
    pvp = PVP("{text} {mask}", POLARITY)
    with pytest.raises(AttributeError):
        pvp.verbalizers = (FEELING,)  # type: ignore[misc]
