"""A saved classifier gives pet's probabilities to anybody, for texts of any length."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from families import FAMILIES, save_family
from other_families import CAUSAL, SEQ2SEQ, save_other
from tiny import TEXTS, WORDS
from transformers import pipeline

from pet import PVP, Task, Verbalizer, load_model
from pet.config import BackboneConfig
from pet.model import SequenceClassifier, save_model
from pet.runs.checksums import Checksums
from pet.task.kinds import task_kind

LABELS = ("no", "maybe", "yes")
VERBALIZER = Verbalizer({"no": ["bad"], "maybe": ["so"], "yes": ["good"]})
YES_NO = PVP("{text} {label} {mask}", Verbalizer({"yes": ["yes"], "no": ["no"]}))


def task_of(fields: list[str], kind: str = "single") -> Task:
    pvp = YES_NO if kind == "multi-label" else PVP(f"{{{fields[0]}}} {{mask}}", VERBALIZER)
    return Task("toy", list(LABELS), fields, [pvp], kind=kind)  # type: ignore[arg-type]


SINGLE, PAIR = task_of(["text"]), task_of(["a", "b"])


def of_any_length(seed: int, most: int) -> str:
    draw = random.Random(seed)
    return " ".join(draw.choices([*WORDS, "zebra", "naïve"], k=draw.randint(1, most)))


def saved(backbone: Path, task: Task, folder: Path, max_length: int) -> SequenceClassifier:
    """A classifier with a lively random head, written to a folder."""
    config = BackboneConfig(str(backbone), "cpu", "fp32", max_length)
    model, _ = SequenceClassifier.fresh(config, task, 3)
    save_model(model, folder)
    return model


def piped(folder: Path, rows: list[dict[str, str]], task: Task) -> Any:
    """Probabilities (N, C) of somebody who has never heard of pet."""
    pipe = pipeline("text-classification", str(folder), top_k=None, device="cpu")
    names = ("text", "text_pair")
    inputs = [dict(zip(names, (row[f] for f in task.fields), strict=False)) for row in rows]
    found = [pipe(each, truncation=True) for each in inputs]
    by_label = [{entry["label"]: entry["score"] for entry in each} for each in found]
    return np.array([[each[label] for label in task.labels] for each in by_label])


def probabilities(model: Any, rows: list[dict[str, str]]) -> Any:
    return task_kind(model.task).probabilities(model.scores(rows).astype(np.float64))


@pytest.mark.parametrize(
    ("family", "task"),
    [("bert", SINGLE), ("bert", PAIR), ("roberta", PAIR), ("xlm-roberta", PAIR)],
)
def test_a_pipeline_gives_pets_probabilities_whatever_the_length(
    family: str, task: Task, tmp_path: Path
) -> None:
    backbone = save_family(FAMILIES[family], tmp_path / "backbone")
    rows = [
        {field: of_any_length(3 * seed + at, 30) for at, field in enumerate(task.fields)}
        for seed in range(16)
    ]
    for max_length in (21, 22):
        folder = tmp_path / f"saved-{max_length}"
        model = saved(backbone, task, folder, max_length)
        assert (model.encode([]).lengths <= max_length).all()
        np.testing.assert_allclose(piped(folder, rows, task), probabilities(model, rows), atol=1e-5)
        again: Any = load_model(folder, "cpu", "fp32")
        assert again.max_length == max_length
        np.testing.assert_array_equal(again.scores(rows), model.scores(rows))


@pytest.mark.parametrize(
    ("name", "task"), [("gpt2", SINGLE), ("gpt2", PAIR), ("llama", PAIR), ("t5", PAIR)]
)
def test_a_pipeline_frames_texts_for_other_architectures_too(
    name: str, task: Task, tmp_path: Path
) -> None:
    backbone = save_other({**CAUSAL, **SEQ2SEQ}[name], tmp_path / "backbone")
    model = saved(backbone, task, tmp_path / "saved", 20)
    rows = [{"text": row["a"], **row} for row in TEXTS if row["a"] and row["b"]]
    rows.append({name: of_any_length(7, 60) for name in ("text", "a", "b")})
    found = piped(tmp_path / "saved", rows, task)
    np.testing.assert_allclose(found, probabilities(model, rows), atol=1e-5)


@pytest.mark.parametrize("kind", ["ordinal", "multi-label"])
def test_kinds_of_tasks_are_served_alike(kind: str, tiny_bert: str, tmp_path: Path) -> None:
    task = task_of(["text"], kind)
    model = saved(Path(tiny_bert), task, tmp_path, 16)
    rows = [{"text": of_any_length(seed, 40)} for seed in range(6)]
    np.testing.assert_allclose(piped(tmp_path, rows, task), probabilities(model, rows), atol=1e-5)


def test_special_tokens_in_a_text_are_text(tiny_bert: str, tmp_path: Path) -> None:
    model = saved(Path(tiny_bert), SINGLE, tmp_path, 32)
    rows = [{"text": "the film [SEP] was [MASK] good [PAD]"}, {"text": "[CLS]"}]
    np.testing.assert_allclose(piped(tmp_path, rows, SINGLE), probabilities(model, rows), atol=1e-5)


def test_saving_touches_no_other_file_of_the_folder(tmp_path: Path) -> None:
    place = tmp_path / "project"
    (place / "data").mkdir(parents=True)
    (place / "data" / "rows.csv").write_text("a,b", "utf-8")
    (place / ".env").write_text("secret", "utf-8")
    (place / ".env").chmod(0o600)
    there = {file.relative_to(place).as_posix() for file in place.rglob("*")}
    for _ in range(2):  # also over an older model
        saved(save_family(FAMILIES["bert"], tmp_path / "backbone"), SINGLE, place, 21)
    assert (place / ".env").stat().st_mode & 0o777 == 0o600
    assert (place / "model.safetensors").stat().st_mode & 0o444 == place.stat().st_mode & 0o444
    listed = {*Checksums(place).names()}
    assert listed >= {"pet.json", "model.safetensors", "config.json"}
    assert not listed & there
    now = {file.relative_to(place).as_posix() for file in place.rglob("*")}
    assert now == there | listed | {"README.md", Checksums.name}
    assert load_model(place).task == SINGLE
