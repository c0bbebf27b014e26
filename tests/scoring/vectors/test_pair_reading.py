"""Comparisons of two texts equal a naive implementation, one pair and one word at a time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden import Naive
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from other_families import CAUSAL, SEQ2SEQ, save_other
from tiny import TEXTS, WORDS
from transformers import BertForMaskedLM

from pet.backbone import MaskedLM, load_backbone
from pet.backbone.loading import load_tokenizer
from pet.device import Compute
from pet.encoding import Chunk
from pet.scoring.vectors.pair_reading import PairReading

# Words that are spelled out, a sign that the vocabulary lacks, and texts without any word.
PAIRS = [*TEXTS, {"a": "", "b": ""}, {"a": "☃", "b": "the ☃ food"}, {"a": "food", "b": "food"}]
COMPARISONS = 13

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.fixture(scope="module")
def reading(backbone: MaskedLM) -> PairReading:
    return PairReading(["a", "b"], backbone, 64)


@torch.inference_mode()
def read(reading: PairReading, backbone: Any, pairs: list[dict[str, str]]) -> Any:
    return reading.vectors(Chunk(backbone.tokenizer, pairs)).numpy()


def length(vector: list[float]) -> float:
    return math.sqrt(sum(v * v for v in vector))


def cosine(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / (length(one) * length(other))


def met(mine: list[list[float]], others: list[list[float]]) -> list[float]:
    """Mean, least, and mean of the three least of the best cosines; 0 where a side is empty."""
    if not mine or not others:
        return [0.0, 0.0, 0.0]
    best = sorted(max(cosine(word, other) for other in others) for word in mine)
    return [sum(best) / len(best), best[0], sum(best[:3]) / len(best[:3])]


@torch.no_grad()
def naive_vector(naive: Naive, pair: dict[str, str]) -> list[float]:
    """All entries of one pair, by plain transformers and loops."""
    body, special = naive.model.base_model, set(naive.tokenizer.all_special_ids)
    table = naive.model.get_input_embeddings().weight.tolist()
    sides = []
    for text in (pair["a"], pair["b"]):
        row = [naive.tokenizer.cls_token_id, *naive.ids(text), naive.tokenizer.sep_token_id]
        states = body(torch.tensor([row]))[0][0].tolist()
        mean = [sum(column) / len(row) for column in zip(*states, strict=True)]
        unit = [value / length(mean) for value in mean]
        kept = [place for place, token in enumerate(row) if token not in special]
        sides.append((unit, [table[row[p]] for p in kept], [states[p] for p in kept]))
    (one, words, states), (other, other_words, other_states) = sides
    return [
        cosine(one, other),
        *met(words, other_words), *met(other_words, words),
        *met(states, other_states), *met(other_states, states),
        *one, *other,
        *(abs(a - b) for a, b in zip(one, other, strict=True)),
        *(a * b for a, b in zip(one, other, strict=True)),
    ]  # fmt: skip


def test_vectors_equal_a_naive_implementation(
    reading: PairReading, backbone: MaskedLM, naive: Naive
) -> None:
    found = read(reading, backbone, PAIRS)
    assert found.shape == (len(PAIRS), reading.size)
    assert found.dtype == np.float32
    assert reading.size == COMPARISONS + 4 * 32
    expected = [naive_vector(naive, pair) for pair in PAIRS]
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_names_say_which_text_is_met_by_which(reading: PairReading) -> None:
    statistics = ("on average", "at the least", "at the 3 least")
    assert reading.names == (
        "both alike",
        *(f"a met by b, words, {how}" for how in statistics),
        *(f"b met by a, words, {how}" for how in statistics),
        *(f"a met by b, states, {how}" for how in statistics),
        *(f"b met by a, states, {how}" for how in statistics),
    )


def test_a_text_is_wholly_met_by_itself_and_by_one_that_holds_its_words(
    reading: PairReading, backbone: MaskedLM
) -> None:
    pairs = [
        {"a": "warm food", "b": "warm food"},
        {"a": "warm food", "b": "the food was not warm"},
        {"a": "the food was not warm", "b": "warm food"},
    ]
    same, held, holds = read(reading, backbone, pairs)[:, :COMPARISONS]
    np.testing.assert_allclose(same, 1.0, atol=1e-5)
    np.testing.assert_allclose(held[1:4], 1.0, atol=1e-5)
    assert (held[4:7] < 0.9).all()
    # The other way round, the other direction is the one that is met.
    turned = [0, 4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9]
    np.testing.assert_allclose(holds, held[turned], atol=1e-5)


def test_a_text_without_words_is_met_by_0(reading: PairReading, backbone: MaskedLM) -> None:
    pairs = [{"a": "", "b": ""}, {"a": "", "b": "warm food"}, {"a": "☃", "b": "warm food"}]
    found = read(reading, backbone, pairs)
    np.testing.assert_array_equal(found[:, 1:COMPARISONS], 0.0)
    assert np.isfinite(found).all()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                name: st.lists(st.sampled_from([*WORDS[:30], "zebra"]), max_size=12).map(" ".join)
                for name in ("a", "b")
            }
        ),
        min_size=2,
        max_size=6,
    ),
    st.integers(8, 200),
)
def test_a_pair_is_read_alike_alone_and_among_others(
    backbone: MaskedLM, pairs: list[dict[str, str]], budget: int
) -> None:
    reading = PairReading(["a", "b"], backbone, 64)
    alone = np.concatenate([read(reading, backbone, [pair]) for pair in pairs])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compute, "token_budget", property(lambda self: budget))
        together = read(reading, backbone, pairs)
    np.testing.assert_allclose(together, alone, atol=2e-5)


def test_padding_is_no_word_even_if_the_tokenizer_names_no_padding(lively_bert: str) -> None:
    tokenizer = load_tokenizer(lively_bert)
    tokenizer.pad_token = None
    model = BertForMaskedLM.from_pretrained(lively_bert)
    other = MaskedLM(model, tokenizer, Compute(torch.device("cpu"), "fp32"), "without padding")
    reading = PairReading(["a", "b"], other, 48)
    alone = np.concatenate([read(reading, other, [pair]) for pair in PAIRS])
    np.testing.assert_allclose(read(reading, other, PAIRS), alone, atol=2e-5)


def test_long_texts_are_shortened_each_on_its_own(backbone: MaskedLM) -> None:
    reading = PairReading(["a", "b"], backbone, 10)
    long = "the food was " * 20
    found = read(reading, backbone, [{"a": long, "b": "warm"}])
    same = {"a": "the food was the food was the food", "b": "warm"}
    np.testing.assert_allclose(found, read(reading, backbone, [same]), atol=1e-5)


def test_the_many_states_together_count_half_as_much_as_the_comparisons(
    reading: PairReading,
) -> None:
    assert reading.importance is not None
    assert reading.importance.shape == (reading.size,)
    squares = np.square(reading.importance)
    assert squares[COMPARISONS:].sum() == pytest.approx(squares[:COMPARISONS].sum() / 2)


@pytest.mark.parametrize("family", ["gpt2", "llama", "bloom", "t5"])
def test_other_families_compare_texts_too(family: str, tmp_path: Path) -> None:
    folder = save_other({**CAUSAL, **SEQ2SEQ}[family], tmp_path)
    other = load_backbone(str(folder), "cpu", "fp32")
    reading = PairReading(["a", "b"], other, 48)
    together = read(reading, other, PAIRS)
    assert np.isfinite(together).all()
    alone = np.concatenate([read(reading, other, [pair]) for pair in PAIRS])
    np.testing.assert_allclose(together, alone, atol=1e-4)
