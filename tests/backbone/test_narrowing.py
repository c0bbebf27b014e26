"""The last layer goes on with the tokens that are read: the same numbers, fewer products."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from families import FAMILIES, save_family
from torch import nn

from pet.backbone import MaskedLM
from pet.backbone.direct.bert import BertClassifier, settings_in
from pet.backbone.narrowing import can_narrow, only_first
from pet.encoding import Batch

NARROWED = {
    "bert", "roberta", "xlm-roberta", "camembert", "electra", "deberta", "deberta-v2", "roformer",
    "megatron-bert",
}  # fmt: skip
# Two rows, of which the first is padded; masks at two places each.
BATCH = Batch(
    torch.tensor([[5, 6, 7, 8, 9, 0], [5, 9, 8, 7, 6, 5]]),
    torch.tensor([[1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1]]),
    None,
    torch.tensor([[2, 4], [0, 5]]),
)


@pytest.fixture(params=sorted(FAMILIES))
def backbone(request: pytest.FixtureRequest, tmp_path: Path) -> MaskedLM:
    """A tiny model of each family."""
    return MaskedLM.load(str(save_family(FAMILIES[request.param], tmp_path)), "cpu", "fp32")


def test_states_and_gradients_are_those_of_the_whole_layer(
    backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not backbone.has_separate_head:
        pytest.skip("its states come from a hook on its decoder")
    names = backbone.scope_names("full")
    backbone.weights.trainable(names)
    found = []
    for narrow in (can_narrow, lambda _: False):
        monkeypatch.setattr("pet.backbone.base.can_narrow", narrow)
        states = backbone.encoder_states(BATCH)
        assert states.shape == (2, 2, backbone.hidden_size)
        states.square().sum().backward()
        gradients = {
            name: parameter.grad.clone()
            for name, parameter in backbone.model.named_parameters()
            if parameter.grad is not None
        }
        found.append((states.detach(), gradients))
        backbone.model.zero_grad()
    (states, gradients), (plain_states, plain_gradients) = found
    torch.testing.assert_close(states, plain_states, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(gradients, plain_gradients, atol=1e-4, rtol=1e-4)


def test_the_families_that_can_are_narrowed(backbone: MaskedLM) -> None:
    kind = backbone.model.config.model_type
    assert can_narrow(backbone.model) == (kind in NARROWED)


def test_only_the_masks_pass_the_last_layer(tmp_path: Path) -> None:
    backbone = MaskedLM.load(str(save_family(FAMILIES["bert"], tmp_path)), "cpu", "fp32")
    seen = []
    for layer in backbone.body.encoder.layer:
        layer.output.register_forward_hook(lambda *args: seen.append(args[2].shape[:2]))
    with torch.no_grad():
        backbone.encoder_states(BATCH)
        assert [tuple(shape) for shape in seen] == [(2, 6)] * (len(seen) - 1) + [(2, 2)]
        # Other passes are whole again.
        seen.clear()
        backbone.token_states(BATCH)
    assert {tuple(shape) for shape in seen} == {(2, 6)}


@pytest.mark.parametrize("name", sorted(NARROWED | {"distilbert", "albert"}))
def test_a_classifier_that_reads_the_first_token_gives_the_same_logits(name: str) -> None:
    family = FAMILIES[name]
    architecture = family.architecture
    config = getattr(transformers, f"{architecture}Config")(vocab_size=20, **family.options)
    model: Any = getattr(transformers, f"{architecture}ForSequenceClassification")(config).eval()
    inputs = {"input_ids": BATCH.ids, "attention_mask": BATCH.attention}
    with torch.no_grad():
        plain = model(**inputs).logits
        only_first(model)
        torch.testing.assert_close(model(**inputs).logits, plain, atol=1e-5, rtol=1e-5)
    widths: list[int] = []
    last = [module for module in model.modules() if isinstance(module, nn.ModuleList)][-1]
    if name in NARROWED:
        last[-1].output.register_forward_hook(lambda *args: widths.append(args[2].shape[1]))
        model(**inputs)
        assert widths == [1]


def test_threads_that_share_a_model_do_not_see_each_others_columns(tmp_path: Path) -> None:
    backbone = MaskedLM.load(str(save_family(FAMILIES["bert"], tmp_path)), "cpu", "fp32")
    wider = Batch(BATCH.ids, BATCH.attention, None, torch.tensor([[1, 2, 3], [3, 4, 5]]))
    with torch.no_grad():
        works = {
            "two": lambda: backbone.encoder_states(BATCH),
            "three": lambda: backbone.encoder_states(wider),
            "all": lambda: backbone.token_states(BATCH),
        }
        expected = {name: work() for name, work in works.items()}

    def again(name: str) -> bool:
        with torch.no_grad():
            return all(torch.equal(works[name](), expected[name]) for _ in range(30))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(again, [*works, *works]))


@pytest.mark.parametrize("change", [{"chunk_size_feed_forward": 4}, {"num_hidden_layers": 1}])
def test_a_layer_that_mixes_tokens_behind_its_attention_stays_whole(change: dict[str, int]) -> None:
    options = {**FAMILIES["deberta-v2"].options, "conv_kernel_size": 3, **change}
    config = transformers.DebertaV2Config(vocab_size=20, **options)
    assert not can_narrow(transformers.DebertaV2ForMaskedLM(config))


def test_the_classifier_that_predicts_alone_is_narrowed_once(tmp_path: Path) -> None:
    config = settings_in(
        '{"hidden_size": 8, "layer_norm_eps": 1e-12, "vocab_size": 20, "num_hidden_layers": 2, '
        '"max_position_embeddings": 8, "type_vocab_size": 2, "num_attention_heads": 2, '
        '"intermediate_size": 8, "model_type": "bert", "id2label": {"0": "a", "1": "b"}}'
    )
    model = BertClassifier(config).to_empty(device="cpu")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
        plain = model(input_ids=BATCH.ids).logits
        widths: list[int] = []
        last = model.bert.encoder.layer[-1].output
        last.register_forward_hook(lambda *args: widths.append(args[2].shape[1]))
        for _ in range(2):
            only_first(model)
        torch.testing.assert_close(model(input_ids=BATCH.ids).logits, plain)
    assert widths == [1]
    assert len(model.bert.encoder.layer[-1].attention.output._forward_pre_hooks) == 1


def test_an_unknown_architecture_is_asked_for_nothing_but_its_name() -> None:
    assert not can_narrow(
        SimpleNamespace(config=SimpleNamespace(model_type="of a kind of its own"))
    )
