"""Adaptation: its loss, what it trains, and its limits."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from adapting import TEXTS, run, same, weights
from families import FAMILIES, save_family
from torch.nn import functional
from transformers import AutoConfig

from pet.adaptation.heldout import HeldOut, masked_lm_loss
from pet.adaptation.packing import Packer
from pet.backbone import MaskedLM
from pet.config import LMConfig
from pet.encoding.masking import Masking
from pet.errors import BackboneError, UsageError


@pytest.fixture(scope="module")
def backbone(tiny_bert: str) -> MaskedLM:
    return MaskedLM.load(tiny_bert, "cpu", "fp32")


# The loss


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "albert", "modernbert"])
def test_the_loss_equals_that_of_all_logits(family: str, tmp_path: Path) -> None:
    save_family(FAMILIES[family], tmp_path)
    model = MaskedLM.load(str(tmp_path), "cpu", "fp32")
    packed = Packer(model.tokenizer, 12).sample(iter(TEXTS), 5, 0)
    ids = packed.flat.reshape(5, 12)
    masking = Masking.from_tokenizer(model.tokenizer, 0.3, 0.8, 0.1)
    seen, chosen = masking(ids, np.random.default_rng(0))
    with torch.no_grad():
        logits = model.model(input_ids=torch.from_numpy(seen)).logits
        labels = torch.from_numpy(np.where(chosen, ids, -100))
        expected = functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        found = masked_lm_loss(model, ids, seen, chosen)
    torch.testing.assert_close(found, expected)


def test_held_out_figures_equal_a_naive_count(backbone: MaskedLM) -> None:
    texts = ["the film was good , very good", "a", "cold food in a warm room"] * 4
    rows = Packer(backbone.tokenizer, 10).sample(iter(texts), 100, 0)
    held_out = HeldOut(backbone, rows)
    found = held_out.measure(backbone)
    assert found is not None
    losses, right, share = [], 0, 0
    for number, (begin, end) in enumerate(zip(rows.starts, rows.starts[1:], strict=False)):
        seen = held_out.rows.ids.flat[begin:end]
        truth = rows.flat[begin:end]
        assert set(seen[seen != truth]) <= {backbone.tokenizer.mask_id}
        share += int((~np.isin(truth, backbone.tokenizer.special_ids)).sum())
        with torch.no_grad():
            logits = backbone.model(input_ids=torch.from_numpy(seen)[None]).logits[0]
        for at in (seen != truth).nonzero()[0]:
            losses.append(float(functional.cross_entropy(logits[at], torch.tensor(truth[at]))))
            right += int(logits[at].argmax()) == truth[at]
        assert number < 100
    assert found.tokens == len(losses)
    assert found.loss == pytest.approx(np.mean(losses), rel=1e-4)
    assert found.accuracy == pytest.approx(right / len(losses))
    assert found.perplexity == pytest.approx(np.exp(found.loss))
    assert held_out.measure(backbone) == found
    assert 0.05 < found.tokens / share < 0.4


# Training


def test_held_out_perplexity_falls_and_the_model_loads(tiny_bert: str, tmp_path: Path) -> None:
    result = run(tiny_bert, tmp_path / "m", max_steps=60, learning_rate=5e-3, batch_size=16)
    assert result.before is not None
    assert result.after is not None
    assert result.before.perplexity > 100  # of 100 and some words
    assert result.after.perplexity < 0.4 * result.before.perplexity
    assert result.after.accuracy > result.before.accuracy
    MaskedLM.load(str(tmp_path / "m"), "cpu", "fp32")
    assert not same(weights(tmp_path / "m"), weights(Path(tiny_bert)))
    names = {file.name for file in (tmp_path / "m").iterdir()}
    assert names == {
        "README.md", "SHA256SUMS", "adaptation.json", "config.json", "log.jsonl", "metrics.json",
        "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    assert run(tiny_bert, tmp_path / "m", max_steps=60, learning_rate=5e-3, batch_size=16) == result


def test_the_clock_ends_training(tiny_bert: str, tmp_path: Path) -> None:
    result = run(tiny_bert, tmp_path / "m", max_steps=None, minutes=0.01)
    assert 0 < result.steps < 10_000
    assert result.seconds >= 0.6


def test_frozen_words_stay(tiny_bert: str, tmp_path: Path) -> None:
    run(tiny_bert, tmp_path / "m", freeze_words=True)
    name = "bert.embeddings.word_embeddings.weight"
    old, new = weights(Path(tiny_bert)), weights(tmp_path / "m")
    assert torch.equal(old[name], new[name])
    changed = [name for name in old if not torch.equal(old[name], new[name])]
    assert len(changed) > 20


def test_weights_can_be_saved_in_half_precision(tiny_bert: str, tmp_path: Path) -> None:
    result = run(tiny_bert, tmp_path / "half", save_precision="fp16")
    run(tiny_bert, tmp_path / "full")
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.6 * sizes[1]
    assert json.loads((tmp_path / "half" / "config.json").read_text())["dtype"] == "float16"
    again = run(str(tmp_path / "half"), tmp_path / "again", learning_rate=1e-9)
    assert again.before == result.after  # what was measured is what was saved


# LoRA


def test_lora_without_its_package_names_the_pip_line(tiny_bert: str, tmp_path: Path) -> None:
    with (
        mock.patch.dict(sys.modules, {"peft": None}),
        pytest.raises(BackboneError, match=r"'peft'(?s:.*)pip install 'pet-fewshot\[lora\]'"),
    ):
        run(tiny_bert, tmp_path / "m", lora=2)


@pytest.mark.parametrize("how", [{"mask_rate": 1.0}, {"mask_share": 0.8, "random_share": 0.3}])
def test_impossible_shares_are_refused(how: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="share|and below 1"):
        LMConfig(**how)  # type: ignore[arg-type]


# Limits


def test_rows_are_no_longer_than_the_model_reads(
    tiny_bert: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tiny_bert, tmp_path / "m", max_steps=1, length=100_000)
    assert "reads at most" in caplog.text
    limit = AutoConfig.from_pretrained(tiny_bert).max_position_embeddings
    assert f"- length: {limit}" in (tmp_path / "m" / "README.md").read_text("utf-8")


def test_a_short_text_is_read_so_often_at_most(tiny_bert: str, tmp_path: Path) -> None:
    model = MaskedLM.load(tiny_bert, "cpu", "fp32")
    tokens = Packer(model.tokenizer, 16).tokens(TEXTS).shape[1]
    steps = run(tiny_bert, tmp_path / "m", max_steps=500, passes=3, held_out=0).steps
    assert steps == -(-3 * tokens // (4 * 14))  # four rows of 16 less [CLS] and [SEP]
    assert run(tiny_bert, tmp_path / "n", max_steps=2, passes=3).steps == 2


def test_text_that_is_predicted_no_better_is_told(
    tiny_bert: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tiny_bert, tmp_path / "m", max_steps=1, learning_rate=3.0)
    assert "predicted no better than before" in caplog.text
