"""Damaged models and outputs that cannot be written end in one message."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mishaps import refused
from safetensors.torch import load_file, save_file
from toy import Files, train
from toy import pet as command


def edit_card(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        card = json.loads((folder / "pet.json").read_text("utf-8"))
        change(card)
        (folder / "pet.json").write_text(json.dumps(card), "utf-8")

    return damage


def cut(name: str, size: int) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size]) and None


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "pet.json").write_text("[]", "utf-8"),
        lambda folder: (folder / "pet.json").write_text("{}", "utf-8"),
        cut("pet.json", 20),
        without("pet.json"),
        edit_card(lambda card: card.update(task=None)),
        edit_card(lambda card: card["task"].update(unheard_of=1)),
        edit_card(lambda card: card["task"].pop("labels")),
        edit_card(lambda card: card.pop("max_length")),
        cut("model.safetensors", 5000),
        cut("model.safetensors", 3),
        without("model.safetensors"),
        without("config.json"),
        cut("config.json", 30),
        without("tokenizer.json"),
        cut("tokenizer.json", 100),
    ],
)
def test_a_damaged_classifier_folder_is_named(
    damage: Callable[[Path], None], trained: Files, tmp_path: Path
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(trained.folder / "run" / "classifier", folder)
    damage(folder)
    refused(command("predict", folder, "--input", trained.test), str(folder))


def edit_config(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        change(config)
        (folder / "config.json").write_text(json.dumps(config), "utf-8")

    return damage


def edit_weights(change: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        change(weights)
        save_file(weights, folder / "model.safetensors", {"format": "pt"})

    return damage


def without_head(weights: dict[str, torch.Tensor]) -> None:
    for name in [name for name in weights if name.startswith("classifier.")]:
        del weights[name]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (edit_weights(without_head), "its weights lack classifier.bias, classifier.weight"),
        (edit_weights(lambda w: w.pop("bert.pooler.dense.bias")), "lack bert.pooler.dense.bias"),
        (edit_weights(lambda w: w.update(more=torch.zeros(1))), "without a place for it, more"),
        (
            edit_config(lambda c: c.update(num_hidden_layers=1)),
            "place for it, bert.encoder.layer.1.",
        ),
        (edit_weights(lambda w: w.update({"classifier.bias": torch.zeros(3)})), "other shapes"),
        (
            edit_card(lambda card: card["task"]["labels"].reverse()),
            "names the labels 'negative', 'positive', and its pet.json 'positive', 'negative'",
        ),
        (
            edit_config(lambda c: c.update(id2label={"0": "positive", "1": "negative"})),
            "names the labels 'positive', 'negative', and its pet.json 'negative', 'positive'",
        ),
        (
            edit_config(lambda c: c.update(id2label={"0": "a", "1": "b", "2": "c"})),
            "names the labels 'a', 'b', 'c', and its pet.json 'negative', 'positive'",
        ),
    ],
)
def test_a_classifier_whose_files_disagree_labels_nothing(
    damage: Callable[[Path], None], said: str, trained: Files, tmp_path: Path
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(trained.folder / "run" / "classifier", folder)
    (folder / "SHA256SUMS").unlink()  # as in folders of earlier versions
    damage(folder)
    refused(command("predict", folder, "--input", trained.test), str(folder), said)


def test_what_is_no_model_is_named(trained: Files, tmp_path: Path) -> None:
    for name in (tmp_path / "nothing", tmp_path):
        refused(command("predict", name, "--input", trained.test), str(name), "pet train -o RUN")


def test_an_unfinished_run_cannot_predict_yet(trained: Files, tmp_path: Path) -> None:
    shutil.copytree(trained.folder / "run", tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "classifier")
    result = command("predict", tmp_path / "run", "--input", trained.test)
    refused(result, "not finished", "Run the same pet train command again")


def test_explain_wants_one_text_a_field(trained: Files) -> None:
    result = command("explain", trained.folder / "run", "--text", "a", "--text", "b")
    refused(result, "a text for each of text; found 2", "--text <text>", code=2)
    empty = command("explain", trained.folder / "run", "--text", " ")
    refused(empty, "found 1, some of them empty", code=2)


def test_a_bank_is_no_single_model(trained: Files) -> None:
    bank = trained.folder / "bank"
    (bank / "reviews").mkdir(parents=True)
    (bank / "reviews" / "prompt.json").write_text("{}", "utf-8")
    for name in ("explain", "evaluate", "predict"):
        more = {"explain": "--text", "evaluate": "--test", "predict": "--input"}[name]
        result = command(name, bank, more, trained.test)
        refused(result, "this is a prompt bank", f"--bank {bank}")


def test_a_file_where_the_run_folder_should_be_is_named(files: Files, tiny_bert: str) -> None:
    (files.folder / "taken").write_text("mine", "utf-8")
    for output in (files.folder / "taken", files.folder / "taken" / "run"):
        refused(train(files, tiny_bert, output, "--force"), f"{output}: cannot be written", "-o")
    assert (files.folder / "taken").read_text("utf-8") == "mine"


def test_a_folder_with_other_things_in_it_is_left_alone(files: Files, tiny_bert: str) -> None:
    other = files.folder / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine", "utf-8")
    refused(train(files, tiny_bert, other, "--force"), "not empty and not a run folder", "-o")
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]


def test_a_full_disk_while_predicting_is_told_with_the_file(trained: Files, tmp_path: Path) -> None:
    for name in ("full.csv", "full.jsonl"):
        (tmp_path / name).symlink_to("/dev/full")
        result = command(
            "predict", trained.folder / "run", "--input", trained.test, "-o", tmp_path / name
        )
        refused(result, f"{name}: cannot be written: No space left on device")  # fmt: skip
    result = command(
        "evaluate", trained.folder / "run", "--test", trained.test, "--json", tmp_path / "full.csv"
    )
    refused(result, "full.csv: cannot be written: No space left on device")


def test_predictions_need_a_known_ending_and_a_folder(trained: Files, tmp_path: Path) -> None:
    common = ["predict", trained.folder / "run", "--input", trained.test, "-o"]
    refused(command(*common, tmp_path / "out.txt"), "out.txt", ".jsonl, .csv", code=2)
    refused(command(*common, tmp_path / "no" / "out.csv"), "out.csv", "No such file")


def test_predict_never_overwrites_its_own_input(trained: Files, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    shutil.copy(trained.test, data)
    (tmp_path / "link.csv").symlink_to(data)
    for output in (data, tmp_path / "link.csv"):
        result = command("predict", trained.folder / "run", "--input", data, "-o", output)
        refused(result, "is the input file", code=2)
    assert data.read_bytes() == Path(trained.test).read_bytes()


def test_an_input_that_cannot_be_read_leaves_an_older_output_as_it_is(
    trained: Files, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    output.write_text("precious", "utf-8")
    result = command(
        "predict", trained.folder / "run", "--input", tmp_path / "no.csv", "-o", output
    )
    refused(result, "no.csv", "No such file")
    assert output.read_text("utf-8") == "precious"
