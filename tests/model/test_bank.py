"""A bank scores every row as its own run says, and keeps prompts only."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from banks import MIXED, SOFT
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import save_lively_bert
from toy import NEW, Files, pet, train

from pet import PVP, PromptBank, Task, Verbalizer
from pet.backbone import MaskedLM, fingerprint
from pet.config import Settings
from pet.device import Compute
from pet.encoding import Chunk
from pet.errors import UsageError
from pet.members import MemberSet, specs_of
from pet.model import (
    Ensemble,
    EnsembleModel,
    TaskPrompt,
    load_model,
    stored_prompts,
)
from pet.model.run_members import trained_members
from pet.runs import RunFolder
from pet.scoring import PVPScorer


def alone(runs: Path, name: str, texts: dict[str, str]) -> Any:
    """Scores of one row by the run's own model."""
    return load_model(runs / name, "cpu", "fp32").scores([texts])[0]


# Scoring


def test_every_row_scores_as_its_own_run_says(bank: PromptBank, runs: Path) -> None:
    found = bank.scores(MIXED)
    for (name, texts), own in zip(MIXED, found, strict=True):
        assert len(own) == len(bank.tasks[name].labels)
        np.testing.assert_allclose(own, alone(runs, name, texts), atol=1e-5, rtol=1e-5)


def test_prompts_of_one_shape_are_not_mixed_up(tmp_path: Path) -> None:
    pvp = PVP("{text} {mask}", Verbalizer({"bad": ["bad"], "good": ["good"]}), soft="deep")
    backbone = MaskedLM.load(str(save_lively_bert(tmp_path)), "cpu", "fp32")
    bank = PromptBank(backbone)
    expected = []
    for seed in range(3):
        task = Task(f"task-{seed}", ["bad", "good"], ["text"], [pvp])
        prompt, scorer = _random_prompt(task, backbone, seed)
        bank.add(prompt)
        # One member, whose scores are those of the ensemble, by a pass of its own.
        expected.append(scorer.score(Chunk(backbone.tokenizer, [{"text": NEW[0]}]))[0, 0])
    found = bank.scores([(f"task-{seed}", {"text": NEW[0]}) for seed in range(3)])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(np.diff(found, axis=0)).max(axis=1).min() > 1e-3


@given(rows=st.lists(st.sampled_from(MIXED), max_size=9))
@settings(max_examples=15, deadline=None)
def test_the_company_of_a_row_does_not_matter(bank: PromptBank, rows: list[Any]) -> None:
    found = bank.scores(rows)
    assert len(found) == len(rows)
    for row, own in zip(rows, found, strict=True):
        np.testing.assert_allclose(own, bank.scores([row])[0], atol=1e-5, rtol=1e-5)


def test_predictions_are_those_of_each_kind_of_task(bank: PromptBank) -> None:
    for (name, _), own, scores in zip(MIXED, bank.predict(MIXED), bank.scores(MIXED), strict=True):
        labels = bank.tasks[name].labels
        assert list(own.probabilities) == list(labels)
        shares = list(own.probabilities.values())
        if name == "tags":
            np.testing.assert_allclose(shares, 1 / (1 + np.exp(-scores)), rtol=1e-5)
            assert own.label == tuple(
                label for label, s in zip(labels, scores, strict=True) if s >= 0
            )
        else:
            assert sum(shares) == pytest.approx(1, abs=1e-5)
            assert own.label == labels[int(scores.argmax())]
    assert [own.label for own in bank.predict(MIXED, threshold=1.1)] == [None] * len(MIXED)


def test_a_small_mixed_batch_runs_the_backbone_once(
    bank: PromptBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Compute, "pass_cost", 10**6)  # rows of all lengths in one, as on a GPU
    calls: list[int] = []
    handle = bank.backbone.body.register_forward_pre_hook(lambda *_: calls.append(1))
    bank.scores([row for row in MIXED if row[0] != "topics"])
    handle.remove()
    assert len(calls) == 1


def test_a_stream_is_the_same_in_any_chunks(bank: PromptBank) -> None:
    rows = [{"task": name, **texts} for name, texts in MIXED]
    whole, parts = (
        list(bank.predict_stream(bank.examples(rows), chunk_size=size)) for size in (100, 2)
    )
    assert [row[:2] for row in whole] == [row[:2] for row in parts]
    for (name, example, one), (*_, other), row in zip(whole, parts, MIXED, strict=True):
        assert (name, example.texts) == row
        assert one.label == other.label
        assert one.probability == pytest.approx(other.probability, abs=1e-5)


# What a bank is


def test_a_prompt_is_small_and_the_backbone_is_not_touched(folder: Path, tiny_bert: str) -> None:
    backbone = MaskedLM.load(tiny_bert, "cpu", "fp32")
    before = {name: p.clone() for name, p in backbone.model.named_parameters()}
    bank = PromptBank(backbone)
    for name in stored_prompts(folder):
        assert bank.add(folder / name, name) == name
    bank.scores(MIXED)
    bank.drop("topics")
    assert sorted(bank.tasks) == ["plain", "tags", "toy"]
    for name, parameter in backbone.model.named_parameters():
        assert torch.equal(parameter, before[name])
    for name in ("tags", "topics", "toy", "plain"):
        files = sorted(file.name for file in (folder / name).iterdir())
        assert files == ["SHA256SUMS", "prompt.json", "prompt.safetensors"]
        assert sum(file.stat().st_size for file in (folder / name).iterdir()) < 24_000
    record = json.loads((folder / "toy" / "prompt.json").read_text())
    assert record["backbone"]["fingerprint"] == fingerprint(backbone)
    assert record["members"]["pattern-0-deep"]["soft"]["kind"] == "deep"
    assert record["members"]["pattern-0-deep"]["offsets"]


def test_saved_and_loaded_it_says_the_same(bank: PromptBank, tmp_path: Path) -> None:
    bank.save(tmp_path / "copy")
    again = PromptBank.load(tmp_path / "copy", device="cpu", precision="fp32")
    for one, other in zip(again.scores(MIXED), bank.scores(MIXED), strict=True):
        np.testing.assert_array_equal(one, other)
    again.drop("toy")
    again.save(tmp_path / "copy")
    assert sorted(stored_prompts(tmp_path / "copy")) == ["plain", "tags", "topics"]
    with pytest.raises(UsageError, match="no task 'toy'"):
        again.scores(MIXED)
    with pytest.raises(UsageError, match="no task 'toy'"):
        again.drop("toy")
    assert again.scores([]) == []


def test_a_saved_classifier_and_a_prompt_itself_are_taken_too(
    bank: PromptBank, runs: Path, tiny_bert: str
) -> None:
    own = PromptBank(MaskedLM.load(tiny_bert, "cpu", "fp32"))
    own.add(runs / "toy" / "classifier", "saved")
    own.add(TaskPrompt.from_model(load_model(runs / "toy", "cpu", "fp32")))  # type: ignore[arg-type]
    texts = MIXED[0][1]
    one, other = own.scores([("saved", texts), ("toy", texts)])
    np.testing.assert_allclose(one, other, atol=1e-6)
    np.testing.assert_allclose(one, bank.scores(MIXED[:1])[0], atol=1e-6)


def test_the_members_of_a_generation_are_taken_too(tiny_bert: str, tmp_path: Path) -> None:
    files = Files.write(tmp_path)
    # Calibrated, the untrained model has texts of both labels to draw.
    some = ("--offsets", "prior", "--growth", "2", "--unlabeled", files.unlabeled)
    run = train(
        files, tiny_bert, tmp_path / "run", *SOFT, "--soft", "words", "--method", "ipet", *some
    )
    assert run.code == 0, run.err
    made = pet("bank", tmp_path / "bank", "--add", tmp_path / "run")
    assert made.code == 0, made.err
    assert re.search(r"toy +\d words", made.out)
    again = PromptBank.load(tmp_path / "bank", device="cpu", precision="fp32")
    texts = MIXED[0][1]
    expected = trained_members(RunFolder.open(tmp_path / "run"), "cpu", "fp32").scores([texts])[0]
    np.testing.assert_allclose(again.scores([("toy", texts)])[0], expected, atol=1e-5)


def test_what_is_saved_names_the_backbone_that_is_here(folder: Path, tmp_path: Path) -> None:
    backbone = json.loads((folder / "toy" / "prompt.json").read_text("utf-8"))["backbone"]["name"]
    shutil.copytree(backbone, tmp_path / "moved")
    bank = PromptBank.load(folder, str(tmp_path / "moved"), "cpu")
    bank.save(tmp_path / "bank")
    for name, prompt in stored_prompts(tmp_path / "bank").items():
        assert prompt.backbone == str(tmp_path / "moved"), name


def _random_prompt(task: Task, backbone: MaskedLM, seed: int) -> tuple[TaskPrompt, PVPScorer]:
    """A prompt of one member, with anything learned, and its scorer."""
    (spec,) = specs_of(task, Settings.from_flat({"soft_slots": 4, "method": "zero-shot"}))
    scorer = spec.scorer(task.labels, backbone)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in scorer.learned.parameters():
            part.add_(torch.randn(part.shape, generator=generator))
    members = MemberSet(backbone, task, [spec], {spec.name: scorer.take(())})
    return TaskPrompt.from_model(EnsembleModel(members, Ensemble.uniform(1))), scorer


# Kinds that put hooks on a model, which threads share.
@pytest.mark.parametrize("kind", ["deep", "prefix"])
def test_threads_take_turns(kind: str, tiny_bert: str) -> None:
    pvp = PVP("{text} {mask}", Verbalizer({"bad": ["bad"], "good": ["good"]}), soft=kind)
    backbone = MaskedLM.load(tiny_bert, "cpu", "fp32")
    bank = PromptBank(backbone)
    for seed in range(2):
        task = Task(f"task-{seed}", ["bad", "good"], ["text"], [pvp])
        bank.add(_random_prompt(task, backbone, seed)[0])
    rows = [[(f"task-{seed}", {"text": text}) for text in NEW[:5]] for seed in range(2)]
    expected = [bank.scores(own) for own in rows]

    def differences(seed: int) -> float:
        found = [bank.scores(rows[seed]) for _ in range(20)]
        return max(float(np.abs(np.subtract(one, expected[seed])).max()) for one in found)

    with ThreadPoolExecutor(2) as pool:
        assert max(pool.map(differences, range(2))) == 0.0


def test_a_task_that_another_thread_drops_meanwhile_is_scored_or_unknown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = PromptBank.load(folder)
    expected = bank.scores(MIXED)
    put = bank.backbone.weights.put

    def dropped_first(weights: Mapping[str, torch.Tensor]) -> None:
        if "toy" in bank.tasks:
            bank.drop("toy")
        put(weights)

    monkeypatch.setattr(bank.backbone.weights, "put", dropped_first)
    found = bank.scores(MIXED)
    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))
    with pytest.raises(UsageError, match="has no task 'toy'"):
        bank.scores(MIXED)
