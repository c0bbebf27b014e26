"""What a saved model tells about itself, and its weights in half precision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard
from safetensors.torch import load_file
from toy import Files, pet, rows_of, train
from transformers import AutoModelForSequenceClassification, pipeline

from pet import PVP, PETClassifier, Task, Verbalizer, load_model
from pet.backbone.cards import filled_card
from pet.cli.train import _result
from pet.model.card import add_figures, model_card


@pytest.fixture(scope="module")
def runs(files: Files, tiny_bert: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs with unlabelled text, "plain" and "half" in half precision, and "ensemble" without."""
    folder = tmp_path_factory.mktemp("carded")
    pool = ("--unlabeled", files.unlabeled, "--patterns", "0", "--test", files.test)
    half = ("--save-precision", "fp16")
    for name, more in {"plain": pool, "half": (*pool, *half), "ensemble": half}.items():
        made = train(files, tiny_bert, folder / name, *more)
        assert made.code == 0, made.err
        (folder / f"{name}.txt").write_text(made.err, "utf-8")
    return folder


def card_of(folder: Path) -> Any:
    return ModelCard.load(folder / "README.md")


def test_a_classifier_has_a_card_that_the_hub_reads(runs: Path) -> None:
    card = card_of(runs / "plain" / "classifier")
    data = card.data
    assert (data.pipeline_tag, data.library_name) == ("text-classification", "transformers")
    figures = {result.metric_name: result.metric_value for result in data.eval_results}
    metrics = json.loads((runs / "plain" / "metrics.json").read_text("utf-8"))
    test = metrics["test"]["classifier"]
    assert figures["accuracy"] == pytest.approx(test["accuracy"], abs=1e-4)
    assert figures["macro_f1"] == pytest.approx(test["macro_f1"], abs=1e-4)
    assert {result.dataset_split for result in data.eval_results} == {"test"}
    for told in (
        "# toy\n", "| 0 | negative | 5 |", "| 1 | positive | 5 |", "10 labelled examples",
        "27 unlabelled texts", "On 3 test examples", "cut at 128 tokens", "Method `pet`, seed 13",
        'pipeline("text-classification", "FOLDER"', "from `bert`",
    ):  # fmt: skip
        assert told in card.text
    assert str(runs) not in str(card)


def test_the_card_of_an_ensemble_says_that_only_pet_loads_it(runs: Path) -> None:
    card = card_of(runs / "ensemble" / "classifier")
    assert card.data.library_name == "pet-fewshot"
    assert "it is no Hugging Face model" in card.text
    assert "An ensemble of 4 members" in card.text
    assert "--unlabeled FILE" in card.text
    assert "None on texts that were kept from training" in card.text


def test_the_last_lines_of_a_run_say_what_the_folder_is(runs: Path) -> None:
    plain, ensemble = ((runs / f"{name}.txt").read_text("utf-8") for name in ("plain", "ensemble"))
    assert "classifier: a plain Hugging Face model" in plain
    assert "only pet loads" not in plain
    assert "an ensemble, which only pet loads" in ensemble
    assert "train with unlabelled text: --unlabeled FILE" in ensemble
    assert _result("run/classifier", "ensemble", "single").endswith("--method pet --unlabeled FILE")


def test_a_card_goes_with_the_model_and_takes_new_figures(runs: Path, tmp_path: Path) -> None:
    PETClassifier.from_pretrained(runs / "plain").save_pretrained(tmp_path / "again")
    before, after = card_of(runs / "plain" / "classifier"), card_of(tmp_path / "again")
    assert str(before) == str(after)
    add_figures(tmp_path / "again", {"accuracy": 0.5, "macro_f1": None}, 8)
    (result,) = card_of(tmp_path / "again").data.eval_results
    assert (result.metric_type, result.metric_value) == ("accuracy", 0.5)
    assert "On 8 test examples" in card_of(tmp_path / "again").text
    assert load_model(tmp_path / "again").about.figures == {"accuracy": 0.5}


def test_licence_and_name_of_the_base_are_passed_on(tmp_path: Path) -> None:
    words = Verbalizer({"a|b": ["good"], "c\n# d": ["bad"]})
    task = Task("toy", list(words.words), ["text"], [PVP("{text} {mask}", words)])
    record = {"task": task.to_dict(), "kind": "sequence-classifier"}
    about = {"base": "pet-mini", "method": "pet"}
    card = ModelCard(model_card({**record, "max_length": 9, "about": about}))
    assert (card.data.license, card.data.language) == ("apache-2.0", "en")
    assert "licence of `pet-mini` is apache-2.0" in card.text
    assert "| 0 | a\\|b | – |" in card.text
    assert "| 1 | c # d | – |" in card.text
    page = tmp_path / "page.md"
    page.write_text("---\n{{ card_data }}\n---\n{{ base }}: {{ licence }}", "utf-8")
    (tmp_path / "base").mkdir()
    for front, expected in (
        ("license: mit\nbase_model: some/model", {"license": "mit", "base_model": "some/model"}),
        ("license: [", {}),
    ):
        (tmp_path / "base" / "README.md").write_text(f"---\n{front}\n---\n# Base", "utf-8")
        card = ModelCard(filled_card(page, str(tmp_path / "base"), {"pipeline_tag": "fill-mask"}))
        assert card.data.to_dict() == {"pipeline_tag": "fill-mask", **expected}
        assert card.text.startswith("base: ")
    unread = ModelCard(filled_card(page, "some/model-that-nobody-loaded", {}))
    assert unread.data.to_dict() == {"base_model": "some/model-that-nobody-loaded"}
    assert unread.text == "some/model-that-nobody-loaded: None\n"


def test_half_precision_halves_the_folder_and_keeps_the_probabilities(
    runs: Path, files: Files
) -> None:
    plain, half = (runs / name / "classifier" for name in ("plain", "half"))
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (plain, half)]
    assert sizes[1] < 0.6 * sizes[0]
    texts = [{"text": "the film was very good"}, {"text": "zebra"}]
    expected, found = (load_model(folder, "cpu", "fp32").scores(texts) for folder in (plain, half))
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert AutoModelForSequenceClassification.from_pretrained(half).dtype.itemsize == 4
    (scores,) = pipeline("text-classification", str(half), top_k=None)([texts[0]["text"]])
    pet_scores = rows_of(pet("predict", half, "--input", files.unlabeled).out)
    assert {each["label"] for each in scores} == set(pet_scores[0]["probabilities"])


def test_an_ensemble_in_half_precision_loads_alike(runs: Path) -> None:
    folder = runs / "ensemble" / "classifier"
    stored = [*folder.rglob("*.safetensors")]
    assert len(stored) == 5
    assert {str(t.dtype) for path in stored for t in load_file(path).values()} == {"torch.float16"}
    run = runs / "ensemble"
    members = [load_file(p) for p in run.glob("members/*/weights.safetensors")]
    assert {str(t.dtype) for weights in members for t in weights.values()} == {"torch.float32"}
    found: Any = load_model(folder, "cpu", "fp32")
    weights = found.members.backbone.weights
    assert {str(t.dtype) for t in found.members.backbone.model.state_dict().values()} == {
        "torch.float32"
    }
    assert weights is not None
    assert np.isfinite(found.scores([{"text": "the film was good"}])).all()
