"""Texts as vectors: the mean state of plain transformers, and texts that stand for labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden import Naive
from other_families import CAUSAL, SEQ2SEQ, save_other
from tiny import TEXTS

from pet.backbone import MaskedLM, load_backbone
from pet.encoding import Chunk
from pet.scoring.labelled import Labelled
from pet.scoring.vectors.text_reading import TextReading
from pet.task.kinds import KINDS

EMPTY = {"a": "", "b": ""}

pytestmark = pytest.mark.usefixtures("fresh")


@torch.inference_mode()
def read(reading: TextReading, backbone: Any, texts: list[dict[str, str]]) -> Any:
    return reading.vectors(Chunk(backbone.tokenizer, texts)).numpy()


@torch.no_grad()
def naive_vector(naive: Naive, text: str) -> Any:
    """The mean of the states of one row, special tokens included, divided by its length."""
    row = [naive.tokenizer.cls_token_id, *naive.ids(text), naive.tokenizer.sep_token_id]
    states = naive.model.base_model(torch.tensor([row]))[0][0].double().numpy()
    mean = states.mean(axis=0)
    return mean / np.sqrt((mean**2).sum())


def test_a_vector_is_the_mean_state_with_length_1(backbone: MaskedLM, naive: Naive) -> None:
    texts = [*TEXTS, EMPTY]
    reading = TextReading(["a"], backbone, 64)
    found = read(reading, backbone, texts)
    assert found.shape == (len(texts), reading.size) == (5, 32)
    expected = [naive_vector(naive, text["a"]) for text in texts]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("fields", [["a"], ["a", "b"]])
def test_a_text_is_read_alike_alone_and_among_others(backbone: MaskedLM, fields: Any) -> None:
    texts = [*TEXTS, EMPTY, {"a": "word " * 90, "b": "food"}]
    reading = TextReading(fields, backbone, 64)
    alone = np.concatenate([read(reading, backbone, [text]) for text in texts])
    np.testing.assert_allclose(read(reading, backbone, texts), alone, atol=1e-5)
    some = reading.encode(Chunk(backbone.tokenizer, texts))
    with torch.inference_mode():
        rows = reading.read(some, np.array([4, 0, 2])).numpy()
    np.testing.assert_allclose(rows, alone[[4, 0, 2]], atol=1e-5)


def test_all_fields_count(backbone: MaskedLM) -> None:
    reading = TextReading(["a", "b"], backbone, 64)
    one, other = read(reading, backbone, [{"a": "warm", "b": "x"}, {"a": "warm", "b": "y"}])
    assert not np.allclose(one, other, atol=1e-3)
    assert reading.shown({"a": "warm", "b": "food"}) == "warm food"


def test_anchors_are_texts_of_their_label_with_weight_1(backbone: MaskedLM) -> None:
    reading = TextReading(["a"], backbone, 64, [("good", 1), ("bad, sad", 0), ("great", 1)])
    chunk = Chunk(backbone.tokenizer, [{"a": "warm"}, {"a": "cold"}])
    single = Labelled(chunk, np.array([1, 0]), weights=np.array([0.5, 1.5]))
    found = reading.with_anchors(single, 2)
    assert [text["a"] for text in found.chunk.texts] == [
        "warm",
        "cold",
        "good",
        "bad, sad",
        "great",
    ]
    assert found.targets.tolist() == [1, 0, 1, 0, 1]
    assert found.weights is not None
    assert found.weights.tolist() == [0.5, 1.5, 1, 1, 1]
    several = Labelled(chunk, np.array([[1, 1], [0, 0]]), KINDS["multi-label"])
    found = reading.with_anchors(several, 2)
    assert found.targets.tolist() == [[1, 1], [0, 0], [0, 1], [1, 0], [0, 1]]
    assert found.weights is None


def test_there_are_no_anchors_of_several_fields(backbone: MaskedLM) -> None:
    reading = TextReading(["a", "b"], backbone, 64, [("good", 1)])
    labelled = Labelled(Chunk(backbone.tokenizer, TEXTS), np.array([0, 1, 0, 1]))
    assert reading.with_anchors(labelled, 2) is labelled


@pytest.mark.parametrize("family", ["gpt2", "llama", "bloom", "t5"])
def test_other_families_read_texts_too(family: str, tmp_path: Path) -> None:
    folder = save_other({**CAUSAL, **SEQ2SEQ}[family], tmp_path)
    other = load_backbone(str(folder), "cpu", "fp32")
    reading = TextReading(["a", "b"], other, 48)
    together = read(reading, other, [*TEXTS, EMPTY])
    assert np.isfinite(together).all()
    alone = np.concatenate([read(reading, other, [text]) for text in [*TEXTS, EMPTY]])
    np.testing.assert_allclose(together, alone, atol=1e-4)
