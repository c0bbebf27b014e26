"""Adaptation as the first step of a run, a study or a classifier."""

from __future__ import annotations

import json
from pathlib import Path

from toy import GOOD, NEW, Files, pet, train

from pet import PETClassifier
from pet.backbone import MaskedLM


def test_a_run_can_start_by_adapting(files: Files, encoder: str, tmp_path: Path) -> None:
    more = ["--unlabeled", files.unlabeled, "--adapt", "--adapt-steps", 3, "--test", files.test]
    result = train(files, encoder, tmp_path / "run", *more)
    assert result.code == 0, result.err
    assert "The backbone was adapted in 1 step: loss on held-out text" in result.err
    adapted = tmp_path / "run" / "backbone"
    MaskedLM.load(str(adapted), "cpu", "fp32")
    before = (adapted / "model.safetensors").stat().st_mtime_ns
    for part in ("classifier", "members"):
        (tmp_path / "run" / part).rename(tmp_path / part)
    assert train(files, encoder, tmp_path / "run", *more).code == 0
    assert (adapted / "model.safetensors").stat().st_mtime_ns == before
    assert pet("explain", tmp_path / "run", "--text", "good food").code == 0
    plain = train(files, encoder, tmp_path / "plain", "--unlabeled", files.unlabeled)
    assert "no trained masked-LM head" in plain.err
    alone = train(files, encoder, tmp_path / "alone", "--adapt")
    assert alone.code == 1
    assert "Give --unlabeled FILE" in alone.err


def test_a_study_can_adapt_in_every_cell(files: Files, tiny_bert: str, tmp_path: Path) -> None:
    result = pet(
        "fewshot", "--task", files.task, "--train", files.train, "--test", files.test,
        "--methods", "zero-shot,fine-tune", "--shots", 1, "--seeds", 13, "--backbone", tiny_bert,
        "--max-steps", 2, "--adapt", "--adapt-steps", 2, "-o", tmp_path / "study",
    )  # fmt: skip
    assert result.code == 0, result.err
    settings = json.loads((tmp_path / "study" / "run.json").read_text("utf-8"))["asked"]
    assert settings["settings"]["adaptation"] == {"adapt": True, "adapt_steps": 2}


def test_the_classifier_adapts_too(tiny_bert: str, files: Files) -> None:
    model = PETClassifier(
        files.task, backbone=tiny_bert, device="cpu", method="zero-shot", adapt=True, adapt_steps=2
    )
    model.fit(NEW, unlabeled=NEW)
    assert len(model.predict(GOOD)) == len(GOOD)
    assert model.adaptation_ is not None
    assert model.adaptation_.steps == 1  # so short a text is read no more often
    assert model.set_params(adapt=False).fit(NEW).adaptation_ is None


def test_a_few_unlabelled_texts_are_enough_to_adapt(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    one = tmp_path / "one.jsonl"
    one.write_text(json.dumps({"text": "the only text"}) + "\n", "utf-8")
    result = train(files, tiny_bert, tmp_path / "run", "--adapt", "--adapt-steps", 3,
                   "--unlabeled", one)  # fmt: skip
    assert result.code == 0, result.err
