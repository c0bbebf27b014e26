"""Prompts of another backbone, of another format or damaged are refused in one message."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from families import FAMILIES, save_family
from other_families import CAUSAL, SEQ2SEQ, save_other
from tiny import save_tiny_bert
from toy import Files, pet, train, write_jsonl

from pet import PromptBank
from pet.backbone import CausalLM, LanguageModel, MaskedLM, fingerprint, load_backbone
from pet.errors import BackboneError, RunError, UsageError
from pet.model import (
    TaskPrompt,
    change_bank,
    read_prompt,
    stored_prompts,
)


def test_a_prompt_is_a_model_like_any_other(folder: Path, runs: Path) -> None:
    rows = write_jsonl(runs / "labelled.jsonl", [{"text": "a warm room", "label": "positive"}])
    for command in (["explain", "--text", "a warm room"], ["evaluate", "--test", rows]):
        found, expected = (
            pet(command[0], place, *command[1:], "--device", "cpu")
            for place in (folder / "toy", runs / "toy")
        )
        assert found.code == 0, found.err
        assert found.out == expected.out
    assert "next to it at the start" in pet("explain", folder / "toy", "--text", "warm").out


def test_a_prompt_without_its_backbone_is_one_message(
    folder: Path, tiny_bert: str, tmp_path: Path
) -> None:
    shutil.copytree(folder / "toy", tmp_path / "toy")
    (tmp_path / "toy" / "SHA256SUMS").unlink()  # it is changed on purpose
    record = json.loads((tmp_path / "toy" / "prompt.json").read_text("utf-8"))
    found = {}
    for place, changes in (("name", "/nowhere"), ("fingerprint", "0000")):
        changed = {**record, "backbone": {**record["backbone"], place: changes}}
        (tmp_path / "toy" / "prompt.json").write_text(json.dumps(changed), "utf-8")
        result = pet("explain", tmp_path / "toy", "--text", "warm")
        assert result.code == 1
        found[place] = result.err
    assert "cannot be loaded" in found["name"]
    assert "made for the backbone" in found["fingerprint"]


def test_a_prompt_of_another_backbone_is_refused(folder: Path, tmp_path: Path) -> None:
    other = MaskedLM.load(str(save_tiny_bert(tmp_path / "other", seed=1)), "cpu", "fp32")
    with pytest.raises(
        BackboneError, match=r"'toy' was made for .*weights, settings or vocabulary differ"
    ):
        PromptBank(other).add(folder / "toy")
    with pytest.raises(BackboneError, match="was made for"):
        PromptBank.load(folder, str(tmp_path / "other"), "cpu")
    prompt = read_prompt(folder / "toy")
    change_bank(tmp_path / "bank", add=[("toy", prompt)])
    foreign = TaskPrompt(prompt.card, prompt.weights, "x", "other")
    for added in ([("more", foreign)], [("fine", prompt), ("more", foreign)]):
        with pytest.raises(BackboneError, match="'more' was made for"):
            change_bank(tmp_path / "bank", add=added)
    with pytest.raises(UsageError, match="has a prompt 'toy' already"):
        change_bank(tmp_path / "bank", add=[("toy", prompt)])
    with pytest.raises(UsageError, match="cannot name a prompt"):
        change_bank(tmp_path / "bank", drop=["toy"], add=[("../toy", prompt)])
    assert sorted(stored_prompts(tmp_path / "bank")) == ["toy"]  # nothing was done by halves


@pytest.mark.parametrize(
    "place", ["cls.predictions.bias", "bert.encoder.layer.1.output.dense.weight"]
)
def test_a_fingerprint_is_that_of_the_weights(tiny_bert: str, place: str) -> None:
    own, same = (MaskedLM.load(tiny_bert, "cpu", "fp32") for _ in range(2))
    assert fingerprint(own) == fingerprint(same)
    parameter = dict(own.model.named_parameters())[place]
    own.weights.put({place: parameter.detach() + 1e-4})
    assert fingerprint(own) == fingerprint(same)  # a member's weights are not the backbone's
    with torch.no_grad():
        dict(same.model.named_parameters())[place].add_(1e-4)
    assert fingerprint(own) != fingerprint(same)


def test_a_fingerprint_is_that_of_the_settings_too(tiny_bert: str, tmp_path: Path) -> None:
    llama = CausalLM.load(str(save_other(CAUSAL["llama"], tmp_path / "llama")), "cpu", "fp32")
    modern = save_family(FAMILIES["modernbert"], tmp_path / "modernbert")
    t5 = save_other(SEQ2SEQ["t5"], tmp_path / "t5")
    changes: list[tuple[LanguageModel, str, Any]] = [
        (MaskedLM.load(tiny_bert, "cpu", "fp32"), "num_attention_heads", 2),
        (MaskedLM.load(str(modern), "cpu", "fp32"), "local_attention", 4),
        (load_backbone(str(t5), "cpu", "fp32"), "decoder_start_token_id", 7),
        (llama, "rms_norm_eps", 0.1),
        (llama, "rope_parameters", {"rope_type": "default", "rope_theta": 77.0}),
    ]
    for backbone, name, value in changes:
        config, before = backbone.model.config, fingerprint(backbone)
        assert getattr(config, name) != value
        setattr(config, name, value)
        assert fingerprint(backbone) != before, name
    config, before = llama.model.config, fingerprint(llama)
    config.architectures, config.dtype, config.a_later_setting = ["Other"], torch.bfloat16, None
    assert fingerprint(llama) == before


def test_a_prompt_of_another_format_is_one_message(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "toy", tmp_path / "toy")
    (tmp_path / "toy" / "SHA256SUMS").unlink()
    file = tmp_path / "toy" / "prompt.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "format": 1}), "utf-8")
    with pytest.raises(RunError, match=r"another version of pet(?s:.*)--add RUN --replace"):
        read_prompt(tmp_path / "toy")


def test_members_that_trained_the_backbone_are_refused(
    runs: Path, tiny_bert: str, tmp_path: Path
) -> None:
    files = Files.write(tmp_path)
    for scope, patterns in (("bias", "0"), ("full", "0,1")):
        run = tmp_path / scope
        more = ("--soft", "words", "--soft-slots", "2", "--patterns", patterns, "--scope", scope)
        assert train(files, tiny_bert, run, *more).code == 0
        result = pet("bank", tmp_path / "bank", "--add", run)
        assert result.code == 2
        assert "pattern-0" in result.err
        assert "--scope prompt" in result.err
    assert not (tmp_path / "bank").exists()
    tuned = train(files, tiny_bert, tmp_path / "tuned", "--method", "fine-tune")
    assert tuned.code == 0
    for source in (tmp_path / "tuned", tmp_path / "tuned" / "classifier"):
        assert pet("bank", tmp_path / "bank", "--add", source).code == 2
    missing = pet("bank", tmp_path / "bank")
    assert missing.code == 1
    assert "no prompts" in missing.err


def test_a_damaged_prompt_is_named(folder: Path, tmp_path: Path) -> None:
    change_bank(tmp_path, add=[(name, read_prompt(folder / name)) for name in ("toy", "tags")])
    (tmp_path / "toy" / "prompt.safetensors").write_bytes(b"nothing")
    with pytest.raises(RunError, match=r"toy: damaged: prompt\.safetensors is not what was"):
        PromptBank.load(tmp_path)
    with pytest.raises(RunError, match="expected a prompt bank"):
        PromptBank.load(tmp_path / "none")
    shown = pet("bank", tmp_path)
    assert shown.code == 0, shown.err
    assert re.search("toy +cannot be read", shown.out)
    assert "toy: damaged: prompt.safetensors" in shown.err
    replaced = pet("bank", tmp_path, "--add", folder / "toy", "--replace")
    assert replaced.code == 0, replaced.err
    assert "cannot be read" not in replaced.out
    (tmp_path / "toy" / "prompt.json").unlink()
    shown = pet("bank", tmp_path)
    assert re.search("toy +cannot be read", shown.out)
    assert "toy: damaged: prompt.json is missing" in shown.err
    assert pet("bank", tmp_path, "--drop", "toy").code == 0
    assert sorted(stored_prompts(tmp_path)) == ["tags"]
    assert pet("bank", tmp_path, "--drop", "tags", "--drop", "tags").code == 0
    assert not stored_prompts(tmp_path)


def test_what_fails_changes_nothing_in_a_bank(folder: Path, tmp_path: Path) -> None:
    change_bank(tmp_path / "bank", add=[("toy", read_prompt(folder / "toy"))])
    result = pet("bank", tmp_path / "bank", "--drop", "toy", "--add", tmp_path / "nothing")
    assert result.code == 1
    again = pet("bank", tmp_path / "bank", "--add", folder / "tags", "--add", tmp_path / "nothing")
    assert again.code == 1
    assert sorted(stored_prompts(tmp_path / "bank")) == ["toy"]
