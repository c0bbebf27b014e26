"""Batches: every row once, little padding, and nothing that padding changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from three_tokenizers import Family, bert, bpe, encode, lengths, numbered, row, segments, texts

from pet.backbone import MaskedLM
from pet.encoding.batches import similar_lengths

CPU = torch.device("cpu")


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.lists(lengths, min_size=1, max_size=40),
    budget=st.integers(min_value=1, max_value=200),
)
def test_batches_cover_every_row_once_within_the_token_budget(
    sizes: list[int], budget: int
) -> None:
    _, text_tokenizer = bert()
    examples = [{"a": numbered(size, 0)} for size in sizes]
    encoded = encode(text_tokenizer, "{a} {mask}.", examples)
    batches = list(encoded.batches(budget))
    assert sorted(int(number) for rows in batches for number in rows) == list(range(len(sizes)))
    row_lengths = encoded.ids.lengths
    for rows in batches:
        assert len(rows) == 1 or len(rows) * row_lengths[rows].max() <= budget
    in_order = np.concatenate(batches)
    assert (np.diff(row_lengths[in_order]) <= 0).all()


@settings(max_examples=60, deadline=None)
@given(
    pairs=st.lists(st.tuples(texts, texts), min_size=1, max_size=8),
    budget=st.integers(min_value=1, max_value=300),
)
def test_padding_changes_nothing_in_a_row(pairs: list[tuple[str, str]], budget: int) -> None:
    tokenizer, text_tokenizer = bert()
    examples = [{"a": a, "b": b} for a, b in pairs]
    encoded = encode(text_tokenizer, "{a}{sep}{mask}, {b}", examples, max_length=40, n_masks=2)
    for rows in encoded.batches(budget):
        batch = encoded.batch(rows, CPU)
        width = batch.ids.shape[1]
        assert batch.segments is not None
        for at, number in enumerate(rows.tolist()):
            own = row(encoded, number)
            padding = width - len(own)
            assert batch.ids[at].tolist() == own + [tokenizer.pad_token_id] * padding
            assert batch.segments[at].tolist() == segments(encoded, number) + [0] * padding
            assert batch.ids[at, batch.masks[at]].tolist() == [tokenizer.mask_token_id] * 2
            if batch.attention is None:
                assert padding == 0
            else:
                assert batch.attention[at].tolist() == [1] * len(own) + [0] * padding


@settings(max_examples=200, deadline=None)
@given(
    lengths=st.lists(st.integers(min_value=1, max_value=30), min_size=1, max_size=7),
    pass_cost=st.integers(min_value=0, max_value=40),
)
def test_no_split_of_rows_costs_less_than_that_by_length(
    lengths: list[int], pass_cost: int
) -> None:
    def cost(groups: Sequence[Sequence[int]]) -> int:
        return sum(pass_cost + len(own) * max(lengths[row] for row in own) for own in groups)

    def splits(rows: list[int]) -> Iterator[list[list[int]]]:  # any, also of unlike lengths
        if not rows:
            yield []
            return
        for others in splits(rows[1:]):
            yield [[rows[0]], *others]
            for number, own in enumerate(others):
                yield [*others[:number], [rows[0], *own], *others[number + 1 :]]

    groups = [own.tolist() for own in similar_lengths(np.array(lengths), pass_cost)]
    assert sorted(row for own in groups for row in own) == list(range(len(lengths)))
    assert cost(groups) == min(map(cost, splits(list(range(len(lengths))))))


@pytest.mark.parametrize("family", [bert, bpe])
def test_rows_of_a_batch_are_shortened_to_the_longest_of_them(family: Family) -> None:
    _, text_tokenizer = family()
    examples = [{"a": numbered(size, 0)} for size in (12, 3, 1, 3)]
    encoded = encode(text_tokenizer, "{a} {mask}.", examples)
    whole = encoded.batch(np.arange(4), CPU)
    groups = whole.by_length(0)
    assert [own.tolist() for own in groups] == [[0], [1, 3], [2]]
    for rows in groups:
        found, expected = whole.shortened(rows), encoded.batch(rows.numpy(), CPU)
        assert found.ids.equal(expected.ids)
        assert found.masks.equal(expected.masks)
        assert found.attention is expected.attention is None
        assert (found.segments is None) == (expected.segments is None)
    some = torch.tensor([2, 1])
    padded = encoded.batch(some.numpy(), CPU).attention
    assert padded is not None
    attention = whole.shortened(some).attention
    assert attention is not None
    assert attention.equal(padded)


def test_models_without_segments_get_none() -> None:
    _, text_tokenizer = bpe()
    encoded = encode(text_tokenizer, "{a}{sep}so {mask}", [{"a": "good"}, {"a": "a bad film"}])
    batch = encoded.batch(np.array([0, 1]), CPU)
    assert batch.segments is None
    assert batch.attention is not None


def test_rows_encoded_in_one_chunk_equal_rows_encoded_alone() -> None:
    _, text_tokenizer = bpe()
    examples = [{"a": "good"}, {"a": "a very bad film, it was"}, {"a": "zoo 🙂"}]
    together = encode(text_tokenizer, "{a:middle} So {mask}.", examples, max_length=10)
    for number, example in enumerate(examples):
        alone = encode(text_tokenizer, "{a:middle} So {mask}.", [example], max_length=10)
        assert row(together, number) == row(alone, 0)
        assert together.masks[number].tolist() == alone.masks[0].tolist()


def test_states_at_the_masks_do_not_depend_on_the_batch(tiny_bert: str) -> None:
    backbone = MaskedLM.load(tiny_bert, "cpu", "fp32")
    examples = [{"a": numbered(size, size)} for size in (1, 9, 20, 4)]
    encoded = encode(backbone.tokenizer, "{a} It was {mask}.", examples, max_length=18)
    with torch.inference_mode():
        together = backbone.mask_states(encoded.batch(np.arange(4), CPU))
        for number in range(4):
            alone = backbone.mask_states(encoded.batch(np.array([number]), CPU))
            torch.testing.assert_close(together[number], alone[0], atol=1e-5, rtol=1e-4)
