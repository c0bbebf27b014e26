"""Plain encoders get a masked-LM head."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from adapting import run
from families import FAMILIES, save_family
from torch.nn import functional
from transformers import AutoModelForMaskedLM, AutoTokenizer

from pet.backbone import MaskedLM
from pet.encoding import Batch
from pet.errors import BackboneError


def test_an_encoder_gets_a_head_that_starts_at_the_unigram(encoder: str, tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match=r"no trained masked-LM head(?s:.*)pet adapt"):
        MaskedLM.load(encoder, "cpu", "fp32")
    model = MaskedLM.load(encoder, "cpu", "fp32", new_head=True)
    frequencies = torch.randn(model.model.config.vocab_size)
    model.start_head(frequencies)
    head = model.model.cls.predictions
    assert torch.equal(head.decoder.bias, frequencies)
    assert torch.equal(head.transform.dense.weight, torch.eye(32))
    assert head.decoder.weight is model.model.get_input_embeddings().weight
    batch = Batch(torch.tensor([[2, 6, 4, 3]]), None, None, torch.tensor([[2]]))
    states = model.encoder_states(batch)
    expected = functional.layer_norm(functional.gelu(states), (32,), eps=1e-12)
    torch.testing.assert_close(model.head_states(states), expected)
    result = run(encoder, tmp_path / "m")
    assert result.before is not None
    assert result.before.perplexity < 60  # a random head: above 100
    MaskedLM.load(str(tmp_path / "m"), "cpu", "fp32")


def test_a_checkpoint_that_lacks_encoder_weights_is_refused(encoder: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for file in Path(encoder).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["encoder.layer.1.output.dense.weight"]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(BackboneError, match="lacks"):
        MaskedLM.load(str(tmp_path), "cpu", "fp32", new_head=True)


@pytest.mark.parametrize("family", ["electra", "albert", "roberta"])
def test_a_new_head_is_the_same_again(family: str, tmp_path: Path) -> None:
    whole = save_family(FAMILIES[family], tmp_path / "whole")
    model = AutoModelForMaskedLM.from_pretrained(whole)
    model.base_model.save_pretrained(tmp_path / "encoder")
    AutoTokenizer.from_pretrained(whole).save_pretrained(tmp_path / "encoder")
    first, second = (
        run(str(tmp_path / "encoder"), tmp_path / name, max_steps=1, length=16)
        for name in ("one", "two")
    )
    assert first.before == second.before
    assert first.after == second.after
