"""Members on causal models and encoder-decoders, with and without LoRA."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from tiny import TEXTS
from torch.nn import functional
from unmasked import LABELS, SINGLE, SPELLED, Loaded

from pet import PVP, Task, Verbalizer
from pet.backbone import load_backbone
from pet.config import TrainingConfig
from pet.data import Data, Example
from pet.encoding import Chunk
from pet.errors import BackboneError
from pet.members import PatternSpec, train_member
from pet.members.work import Work

EXAMPLES = [Example({"a": "the film was bad"}, "bad"), Example({"a": "a warm room"}, "good")]


# Training


@pytest.mark.parametrize("verbalizer", [SINGLE, SPELLED], ids=["single", "spelled"])
def test_label_cross_entropy_reaches_every_weight(loaded: Loaded, verbalizer: Verbalizer) -> None:
    backbone, scorer = loaded.backbone, loaded.scorer(verbalizer)
    assert scorer.readouts[0].mask_counts == (1,)  # a product is a probability: no margin loss
    names = backbone.scope_names("full")
    trained = backbone.weights.trainable(names)
    batches = scorer.batch(scorer.encode(loaded.chunk()), np.arange(4))
    scores = scorer.label_scores(scorer.mask_states(batches))[0]
    functional.cross_entropy(scores, torch.tensor([1, 0, 1, 0])).backward()
    idle = {n for n, p in trained.items() if p.grad is None or not p.grad.abs().sum() > 0}
    words = backbone.model.get_input_embeddings().weight
    assert all(parameter is not words for parameter in trained.values())
    # Positions beyond the longest text, and biases that softmax does not feel, are not moved.
    assert not {name for name in idle if not name.endswith(("k_proj.bias", "key_value.bias"))}
    assert words.grad is None


def trained(loaded: Loaded, scope: str, steps: int = 3, **more: Any) -> Any:
    task = Task("toy", list(LABELS), ["a"], [PVP("{a} it was {mask}", SPELLED)])
    training = TrainingConfig(max_steps=steps, scope=scope, learning_rate=0.01, **more)  # type: ignore[arg-type]
    spec = PatternSpec("m", 0, task.pvps[0], 5, training, 48)
    return train_member(loaded.backbone, spec, Work(task, Data(EXAMPLES))), spec.scorer(
        LABELS, loaded.backbone
    )


def test_members_train_and_what_they_keep_gives_their_scores(loaded: Loaded) -> None:
    result, scorer = trained(loaded, "full")
    at_the_end = scorer.score(loaded.chunk())
    scorer.put({})
    assert not np.allclose(scorer.score(loaded.chunk()), at_the_end, atol=1e-3)
    scorer.put(result.weights)
    np.testing.assert_array_equal(scorer.score(loaded.chunk()), at_the_end)


def test_masked_lm_training_is_refused_in_one_message(load: Any) -> None:
    from pet.data import Pool

    for name in ("gpt2", "t5"):
        loaded = load(name)
        task = Task("toy", list(LABELS), ["a"], [PVP("{a} it was {mask}", SINGLE)])
        training = TrainingConfig(max_steps=1, lm_weight=0.5)
        spec = PatternSpec("m", 0, task.pvps[0], 5, training, 48)
        pool = Pool(lambda: iter([Example({"a": "the film was so cold and so slow"}, None)] * 9))
        with pytest.raises(BackboneError, match="masked LM"):
            train_member(loaded.backbone, spec, Work(task, Data(EXAMPLES, pool=pool)))


def test_an_encoder_decoder_without_sentinels_is_refused(load: Any, tmp_path: Path) -> None:
    loaded = load("t5")
    loaded.backbone.model.save_pretrained(tmp_path)
    load("llama").tokenizer.save_pretrained(tmp_path)
    with pytest.raises(BackboneError, match="without the token <extra_id_0>"):
        load_backbone(str(tmp_path), "cpu", "fp32")


# LoRA


@pytest.mark.parametrize("name", ["gpt2", "llama", "t5", "bert"])
def test_lora_members_store_factors_only_and_score_alike_when_put(
    load: Any, name: str, tiny_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("peft")
    if name == "bert":
        loaded = mock.Mock(backbone=load_backbone(tiny_bert, "cpu", "fp32"))
        loaded.chunk = lambda: Chunk(loaded.backbone.tokenizer, TEXTS)
    else:
        loaded = load(name)
    model = loaded.backbone.model
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    result, scorer = trained(loaded, "lora", lora_rank=2)
    at_the_end = scorer.score(loaded.chunk())
    after = dict(model.named_parameters())
    assert list(after) == list(before)  # no adapter is left in the model
    layers = {f"{layer}.weight" for layer in loaded.backbone.linear_layers}
    changed = {n for n in before if not torch.equal(before[n], after[n])}
    assert changed
    assert changed <= layers
    suffixes = {key.rsplit(".", 1)[1] for key in result.weights}
    assert suffixes == {"lora_left", "lora_right"}
    for layer in layers:
        left, right = result.weights[f"{layer}.lora_left"], result.weights[f"{layer}.lora_right"]
        assert left.shape[1] == right.shape[0] == 2
        torch.testing.assert_close(after[layer] - before[layer], left @ right, atol=1e-5, rtol=1e-4)
    scorer.put({})
    for key, parameter in model.named_parameters():
        assert torch.equal(parameter, before[key]), key
    scorer.put(result.weights)
    np.testing.assert_array_equal(scorer.score(loaded.chunk()), at_the_end)
    scorer.put({})


def test_lora_while_it_is_trained_scores_as_afterwards(load: Any) -> None:
    pytest.importorskip("peft")
    loaded = load("gpt2")
    weights, scorer = loaded.backbone.weights, loaded.scorer(SPELLED)
    own = weights.trainable(loaded.backbone.scope_names("lora"), 3)
    expected = loaded.scorer(SPELLED).score(loaded.chunk())
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in own.values():
            parameter.copy_(torch.randn_like(parameter) * 0.1)
    during = scorer.score(loaded.chunk())
    assert not np.allclose(during, expected, atol=1e-2)
    weights.trainable(())
    np.testing.assert_allclose(scorer.score(loaded.chunk()), during, atol=1e-4)


def test_lora_without_its_package_names_the_pip_line(
    load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    with pytest.raises(BackboneError, match=r"pip install 'pet-fewshot\[lora\]'"):
        trained(load("gpt2"), "lora")
