"""The models of a cell, counted one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from studies import FILES, POOL, TEST, quick
from study_cells import spec
from transformers import AutoModelForMaskedLM

from pet.config import (
    IpetConfig,
    StudyConfig,
    TrainingConfig,
)
from pet.evaluation.study.cells import run_cell
from pet.evaluation.study.comparison import (
    summarise,
)
from pet.evaluation.study.fewshot import few_shot_study


def test_a_cell_counts_the_right_answers_one_by_one() -> None:
    result = run_cell(spec())
    figures = result.models["tfidf"]
    assert set(figures.right) <= {"0", "1"}
    assert len(figures.right) == len(TEST)
    assert figures.accuracy == pytest.approx(figures.right.count("1") / len(TEST))
    assert (result.train, result.dev, result.unlabeled) == (4, 0, len(POOL) - 4)
    assert result.memory > 50
    assert result.seconds >= 0


def test_pet_gives_ensemble_distilled_and_every_pattern(tiny_bert: str) -> None:
    result = run_cell(replace(spec(unlabeled=8), method="pet", settings=quick(tiny_bert)))
    assert list(result.models) == ["pet", "pet ensemble"]
    assert list(result.patterns) == list(result.templates) == ["pattern-0", "pattern-1"]
    assert result.templates["pattern-0"] == FILES.task.pvps[0].pattern.template
    assert all(0 <= value <= 1 for value in result.patterns.values())
    assert result.unlabeled == 8
    model = AutoModelForMaskedLM.from_pretrained(tiny_bert)
    words = model.get_input_embeddings().weight  # frozen
    assert result.trained == sum(own.numel() for own in model.parameters() if own is not words)
    assert run_cell(spec()).trained is None


def test_a_soft_kind_is_a_method(tiny_bert: str) -> None:
    settings = quick(tiny_bert)
    settings = replace(
        settings,
        template=replace(settings.template, soft_slots=3),
        training=replace(settings.training, scope="prompt"),
    )
    result = run_cell(replace(spec(unlabeled=8), method="prompt-tuning", settings=settings))
    assert list(result.models) == ["prompt-tuning", "prompt-tuning ensemble"]
    width = AutoModelForMaskedLM.from_pretrained(tiny_bert).config.hidden_size
    assert result.trained == 3 * width


def test_generations_of_ipet_are_models_and_not_patterns(tiny_bert: str) -> None:
    settings = replace(
        quick(tiny_bert),
        ipet=IpetConfig(generations=2, growth=2),
        training=TrainingConfig(max_steps=40, learning_rate=5e-3),
    )
    result = run_cell(replace(spec(), method="ipet", settings=settings))
    generations = ["ipet generation 0", "ipet generation 1"]
    assert list(result.models) == ["ipet", *generations, "ipet ensemble"]
    assert list(result.patterns) == ["gen-2/pattern-0", "gen-2/pattern-1"]


def test_zero_shot_sees_no_labels_and_runs_once_a_seed(tiny_bert: str) -> None:
    config = StudyConfig(methods=("zero-shot", "tfidf"), shots=(1, 2), seeds=(1, 2))
    study = few_shot_study([FILES], config, quick(tiny_bert))
    own = [cell for cell in study.cells if cell.method == "zero-shot"]
    assert [(cell.shots, cell.seed, cell.train) for cell in own] == [(0, 1, 0), (0, 2, 0)]
    rows = summarise(study)
    assert [(row.shots, row.method) for row in rows] == [
        (1, "zero-shot"), (1, "tfidf"), (2, "zero-shot"), (2, "tfidf"),
    ]  # fmt: skip
    assert rows[0].accuracy == rows[2].accuracy
