"""Causal models and encoder-decoders give the scores of the plain model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from other_families import CAUSAL
from tiny import TEXTS
from unmasked import LABELS, PATTERN, SHARING, SPELLED, Loaded, rows

from pet import PVP
from pet.backbone import CausalLM, LanguageModel, MaskedLM, Seq2SeqLM, load_backbone
from pet.encoding import Chunk
from pet.errors import BackboneError
from pet.scoring import PVPScorer, score_together


def test_the_kind_follows_from_the_architecture(loaded: Loaded, tiny_bert: str) -> None:
    assert type(load_backbone(tiny_bert, "cpu", "fp32")) is MaskedLM
    kind = CausalLM if loaded.other in CAUSAL.values() else Seq2SeqLM
    assert type(loaded.backbone) is kind
    if isinstance(loaded.backbone, CausalLM):
        assert loaded.backbone._goes_on == loaded.other.goes_on


def test_single_words_have_the_plain_models_logits(loaded: Loaded) -> None:
    scorer, chunk = loaded.scorer(), loaded.chunk()
    batches = scorer.batch(scorer.encode(chunk), np.arange(len(TEXTS)))
    assert batches[1].attention is not None  # the rows differ in length, so padding is at work
    with torch.no_grad():
        found = scorer.readouts[0].word_scores(scorer.mask_states(batches), batches)
    ids = [word.ids[0] for word in scorer.readouts[0].words]
    for row, own in zip(rows(scorer, chunk), found, strict=True):
        expected = loaded.next_logits(row, ())
        assert expected.std() > 0.1  # logits that do not differ would prove nothing
        torch.testing.assert_close(own, expected[ids], atol=1e-4, rtol=1e-4)


def test_words_of_several_tokens_are_products(loaded: Loaded) -> None:
    scorer, chunk = loaded.scorer(SPELLED), loaded.chunk()
    words = [word.ids for word in scorer.readouts[0].words]
    assert max(map(len, words)) > 3
    assert len({word[:2] for word in words}) < len(words)  # some begin alike
    batches = scorer.batch(scorer.encode(chunk), np.arange(len(TEXTS)))
    with torch.no_grad():
        states = scorer.mask_states(batches)
        found = scorer.readouts[0].word_scores(states, batches)
        training = scorer.readouts[0].word_scores(states)
    expected = [
        [loaded.log_probability(row, word) for word in words] for row in rows(scorer, chunk)
    ]
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(training, found)  # what is trained is what is scored


def test_scores_do_not_depend_on_padding_or_on_the_other_rows(loaded: Loaded) -> None:
    scorer = loaded.scorer(SPELLED)
    together = scorer.score(loaded.chunk())
    backwards = scorer.score(loaded.chunk(TEXTS[::-1]))[:, ::-1]
    alone = np.concatenate([scorer.score(loaded.chunk([text])) for text in TEXTS], axis=1)
    np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_allclose(together, backwards, atol=1e-4)


def test_patterns_scored_together_have_the_scores_they_have_alone(loaded: Loaded) -> None:
    scorers = [loaded.scorer(SPELLED, pattern) for pattern in SHARING]
    together = score_together(scorers, loaded.chunk())
    for scorer, found in zip(scorers, together, strict=True):
        np.testing.assert_allclose(found, scorer.score(loaded.chunk()), atol=1e-4)


def test_saved_and_reloaded_weights_give_identical_scores(loaded: Loaded, tmp_path: Path) -> None:
    expected = loaded.scorer(SPELLED).score(loaded.chunk())
    loaded.backbone.model.save_pretrained(tmp_path)
    loaded.tokenizer.save_pretrained(tmp_path)
    again = load_backbone(str(tmp_path), "cpu", "fp32")
    scorer = PVPScorer(PVP(PATTERN, SPELLED), LABELS, again, 48)
    np.testing.assert_array_equal(scorer.score(Chunk(again.tokenizer, TEXTS)), expected)


def test_states_that_give_other_logits_are_refused(
    load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("gpt2", "t5"):
        loaded = load(name)
        kind = type(loaded.backbone)
        plain = kind.mask_states
        with monkeypatch.context() as patch:
            patch.setattr(kind, "mask_states", lambda self, batch, p=plain: 2 * p(self, batch) + 1)
            patch.setattr(kind, "mask_states_of", LanguageModel.mask_states_of)
            with pytest.raises(BackboneError, match="could not be reproduced"):
                load_backbone(str(loaded.folder), "cpu", "fp32")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("name", ["gpt2", "llama", "t5"])
def test_half_precision_stays_close_to_fp32(load: Any, name: str, precision: str) -> None:
    loaded = load(name)
    expected = loaded.scorer(SPELLED).score(loaded.chunk())
    half = load_backbone(str(loaded.folder), "cpu", precision)
    found = PVPScorer(PVP(PATTERN, SPELLED), LABELS, half, 48).score(Chunk(half.tokenizer, TEXTS))
    np.testing.assert_allclose(found, expected, atol=0.03 * np.abs(expected).max() + 0.05)
