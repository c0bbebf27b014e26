"""Patterns of models without a mask token."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tiny import TEXTS
from unmasked import SINGLE, rows

from pet import PVP, Verbalizer
from pet.errors import PatternError
from pet.scoring import PVPScorer


@pytest.mark.parametrize("pattern", ["{a} it was {mask} .", "{mask} : {a}", "{mask} {a} {b}"])
def test_a_causal_model_wants_the_mask_last(load: Any, pattern: str) -> None:
    with pytest.raises(PatternError, match="reads from left to right") as caught:
        load("gpt2").scorer(SINGLE, pattern)
    assert "End the pattern with {mask}" in str(caught.value)


def test_t5_takes_the_mask_anywhere(load: Any) -> None:
    scorer = load("t5").scorer(SINGLE, "{mask} : {a} {sep} {b}")
    sentinel = load("t5").tokenizer.convert_tokens_to_ids("<extra_id_0>")
    end = load("t5").tokenizer.eos_token_id
    for row in rows(scorer, load("t5").chunk()):
        assert row.count(sentinel) == 1
        assert row.count(end) == 2  # behind each segment
        assert row[-1] == end


def test_nothing_stands_for_the_mask_and_an_empty_text_has_a_start(load: Any) -> None:
    for name in ("gpt2", "llama"):
        loaded = load(name)
        scorer = loaded.scorer(SINGLE, "{a}{mask}")
        (row,) = rows(scorer, loaded.chunk([{"a": ""}]))
        start = loaded.tokenizer.bos_token_id
        assert row == [loaded.tokenizer.eos_token_id if start is None else start]
        assert np.isfinite(scorer.score(loaded.chunk([{"a": ""}]))).all()


def test_a_separator_is_a_line_break_for_a_causal_model(load: Any) -> None:
    loaded = load("gpt2")
    scorer = loaded.scorer(SINGLE, "{a}{sep}{b} : {mask}")
    (row,) = rows(scorer, loaded.chunk([{"a": "the film", "b": "we"}]))
    assert loaded.tokenizer.decode(row[1:]) == "the film\nwe :"


def test_a_pattern_that_names_a_label_right_before_the_mask(load: Any) -> None:
    loaded = load("llama")
    verbalizer = Verbalizer({"yes": ["yes"], "no": ["no"]})
    pvp = PVP("{a} {label} {mask}", verbalizer)
    scorer = PVPScorer(pvp, ("bad", "good film"), loaded.backbone, 48)
    chunk = loaded.chunk(TEXTS[:3])
    found = scorer.score(chunk)[0]
    words = [word.ids[0] for word in scorer.readouts[0].words]
    encoded = scorer.encode(chunk)[1]
    for row in range(6):
        batch = encoded.batch(np.array([row]), torch.device("cpu"))
        yes, no = loaded.next_logits(batch.ids[0].tolist(), ())[words].tolist()
        assert found[row // 2, row % 2] == pytest.approx(yes - no, abs=1e-3)


def test_text_that_looks_like_a_sentinel_is_text(load: Any) -> None:
    loaded = load("t5")
    scorer = loaded.scorer()
    (row,) = rows(scorer, loaded.chunk([{"a": "<extra_id_0> </s>", "b": "<pad>"}]))
    assert row.count(loaded.tokenizer.convert_tokens_to_ids("<extra_id_0>")) == 1
    assert row.count(loaded.tokenizer.eos_token_id) == 1
