"""Texts are read as the backbone reads them: vectors of length 1, and the panel's probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from toy import TEXTS, toy_task

from pet.config import BackboneConfig, Settings
from pet.data import Example, Pool
from pet.labelling.reader import TextReader
from pet.search.panel import Panel

EXAMPLES = [Example({"text": text}) for text in TEXTS]


@pytest.fixture(scope="module")
def panel(lively_bert: str) -> Panel:
    settings = Settings(backbone=BackboneConfig(lively_bert, "cpu", "fp32", 64))
    return Panel.untrained(toy_task(), settings, Pool(lambda: iter(EXAMPLES)))


def test_texts_become_unit_vectors_and_the_panels_probabilities(panel: Panel) -> None:
    read = TextReader(panel).read(EXAMPLES)
    assert read.vectors.shape == (5, 32)
    assert np.linalg.norm(read.vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    means = panel.embed([example.texts for example in EXAMPLES])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    assert read.vectors == pytest.approx(means, abs=1e-5)
    ((_, judged),) = panel.judge(Pool(lambda: iter(EXAMPLES)))
    assert read.members == pytest.approx(judged.members, abs=1e-5)
    assert read.weights.tolist() == [0.5, 0.5]


def test_what_is_read_does_not_depend_on_the_texts_beside_it(panel: Panel) -> None:
    reader = TextReader(panel)
    whole, alone = reader.read(EXAMPLES), reader.read(EXAMPLES[2:3])
    assert alone.vectors[0] == pytest.approx(whole.vectors[2], abs=1e-5)
    assert alone.members[:, 0] == pytest.approx(whole.members[:, 2], abs=1e-5)
