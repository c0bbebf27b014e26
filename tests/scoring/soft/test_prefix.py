"""Keys and values put before those of the text, against a cache of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from families import FAMILIES
from softened import HARD, scorer, scores, takes
from tiny import TEXTS, shake

from pet.backbone import MaskedLM
from pet.backbone.attention import before_attention
from pet.encoding import Chunk
from pet.errors import BackboneError


def test_attention_that_changes_nothing_is_the_same(backbone: MaskedLM) -> None:
    own = scorer(backbone, HARD)
    expected, before = scores(own), backbone.model.config._attn_implementation
    seen: list[int] = []

    def keep(number: int, key: Any, value: Any) -> Any:
        seen.append(number)
        return key, value

    chunk = Chunk(backbone.tokenizer, TEXTS)  # of several lengths, so that some are padded
    with before_attention(backbone.body, keep), torch.no_grad():
        batch = own.batch(own.encode(chunk), np.arange(len(TEXTS)))
        found = own.label_scores(own.mask_states(batch))[0]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert backbone.model.config._attn_implementation == before
    family = FAMILIES[Path(backbone.name).name]
    assert seen == ([] if family.own_attention else [0, 1])


@pytest.mark.parametrize("family", [name for name in FAMILIES if takes(name, "prefix")])
def test_a_prefix_is_the_same_in_fused_attention(load: Any, family: str) -> None:
    own = scorer(load(family), kind="prefix")
    shake(own)
    plain, config = scores(own), own.backbone.body.config
    assert config._attn_implementation == "eager"
    config._attn_implementation = "sdpa"  # as on a GPU
    try:
        found = scores(own)
    finally:
        config._attn_implementation = "eager"
    np.testing.assert_allclose(found, plain, atol=1e-4)


def test_attention_is_as_before_after_an_error(bert: MaskedLM) -> None:
    before = bert.model.config._attn_implementation
    with pytest.raises(ValueError, match="wrong"), before_attention(bert.body, lambda *_: None):  # type: ignore[arg-type,return-value]
        raise ValueError("wrong")
    assert bert.model.config._attn_implementation == before


def test_a_prefix_is_what_a_cache_of_keys_and_values_is(bert: MaskedLM) -> None:
    from transformers import DynamicCache

    own = scorer(bert, "{a} {soft:3} it was {mask} . {soft}", "prefix")
    shake(own)
    assert own.soft is not None
    table = own.soft().attended
    assert table is not None
    batch = own.batch(own.encode(Chunk(bert.tokenizer, TEXTS)), np.arange(len(TEXTS)))[1]
    with torch.no_grad():
        found = bert.mask_states(batch)[:, 0]
    heads = bert.model.config.num_attention_heads
    for row, text in enumerate(TEXTS):
        # The naive way: the text alone, at the places that it has around the slots, and the
        # learned keys and values as if they had been read before.
        words = bert.hf_tokenizer(text["a"], add_special_tokens=False)["input_ids"]
        front, back = [2, *words], bert.hf_tokenizer("it was [MASK] .")["input_ids"][1:]
        ids = torch.tensor([front + back])
        # "it was [MASK] . <slot> [SEP]": the last slot moves the last token by one.
        places = [*range(len(front)), *range(len(front) + 3, len(front) + 2 + len(back))]
        places.append(places[-1] + 2)
        cache = DynamicCache()
        for layer, (keys, values) in enumerate(table.detach()):
            parts = [part.view(1, 4, heads, -1).transpose(1, 2) for part in (keys, values)]
            cache.update(*parts, layer)
        with torch.no_grad():
            hidden = bert.model.bert(
                input_ids=ids,
                position_ids=torch.tensor([places]),
                attention_mask=torch.ones(1, 4 + ids.shape[1]).long(),
                past_key_values=cache,
            )[0]
            expected = bert.head_states(hidden[0, len(front) + 2])
        torch.testing.assert_close(found[row], expected, atol=1e-4, rtol=1e-4)


def test_a_prefix_starts_as_the_keys_and_values_of_its_words(bert: MaskedLM) -> None:
    own = scorer(bert, "{soft:'it was'} {a} {mask}", "prefix")
    assert own.soft is not None
    table = own.soft().attended
    layer = bert.model.bert.encoder.layer[0].attention.self
    with torch.no_grad():
        ids = torch.tensor([bert.hf_tokenizer.convert_tokens_to_ids(["it", "was"])])
        states = bert.model.bert.embeddings(input_ids=ids)[0]
        expected = torch.stack([layer.key(states), layer.value(states)])
    assert table is not None
    torch.testing.assert_close(table[0].detach(), expected)


def test_a_prefix_is_trained_through_a_bottleneck_and_kept_without_it(bert: MaskedLM) -> None:
    own = scorer(bert, kind="prefix")
    assert own.soft is not None
    attended, fresh = own.soft().attended, scores(own)
    assert attended is not None
    start = attended.detach().clone()
    own.learned.unfold()
    np.testing.assert_array_equal(scores(own), fresh)  # the start is kept
    shake(own)
    bottleneck: Any = own.soft.parametrizations.table  # type: ignore[union-attr]
    inner = torch.tanh(bottleneck[0].narrow(bottleneck.original))
    rows = bottleneck[0].wide(inner).view(5, 2, 2, 32)  # slots, layers, keys and values
    table = own.soft().attended
    assert table is not None
    for slot in range(5):
        torch.testing.assert_close(table[:, :, slot], start[:, :, slot] + rows[slot])
    unfolded = scores(own)
    own.learned.fold()
    assert [name for name, _ in own.soft.named_parameters()] == ["table"]
    np.testing.assert_array_equal(scores(own), unfolded)


def test_backbones_without_changeable_attention_are_told_what_they_take(load: Any) -> None:
    refused = [name for name in FAMILIES if not takes(name, "prefix")]
    assert {"deberta-v2", "mpnet", "roformer", "megatron-bert"} <= set(refused)
    for name in refused:
        with pytest.raises(BackboneError, match=r"no learned keys and values(?s:.*)soft='deep'"):
            scorer(load(name), kind="prefix")
        scorer(load(name), kind="deep")
