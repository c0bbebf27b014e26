"""Models whose files contradict each other, or hold no numbers: one message, at once."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from mishaps import refused
from safetensors.torch import load_file, save_file
from toy import Files, pet, train


def changed(source: str | Path, folder: Path, **config: Any) -> Path:
    """A copy of a model with other values in its config.json."""
    shutil.copytree(source, folder)
    (folder / "SHA256SUMS").unlink(missing_ok=True)  # the sums would tell first
    plain = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**plain, **config}), "utf-8")
    return folder


def spoilt(source: str | Path, folder: Path, name: str, value: float) -> Path:
    """A copy of a model with a value in all places of some weights."""
    shutil.copytree(source, folder)
    (folder / "SHA256SUMS").unlink(missing_ok=True)  # the sums would tell first
    weights = load_file(folder / "model.safetensors")
    chosen = [key for key in weights if name in key]
    assert chosen
    for key in chosen:
        weights[key] = torch.full_like(weights[key], value)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


IMPLAUSIBLE = [
    ({"num_hidden_layers": 10**6}, "num_hidden_layers is 1000000, and its weights are"),
    ({"num_hidden_layers": -1}, "num_hidden_layers is -1"),
    ({"num_labels": 10**9}, "num_labels is 1000000000, and no tensor"),
    ({"quantization_config": {"quant_method": "evil"}}, "quantization_config names 'evil'"),
    ({"vocab_size": 10**8}, "vocab_size is 100000000, and no tensor"),
    ({"max_position_embeddings": 10**8}, "max_position_embeddings is 100000000, and no tensor"),
    ({"intermediate_size": 48}, "other shapes than its config.json"),
    ({"layer_norm_eps": float("nan")}, "its logits are not finite"),
]


@pytest.mark.parametrize(("config", "said"), IMPLAUSIBLE)
def test_an_implausible_backbone_is_refused_before_it_is_built(
    config: dict[str, Any], said: str, files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    folder = changed(tiny_bert, tmp_path / "other", **config)
    start = time.perf_counter()
    refused(train(files, str(folder), tmp_path / "run"), str(folder), said)
    assert time.perf_counter() - start < 20


def test_weights_that_are_no_numbers_are_refused(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    folder = spoilt(tiny_bert, tmp_path / "other", "word_embeddings", float("nan"))
    refused(train(files, str(folder), tmp_path / "run"), "its logits are not finite")
    more = ("--method", "fine-tune", "--max-steps", "1")
    assert train(files, tiny_bert, tmp_path / "right", *more).code == 0
    classifier = tmp_path / "right" / "classifier"
    for value in (float("nan"), float("inf")):
        damaged = spoilt(classifier, tmp_path / str(value), "classifier.bias", value)
        result = pet("predict", damaged, "--input", files.test)
        refused(result, "The scores of this classifier are not finite")
    for config, said in IMPLAUSIBLE[:4]:
        (name,) = config
        damaged = changed(classifier, tmp_path / name / said, **config)
        refused(pet("predict", damaged, "--input", files.test), said)
