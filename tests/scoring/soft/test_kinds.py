"""Words, p-tuning and deep prompts: how each makes its vectors, and what it keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from softened import scorer, scores
from tiny import TEXTS, shake

from pet.backbone import MaskedLM
from pet.encoding import Chunk
from pet.errors import UsageError
from pet.scoring.soft.deep import chosen_layers


def test_words_train_differences_and_keep_the_vectors(bert: MaskedLM) -> None:
    own = scorer(bert, kind="words")
    assert own.soft is not None
    start = own.soft().vectors.detach().clone()
    before = scores(own)
    own.learned.unfold()
    np.testing.assert_array_equal(scores(own), before)  # the difference is zero
    (delta,) = own.soft.parameters()
    assert not delta.any()
    with torch.no_grad():
        delta.add_(torch.randn(delta.shape))
    torch.testing.assert_close(own.soft().vectors, start + delta)
    trained = scores(own)
    own.learned.fold()
    np.testing.assert_array_equal(scores(own), trained)
    # What is kept does not depend on what the slots start as where it is read again.
    other = scorer(bert, kind="words", start="uniform", seed=5)
    other.put(own.take(()))
    np.testing.assert_array_equal(scores(other), trained)


def test_p_tuning_trains_an_mlp_on_an_lstm_and_keeps_the_vectors(bert: MaskedLM) -> None:
    own = scorer(bert, kind="p-tuning")
    assert own.soft is not None
    start = own.soft().vectors.detach().clone()
    own.learned.unfold()
    lstm, mlp = own.soft.parametrizations.vectors[0].children()  # type: ignore[union-attr,index]
    assert (lstm.num_layers, lstm.bidirectional) == (2, True)
    expected = mlp(lstm(start[:, None])[0])[:, 0]
    torch.testing.assert_close(own.soft().vectors, expected)
    before = scores(own)
    own.learned.fold()
    assert [name for name, _ in own.soft.named_parameters()] == ["vectors"]
    np.testing.assert_array_equal(scores(own), before)


@pytest.mark.parametrize("mode", ["replace", "add"])
def test_deep_prompts_change_what_comes_to_a_layer_at_the_slots(bert: MaskedLM, mode: str) -> None:
    own = scorer(bert, kind="deep", deep=mode)
    plain = scorer(bert)
    if mode == "add":  # nothing is added yet
        np.testing.assert_allclose(scores(own), scores(plain), atol=1e-6)
    shake(own)
    assert own.soft is not None
    prompt = own.soft()
    assert list(prompt.deep) == [1]
    encoded = own.encode(Chunk(bert.tokenizer, TEXTS[:1]))
    batch = own.batch(encoded, np.arange(1))[1]
    columns = batch.fillings[0].slots.columns
    model = bert.model.bert
    with torch.no_grad():
        found = bert.encoder_states(batch)[0, 0]
        words = model.embeddings.word_embeddings(batch.ids)
        words[0, columns] = prompt.vectors
        states = model.embeddings(inputs_embeds=words, token_type_ids=batch.segments)
        states = _first(model.encoder.layer[0](states))
        kept = states[0, columns] if mode == "add" else 0
        states[0, columns] = prompt.deep[1] + kept
        states = _first(model.encoder.layer[1](states))
    torch.testing.assert_close(found, states[0, batch.masks[0, 0]], atol=1e-5, rtol=1e-5)


def _first(output: Any) -> torch.Tensor:
    found: torch.Tensor = output[0] if isinstance(output, tuple) else output
    return found


def test_deep_prompts_reach_every_architecture(backbone: MaskedLM) -> None:
    own = scorer(backbone, kind="deep")
    before = scores(own)
    assert own.soft is not None
    with torch.no_grad():
        own.soft.table.add_(torch.randn_like(own.soft.table))  # type: ignore[operator, arg-type]
    assert not np.allclose(scores(own), before, atol=1e-3)


def test_layers_of_deep_prompts_are_numbers_from_one() -> None:
    assert chosen_layers("all", 4) == (1, 2, 3)
    assert chosen_layers("3, 1-2", 4) == (1, 2, 3)
    assert chosen_layers("2", 4) == (2,)
    for wrong in ("0", "4", "2-9"):
        with pytest.raises(UsageError, match="layers 1 to 3"):
            chosen_layers(wrong, 4)
    for wrong in ("none", "", "1,foo", "1;3,2", "3-1,2"):
        with pytest.raises(UsageError, match="soft_deep_layers .*expected numbers such as"):
            chosen_layers(wrong, 4)
