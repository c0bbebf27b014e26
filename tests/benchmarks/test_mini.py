"""What pet-mini is trained with: packed rows, BERT over them, patterns by rules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load
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
    for parameter in model.parameters():  # biases and norms would be alike
        torch.nn.init.normal_(parameter, 0.1, 0.3)
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
    assert "{text} it was {mask}" in known
    assert "{text} my verdict {mask}" in known  # of fresh.py
    assert _plain('( "{words}" - It was {mask}! )') in known
    for family in FAMILIES:
        drawn = templates(family, 300, seed=1)
        assert len(set(drawn)) == 300
        assert all(t.count("{mask}") == t.count("{text}") == 1 for t in drawn)
        assert not known & {_plain(template) for template in drawn}


def _prepared() -> Any:
    """Return text of two parts, one of them open, and one family of patterns."""
    from pools import Prepared

    torch.manual_seed(2)
    model = BertForMaskedLM(TINY)
    generator = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        f"weight.{name.removeprefix('bert.')}": weight.numpy()
        for name, weight in model.state_dict().items()
        if name.startswith("bert.")
    }
    for name, documents in (("text", 60), ("held", 4)):
        lengths = generator.integers(6, 40, 5 * documents)
        ids = generator.integers(200, 1029, lengths.sum())
        ids[np.cumsum(lengths)[::3] - 1] = 1029  # every third sentence is a question
        arrays |= {
            f"{name}.ids": ids.astype(np.uint16),
            f"{name}.lengths": lengths.astype(np.uint16),
            f"{name}.sizes": np.full(documents, 5, np.uint16),
            f"{name}.parts": (np.arange(documents) % 2).astype(np.uint8),
        }
    for name, pieces in {
        "before": [[], [300, 103, 301]],
        "after": [[302, 103], []],
        "phrases": [[101, 300, word, 102] for word in range(400, 408)],
    }.items():
        arrays[f"{name}.0"] = np.array([token for piece in pieces for token in piece], np.int16)
        arrays[f"{name}.starts.0"] = np.cumsum([0, *map(len, pieces)])
    arrays["words.0"] = np.arange(400, 408, dtype=np.int16)
    arrays["liking.all"] = arrays["liking.clean"] = np.ones(48, np.float32)
    family = {"name": "verdict", "weight": 0.0, "rated": 0.0, "questions": False}
    about = {"parts": ["open", "other"], "clean": [True, False], "families": [family]}
    return Prepared(arrays, about)


def test_open_text_alone_is_packed_where_it_is_asked_for() -> None:
    from pools import Pools, Running
    from rows import MASK, MOST

    prepared = _prepared()
    pools = Pools.built(prepared, "clean", texts=50, patterns=30, seed=0)
    assert pools.shares == {"open": 1.0}
    _, starts, sizes = Running(prepared).chunks([0])
    assert len(starts) == int((pools.running.items >= 0).sum())
    lengths = prepared.arrays["text.lengths"].reshape(-1, 5)
    assert sizes.sum() == lengths[::2].sum()
    both = Pools.built(prepared, "all", texts=50, patterns=30, seed=0)
    assert set(both.shares) == {"open", "other"}
    assert sum(both.shares.values()) == pytest.approx(1)
    (asked,) = pools.asked
    there = asked.rows.items >= 0
    rows = torch.arange(len(there))[:, None].expand(-1, MOST)[there]
    assert (asked.rows.ids[rows, asked.masks[there].long()] == MASK).all()
    assert int(there.sum()) == 30


def test_training_starts_at_the_encoder_and_at_the_judges_own_answers(tmp_path: Path) -> None:
    from pools import Pools
    from rows import LENGTH, MASK
    from train import Recipe, Training

    prepared = _prepared()
    pools = Pools.built(prepared, "all", texts=50, patterns=30, seed=0)
    recipe = Recipe(running=3, short=2, short_beside_patterns=1, asked=1)
    training = Training(prepared, pools, recipe, 60, torch.device("cpu"))
    for judge in training.judges:
        judge.learn(training.model, 2)
    losses = {k: v.detach() for k, v in training.losses(patterns=True).items()}
    assert set(losses) == {"words", "vectors", "neighbours", "verdict"}
    # Nothing has been learned: vectors are the encoder's, answers those that the judge began with.
    assert float(losses["vectors"]) == pytest.approx(0, abs=1e-4)
    assert float(losses["verdict"]) == pytest.approx(0, abs=1e-4)
    assert float(losses["words"]) > 3
    batch = training.running.rows.take(torch.arange(2))
    seen, places, targets = training._masked(batch, 40)
    ids = batch.ids.flatten()
    assert len(places.unique()) == 40
    assert torch.equal(targets, ids[places])
    assert (targets > MASK).all()
    untouched = torch.ones(2 * LENGTH, dtype=torch.bool)
    untouched[places] = False
    assert torch.equal(seen[untouched], ids[untouched])
    assert int((seen[places] == MASK).sum()) > 20
    training.write(tmp_path)
    joined = b"".join(file.read_bytes() for file in sorted(tmp_path.iterdir()))
    assert load(joined)["bert.embeddings.word_embeddings.weight"].shape == (TINY.vocab_size, 48)
