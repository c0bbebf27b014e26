"""A small few-shot study: its files, its settings, and one that is made up."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from toy import Files, pet, toy_task, write_jsonl

from pet.config import (
    BackboneConfig,
    DistillationConfig,
    Settings,
    StudyConfig,
    TrainingConfig,
)
from pet.evaluation import plots
from pet.evaluation.study.cells import TaskFiles
from pet.evaluation.study.results import CellResult, ModelFigures, StudyResult

WORDS = {"negative": ("bad", "sad", "terrible", "awful"), "positive": ("good", "happy", "great")}


POOL = [
    {"text": f"{who} {what} {be} {how}", "label": label}
    for who, what, be in itertools.product(
        ("the", "this", "a"), ("film", "room", "food"), ("was", "is")
    )
    for label, words in WORDS.items()
    for how in words
]


TEST = [
    {"text": f"{who} {what} so {how}", "label": label}
    for who, what in itertools.product(("we", "they", "i"), ("phone", "train"))
    for label, words in WORDS.items()
    for how in words[:2]
]


FILES = TaskFiles(toy_task(), POOL, TEST)


CONFIG = StudyConfig(methods=("tfidf",), shots=(2,), seeds=(1, 2, 3))


def quick(backbone: str = "pet-mini") -> Settings:
    return Settings(
        backbone=BackboneConfig(backbone, "cpu", "fp32"),
        training=TrainingConfig(max_steps=2),
        distillation=DistillationConfig(distill_epochs=1),
    )


drawing = pytest.mark.skipif(
    not plots.available(), reason="needs matplotlib, the extra 'plots', absent here"
)


BINS = [{"n": n, "confidence": 0.05 + n / 10, "accuracy": 0.04 * n} for n in range(10)]


def cell(method: str, shots: int, seed: int, accuracy: float, patterns: Any) -> CellResult:
    bins = [{"n": 4, "confidence": 0.5, "accuracy": accuracy}]
    own = ModelFigures(
        {"accuracy": accuracy, "macro_f1": 0, "ece": 0}, "1001", [[1, 1], [0, 2]], bins
    )
    return CellResult("toy", method, shots, seed, {method: own}, patterns, 4, 0, 9, 1.0, 1.0, None)


STUDY = StudyResult(
    StudyConfig(methods=("zero-shot", "pet"), shots=(2, 8), seeds=(1, 2)),
    tuple(
        cell(method, shots, seed, (shots + seed) / 20, {"a": 0.1 * seed, "b": 0.5})
        for method, shots in (("zero-shot", 0), ("pet", 2), ("pet", 8))
        for seed in (1, 2)
    ),
    {"toy": 0},
)


def study_command(folder: Path, *more: object) -> Any:
    files = Files.write(folder)
    pool = write_jsonl(folder / "pool.jsonl", POOL)
    test = write_jsonl(folder / "test.jsonl", TEST)
    return pet(
        "fewshot", "--task", files.task, "--train", pool, "--test", test, "--methods", "tfidf",
        "--shots", "1,2", "--seeds", "1,2", "-o", folder / "study", *more,
    )  # fmt: skip
