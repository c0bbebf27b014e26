"""A pattern with its verbalizers."""

from __future__ import annotations

from typing import Any

import pytest

from pet.errors import PatternError
from pet.pattern import Pattern
from pet.pvp import PVP
from pet.verbalizer import Verbalizer

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


def test_soft_template_is_refused_until_it_can_be_trained() -> None:
    with pytest.raises(PatternError, match="soft template"):
        PVP("{soft:3} {text} {mask}", POLARITY)


def test_pvp_cannot_be_changed() -> None:
    pvp = PVP("{text} {mask}", POLARITY)
    with pytest.raises(AttributeError):
        pvp.verbalizers = (FEELING,)  # type: ignore[misc]
