"""Hard patterns made soft."""

from __future__ import annotations

import numpy as np
import pytest
from softened import HARD, scorer
from tiny import TEXTS

from pet.backbone import MaskedLM
from pet.encoding import Chunk
from pet.scoring.soft.patterns import with_slots, with_soft_words
from pet.task import Pattern


@pytest.mark.parametrize(
    "template",
    [
        "{a} it was {mask} . {b}",
        "{mask}: {a}{sep}{b}",
        '({mask}) {a:keep} don\'t {{say}} "this" {b:middle}!',
        "{a:head}{b} {mask}",
    ],
)
def test_softened_patterns_are_the_same_input(backbone: MaskedLM, template: str) -> None:
    hard, soft = Pattern(template), with_soft_words(Pattern(template))
    values = {"a": "one", "b": "two"}
    bare = "".join(hard.render(values).split())
    assert "".join(soft.render(values).split()).replace("<", "").replace(">", "") == bare
    chunk = Chunk(backbone.tokenizer, TEXTS)
    ones, others = (scorer(backbone, own.template).encode(chunk) for own in (hard, soft))
    assert ones.keys() == others.keys()
    for count, one in ones.items():
        np.testing.assert_array_equal(one.ids.flat, others[count].ids.flat)
        np.testing.assert_array_equal(one.masks, others[count].masks)


def test_slots_go_before_a_pattern() -> None:
    assert with_slots(Pattern(HARD), 3).template == "{soft:3} " + HARD
    assert with_slots(Pattern(HARD), 3, "what's it?").parts[0].text == "what's it?"  # type: ignore[union-attr]
