"""Sentence encoders: weights beside a backbone or of a model by name, and refusals in a message."""

from __future__ import annotations

import json
import shutil
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adapting import run as adapt
from families import FAMILIES, save_family
from other_families import CAUSAL, SEQ2SEQ, save_other
from safetensors.torch import load_file, save_file
from sentences import moved_body
from tiny import bert_tokenizer, save_lively_bert
from transformers import (
    BertConfig,
    BertModel,
    T5EncoderModel,
)

from pet.backbone import MaskedLM, holding, load_backbone
from pet.backbone.pooling import mean_state
from pet.backbone.sentences import FILE, has_sentence_encoder, sentence_weights
from pet.config import BackboneConfig
from pet.errors import BackboneError


def load(folder: str | Path) -> Any:
    return load_backbone(str(folder), "cpu", "fp32")


def save_encoder(folder: Path, weights: Any = None, pooler: bool = False, **sizes: Any) -> Path:
    """Write a BERT without a head, as sentence-transformers does."""
    config = BertConfig.from_pretrained(save_lively_bert(folder), **sizes)
    torch.manual_seed(4)
    model = BertModel(config, add_pooling_layer=pooler)
    if weights:
        own = {name.removeprefix("bert."): weight for name, weight in weights.items()}
        model.load_state_dict(own, strict=not pooler)
    model.save_pretrained(folder)
    return folder


def text_vector(backbone: Any) -> Any:
    ids = torch.tensor([[2, 9, 10, 11, 3]])
    with torch.no_grad():
        return backbone.body(ids)[0].mean(dim=1)


def test_weights_that_lie_beside_a_backbone_are_found(
    beside: str, lively_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert has_sentence_encoder(beside)
    assert has_sentence_encoder("pet-mini")
    assert not has_sentence_encoder(lively_bert)
    assert not has_sentence_encoder("roberta-base")
    found, expected = sentence_weights(load(beside)), moved_body(beside)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)
    assert sentence_weights(MaskedLM.load(lively_bert, "cpu", "fp32")) == {}


@pytest.mark.parametrize("pooler", [False, True])
def test_an_encoder_by_name_gives_all_its_weights_its_word_embeddings_too(
    beside: str, tmp_path: Path, pooler: bool
) -> None:
    expected = moved_body(beside)
    encoder = save_encoder(tmp_path, expected, pooler)
    backbone = load(beside)
    found = sentence_weights(backbone, str(encoder))
    assert "bert.embeddings.word_embeddings.weight" in found
    assert found.keys() == expected.keys()  # a pooler is left out
    assert all(torch.equal(found[name], expected[name]) for name in found)
    before = text_vector(backbone)
    backbone.weights.put(found)
    with torch.no_grad():
        plain = BertModel.from_pretrained(encoder)(torch.tensor([[2, 9, 10, 11, 3]]))[0].mean(1)
    torch.testing.assert_close(text_vector(backbone), plain)
    assert not torch.allclose(plain, before, atol=1e-2)
    backbone.weights.put({})
    torch.testing.assert_close(text_vector(backbone), before)


def test_an_encoder_by_name_is_kept_as_long_as_the_backbone_is_held(
    beside: str, tmp_path: Path
) -> None:
    one, other = (str(save_encoder(tmp_path / name)) for name in ("one", "other"))
    config = BackboneConfig(beside, "cpu", "fp32")
    with holding(config) as backbone:
        kept = sentence_weights(backbone, one)
        gone = weakref.ref(next(iter(kept.values())))
        assert sentence_weights(backbone, one) is kept
        assert sentence_weights(backbone) is not kept
        del kept
        assert gone() is not None
        gone_too = weakref.ref(next(iter(sentence_weights(backbone, other).values())))
        assert gone() is None  # one at a time
    assert gone_too() is None


@pytest.mark.parametrize(
    "sizes",
    [
        {"num_hidden_layers": 1},
        {"num_hidden_layers": 3},
        {"hidden_size": 16},
        {"intermediate_size": 48},
        {"max_position_embeddings": 64},
    ],
    ids=str,
)
def test_an_encoder_of_another_shape_is_one_message_with_both_names(
    beside: str, tmp_path: Path, sizes: Any
) -> None:
    encoder = save_encoder(tmp_path / "encoder", **sizes)
    with pytest.raises(BackboneError, match="does not fit the backbone") as told:
        sentence_weights(load(beside), str(encoder))
    assert str(encoder) in str(told.value)
    assert beside in str(told.value)


def test_an_encoder_of_another_architecture_is_refused(beside: str, tmp_path: Path) -> None:
    distil = save_family(FAMILIES["distilbert"], tmp_path / "distil")
    bert_tokenizer().save_pretrained(distil)
    with pytest.raises(BackboneError, match="does not fit the backbone"):
        sentence_weights(load(beside), str(distil))


def test_an_encoder_of_another_vocabulary_is_refused(beside: str, tmp_path: Path) -> None:
    encoder = save_encoder(tmp_path / "encoder")
    tokenizer = bert_tokenizer()
    tokenizer.add_tokens(["novel"])
    tokenizer.save_pretrained(encoder)
    with pytest.raises(BackboneError, match="vocabulary is another") as told:
        sentence_weights(load(beside), str(encoder))
    assert str(encoder) in str(told.value)
    assert beside in str(told.value)


def test_an_encoder_that_lacks_weights_is_refused(beside: str, tmp_path: Path) -> None:
    """Transformers draws the missing ones at random."""
    encoder = save_encoder(tmp_path / "encoder")
    weights = load_file(encoder / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, encoder / "model.safetensors", {"format": "pt"})
    with pytest.raises(BackboneError, match=r"lacks .*encoder\.layer\.1\.output\.dense\.weight"):
        sentence_weights(load(beside), str(encoder))


def test_an_encoder_that_is_not_there_is_one_message(beside: str, tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="cannot be loaded"):
        sentence_weights(load(beside), str(tmp_path / "nowhere"))


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:1000])


def _rename(file: Path) -> None:
    save_file({f"x.{name}": weight for name, weight in load_file(file).items()}, file)


def _widen(file: Path) -> None:
    weights = load_file(file)
    name = "bert.encoder.layer.0.output.dense.bias"
    save_file({**weights, name: torch.zeros(64)}, file)


def _broadcast(file: Path) -> None:
    weights = load_file(file)
    name = "bert.encoder.layer.0.output.dense.bias"
    save_file({**weights, name: torch.zeros(1)}, file)


@pytest.mark.parametrize("damage", [_cut, _rename, _widen, _broadcast])
def test_damaged_weights_beside_a_backbone_are_one_message(
    beside: str, tmp_path: Path, damage: Any
) -> None:
    folder = tmp_path / "bert"
    shutil.copytree(beside, folder)
    damage(folder / FILE)
    backbone = load(folder)
    with pytest.raises(BackboneError, match="sentence_encoder") as told:
        sentence_weights(backbone)
    assert str(folder) in str(told.value)


@pytest.mark.parametrize("family", ["gpt2", "llama", "llama-tied", "t5", "t5-1.1"])
def test_families_without_a_mask_take_encoders_of_their_shape(family: str, tmp_path: Path) -> None:
    other = {**CAUSAL, **SEQ2SEQ}[family]
    own, encoder = save_other(other, tmp_path / "own"), save_other(other, tmp_path / "other", 7)
    backbone, expected = load(own), text_vector(load(encoder))
    assert not torch.allclose(text_vector(backbone), expected, atol=1e-2)
    backbone.weights.put(sentence_weights(backbone, str(encoder)))
    torch.testing.assert_close(text_vector(backbone), expected)


def test_an_encoder_decoder_takes_an_encoder_alone(tmp_path: Path) -> None:
    own = save_other(SEQ2SEQ["t5"], tmp_path / "own")
    whole = save_other(SEQ2SEQ["t5"], tmp_path / "whole", 7)
    alone = tmp_path / "alone"
    shutil.copytree(whole, alone)
    T5EncoderModel.from_pretrained(whole).save_pretrained(alone)
    backbone = load(own)
    backbone.weights.put(sentence_weights(backbone, str(alone)))
    torch.testing.assert_close(text_vector(backbone), text_vector(load(whole)))


def test_adaptation_keeps_the_weights_beside_the_backbone(beside: str, tmp_path: Path) -> None:
    adapt(beside, tmp_path / "adapted", max_steps=1)
    (found,) = (tmp_path / "adapted").rglob(FILE)
    assert found.read_bytes() == Path(beside, FILE).read_bytes()
    assert has_sentence_encoder(str(found.parent))


def test_adaptation_keeps_the_states_of_a_backbone_that_embeds_texts_itself(
    lively_bert: str, tmp_path: Path
) -> None:
    start = tmp_path / "start"
    shutil.copytree(lively_bert, start)
    config = json.loads((start / "config.json").read_text())
    assert not has_sentence_encoder(str(start))
    (start / "config.json").write_text(json.dumps({**config, "embeds_texts": True}))
    assert has_sentence_encoder(str(start))
    assert sentence_weights(load(start)) == {}
    adapt(start, tmp_path / "adapted", max_steps=2, learning_rate=0.01)
    (found,) = (tmp_path / "adapted").rglob(FILE)
    kept, began = load_file(found), load_file(start / "model.safetensors")
    for name, weight in kept.items():
        torch.testing.assert_close(weight.float(), began[name].float(), atol=1e-3, rtol=1e-3)
    assert "bert.encoder.layer.0.output.dense.weight" in kept
    assert not any("word_embeddings" in name or name.startswith("cls.") for name in kept)
    trained = load(found.parent)
    assert sentence_weights(trained).keys() == kept.keys()
    moved = load_file(found.parent / "model.safetensors")
    assert any((moved[name] - weight).abs().max() > 5e-3 for name, weight in kept.items())
    assert "embeds_texts" not in json.loads((found.parent / "config.json").read_text())


def test_adaptation_without_them_makes_none(lively_bert: str, tmp_path: Path) -> None:
    adapt(lively_bert, tmp_path / "adapted", max_steps=1)
    assert not list((tmp_path / "adapted").rglob(FILE))


def test_a_mean_state_leaves_padding_out() -> None:
    hidden = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
    lengths = (4, 1, 2)
    attention = torch.tensor([[1] * n + [0] * (4 - n) for n in lengths])
    expected = [hidden[row, :n].double().numpy().mean(axis=0) for row, n in enumerate(lengths)]
    found = mean_state(hidden.half(), attention).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_allclose(mean_state(hidden, None), hidden.mean(dim=1), atol=1e-6)
