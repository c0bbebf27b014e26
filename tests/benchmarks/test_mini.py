"""What pet-mini is trained with: packed rows, BERT over them, patterns by rules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertConfig, BertForMaskedLM

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
TINY = BertConfig(
    vocab_size=1100, hidden_size=48, num_hidden_layers=2, num_attention_heads=12,
    intermediate_size=64, max_position_embeddings=512,
)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def scripts() -> Iterator[None]:
    """Let the scripts be imported, which find each other beside themselves."""
    added = [str(BENCHMARKS), str(BENCHMARKS / "mini")]
    sys.path[:0] = added
    yield
    for folder in added:
        sys.path.remove(folder)


def _texts(lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    flat = generator.integers(200, 1100, sum(lengths)).astype(np.int16)
    return flat, np.cumsum([0, *lengths])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 256), min_size=1, max_size=80))
def test_every_text_stands_in_one_row_whole_with_its_own_positions(lengths: list[int]) -> None:
    from rows import LENGTH, pack

    flat, starts = _texts(lengths)
    packed = pack(flat, starts, seed=3)
    found = {}
    for row in range(len(packed)):
        for slot, item in enumerate(packed.items[row].tolist()):
            if item < 0:
                continue
            begin, end = packed.bounds[row, slot : slot + 2].tolist()
            assert (packed.texts[row, begin:end] == slot).all()
            assert packed.positions[row, begin:end].tolist() == list(range(end - begin))
            assert item not in found
            found[item] = packed.ids[row, begin:end].tolist()
    assert found == {i: flat[starts[i] : starts[i + 1]].tolist() for i in range(len(lengths))}
    used = int((packed.items >= 0).sum())
    assert used == len(lengths)
    bounds = packed.sequences()
    assert bounds[0] == 0
    assert bounds[-1] == LENGTH * len(packed)
    assert (bounds.diff() >= 0).all()


def test_fewer_bounds_say_the_same() -> None:
    from rows import pack

    packed = pack(*_texts([100, 30, 40, 256, 7]), seed=0)
    assert packed.sequences(6).unique().tolist() == packed.sequences().unique().tolist()


def test_packed_bert_computes_what_transformers_does_and_saves_the_same_weights() -> None:
    from bert import PackedBert, pooled
    from rows import MOST, pack

    torch.manual_seed(0)
    model = BertForMaskedLM(TINY).eval()
    weights = {k: v for k, v in model.state_dict().items() if "decoder" not in k}
    packed_model = PackedBert(weights, torch.float32)
    lengths = [3, 40, 250, 6, 90]
    flat, starts = _texts(lengths)
    packed = pack(flat, starts, seed=5)
    rows = packed.take(torch.arange(len(packed)))
    with torch.no_grad():
        states = packed_model(rows.ids.flatten(), rows)
        logits = packed_model.logits(states).view(*rows.ids.shape, -1)
        means = pooled(states, rows)
        for row, slot in torch.nonzero(rows.items >= 0).tolist():
            item = int(rows.items[row, slot])
            ids = torch.from_numpy(flat[starts[item] : starts[item + 1]].astype(np.int64))[None]
            expected = model(ids, output_hidden_states=True)
            begin = int(rows.bounds[row, slot])
            found = logits[row, begin : begin + lengths[item], : TINY.vocab_size]
            torch.testing.assert_close(found, expected.logits[0], atol=1e-5, rtol=1e-4)
            mean = expected.hidden_states[-1][0].mean(0)
            torch.testing.assert_close(means[row, slot], mean, atol=1e-5, rtol=1e-4)
    assert int((rows.items >= 0).sum()) == len(lengths) <= MOST
    types = weights["bert.embeddings.token_type_embeddings.weight"]
    saved = packed_model.weights(types)
    again = BertForMaskedLM(TINY)
    again.load_state_dict({k: v.float() for k, v in saved.items()}, strict=False)
    for name, weight in again.state_dict().items():
        expected_weight = model.state_dict()[name]
        torch.testing.assert_close(weight, expected_weight, atol=1e-3, rtol=1e-2)


def test_patterns_are_many_and_none_is_known() -> None:
    from templates import FAMILIES, _plain, known_patterns, templates

    known = known_patterns()
    assert "{text} it was {mask}." in known
    assert "{text} my verdict: {mask}." in known  # of fresh.py
    for family in FAMILIES:
        drawn = templates(family, 300, seed=1)
        assert len(set(drawn)) == 300
        assert all(t.count("{mask}") == t.count("{text}") == 1 for t in drawn)
        assert not known & {_plain(template) for template in drawn}
