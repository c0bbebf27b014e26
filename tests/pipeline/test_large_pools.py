"""Scores of unlabelled texts pass by: of a large pool no more is held than a chunk, and numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from passing import Passing

from pet.model import Ensemble
from pet.pipeline.draws import draw_rows
from pet.pipeline.temperatures import temperature_of_agreement
from pet.runs import RunFolder


def test_a_temperature_by_agreement_holds_the_scores_that_it_compares(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    scores = Passing(generator.normal(size=(20, 2, 300, 3)).astype(np.float32))
    chunks = ([one, one[:, ::-1]] for one in scores)
    temperature_of_agreement(Ensemble.uniform(2), chunks, 6000, RunFolder(tmp_path))
    assert scores.most == 2


@pytest.mark.parametrize("most_likely", [None, 5])
def test_a_draw_holds_numbers_of_rows(most_likely: int | None) -> None:
    scores = Passing(np.random.default_rng(0).normal(size=(20, 50, 3)).astype(np.float32))
    draw_rows(scores, [2, 2, 2], list("012"), np.random.default_rng(0), most_likely)
    assert scores.most == 2
