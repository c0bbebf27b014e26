"""Every masked-LM family gives its own logits through the fast head, and trains what it should."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
import transformers
from families import FAMILIES, MAX_LENGTH, MOBILEBERT, Family, save_family, word_pieces
from tiny import bert_tokenizer
from torch.nn import functional
from transformers import BertConfig, BertForMaskedLM, BertModel, GPT2Config, GPT2LMHeadModel

from pet import PVP, Verbalizer
from pet.backbone import MaskedLM
from pet.device import Compute
from pet.encoding import Chunk
from pet.errors import BackboneError, UsageError
from pet.scoring import PVPScorer

LABELS = ("bad", "good")
WORDS = Verbalizer({"good": ["great", "wonderful"], "bad": ["terrible"]})
TEXTS = [
    {"a": "the film was very good but not the food", "b": "we just love it"},
    {"a": "zebra", "b": ""},
    {"a": "a cold train, a warm room and this that", "b": "all in all: no"},
    {"a": "", "b": "one two three four five " * 3},
]


class Loaded:
    """A family saved, loaded through pet and loaded again by transformers alone."""

    def __init__(self, family: Family, folder: Path) -> None:
        self.family = family
        self.folder = save_family(family, folder)
        self.backbone = MaskedLM.load(str(folder), "cpu", "fp32")
        self.plain = getattr(transformers, f"{family.architecture}ForMaskedLM").from_pretrained(
            folder, attn_implementation="eager"
        )

    def scorer(self, pattern: str = "{a} it was {mask} . {b}") -> PVPScorer:
        return PVPScorer(PVP(pattern, WORDS), LABELS, self.backbone, MAX_LENGTH)

    def loss(self, scorer: PVPScorer) -> torch.Tensor:
        """A training loss on three of the texts, as `pet.members` computes it."""
        chunk = Chunk(self.backbone.tokenizer, TEXTS[:3])
        states = scorer.mask_states(scorer.batch(scorer.encode(chunk), np.arange(3)))
        return functional.cross_entropy(scorer.label_scores(states)[0], torch.tensor([1, 0, 1]))


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Function from a family's name to the loaded family; each is made once."""
    made: dict[str, Loaded] = {}

    def get(name: str) -> Loaded:
        if name not in made:
            made[name] = Loaded(FAMILIES[name], tmp_path_factory.mktemp("family") / name)
        made[name].backbone.weights.put({})
        return made[name]

    return get


@pytest.fixture(params=FAMILIES)
def loaded(request: pytest.FixtureRequest, load: Any) -> Loaded:
    """Each family in turn, with its original weights."""
    family: Loaded = load(request.param)
    return family


@torch.no_grad()
def plain_logits(loaded: Loaded, ids: list[int], segments: list[int] | None) -> torch.Tensor:
    """(L, V) of one unpadded row from the transformers model."""
    inputs = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids)).long()}
    if segments is not None:
        inputs["token_type_ids"] = torch.tensor([segments])
    logits: torch.Tensor = loaded.plain(**inputs).logits[0]
    return logits


def rows(scorer: PVPScorer, texts: list[dict[str, str]]) -> list[tuple[list[int], Any, int]]:
    """Token ids, segments and mask position of every text."""
    encoded = scorer.encode(Chunk(scorer.backbone.tokenizer, texts))[1]
    out = []
    for row in range(len(texts)):
        part = slice(encoded.ids.starts[row], encoded.ids.starts[row + 1])
        segments = None if encoded.segments is None else encoded.segments[part].tolist()
        out.append((encoded.ids.flat[part].tolist(), segments, int(encoded.masks[row, 0])))
    return out


@pytest.mark.parametrize(
    "pattern", ["{a} it was {mask} . {b}", "{mask} : {a} {sep} {b}"], ids=["single", "pair"]
)
def test_the_fast_head_gives_the_plain_models_logits_at_the_mask(
    loaded: Loaded, pattern: str
) -> None:
    scorer = loaded.scorer(pattern)
    chunk = Chunk(loaded.backbone.tokenizer, TEXTS)
    batch = scorer.batch(scorer.encode(chunk), np.arange(len(TEXTS)))[1]
    assert batch.attention is not None  # the rows differ in length, so padding is at work
    with torch.no_grad():
        states = loaded.backbone.mask_states(batch)
        full = loaded.backbone.vocabulary_logits(states)[:, 0]
        ids = torch.tensor([7, 30, 7])
        some = loaded.backbone.word_logits(states[:, 0], ids)
    for row, (row_ids, segments, mask) in enumerate(rows(scorer, TEXTS)):
        expected = plain_logits(loaded, row_ids, segments)[mask]
        assert expected.std() > 0.1  # logits that do not differ would prove nothing
        torch.testing.assert_close(full[row], expected, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(some[row], expected[ids], atol=1e-4, rtol=1e-4)


def test_the_table_knows_the_families_it_should(loaded: Loaded) -> None:
    assert loaded.backbone.has_separate_head == loaded.family.separate_head


def test_the_hook_gives_the_same_states_as_the_table(loaded: Loaded) -> None:
    if not loaded.family.separate_head or not hasattr(loaded.backbone._decoder, "forward"):
        pytest.skip("this family has one path only")
    batch = loaded.scorer().batch(
        loaded.scorer().encode(Chunk(loaded.backbone.tokenizer, TEXTS)), np.arange(4)
    )[1]
    transform = loaded.backbone._transform
    with torch.no_grad():
        expected = loaded.backbone.mask_states(batch)
        try:
            loaded.backbone._transform = None
            assert not loaded.backbone.has_separate_head
            found = loaded.backbone.mask_states(batch)
        finally:
            loaded.backbone._transform = transform
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("pass_cost", [0, 10**6])  # every length by itself; all padded together
def test_scores_do_not_depend_on_padding_or_on_the_other_rows(
    loaded: Loaded, pass_cost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Compute, "pass_cost", pass_cost)
    scorer = loaded.scorer()
    together = scorer.score(Chunk(loaded.backbone.tokenizer, TEXTS))
    backwards = scorer.score(Chunk(loaded.backbone.tokenizer, TEXTS[::-1]))[:, ::-1]
    alone = np.concatenate(
        [scorer.score(Chunk(loaded.backbone.tokenizer, [text])) for text in TEXTS], axis=1
    )
    np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_allclose(together, backwards, atol=1e-4)


def test_saved_and_reloaded_weights_give_identical_scores(loaded: Loaded, tmp_path: Path) -> None:
    chunk = Chunk(loaded.backbone.tokenizer, TEXTS)
    expected = loaded.scorer().score(chunk)
    loaded.backbone.model.save_pretrained(tmp_path)
    loaded.backbone.hf_tokenizer.save_pretrained(tmp_path)
    again = MaskedLM.load(str(tmp_path), "cpu", "fp32")
    scorer = PVPScorer(loaded.scorer().pvp, LABELS, again, MAX_LENGTH)
    np.testing.assert_array_equal(scorer.score(Chunk(again.tokenizer, TEXTS)), expected)


def test_the_longest_input_is_the_models_real_limit(loaded: Loaded) -> None:
    assert loaded.backbone.max_length == loaded.family.longest
    scorer = PVPScorer(PVP("{a} {mask}", WORDS), LABELS, loaded.backbone, 10_000)
    long = [{"a": "the film was good " * 60, "b": ""}]
    assert len(rows(scorer, long)[0][0]) == MAX_LENGTH
    assert np.isfinite(scorer.score(Chunk(loaded.backbone.tokenizer, long))).all()


def test_roberta_loses_the_positions_up_to_its_pad_token(load: Any) -> None:
    loaded = load("roberta")
    assert loaded.plain.config.max_position_embeddings == MAX_LENGTH + 2
    with pytest.raises((IndexError, RuntimeError), match="out of"):
        plain_logits(loaded, [5] * (MAX_LENGTH + 1), None)
    assert plain_logits(loaded, [5] * MAX_LENGTH, None).isfinite().all()


@pytest.mark.parametrize("scope", ["full", "head", "bias"])
def test_a_scope_trains_exactly_its_parameters(loaded: Loaded, scope: str) -> None:
    backbone = loaded.backbone
    if loaded.family.architecture == "EuroBert" and scope == "bias":
        with pytest.raises(UsageError, match="nothing to train in the scope 'bias'"):
            backbone.scope_names(scope)
        return
    names = backbone.scope_names(scope)
    own = backbone.model.get_input_embeddings().weight
    before = {n: p.detach().clone() for n, p in backbone.model.named_parameters()}
    trained = backbone.weights.trainable(names)
    assert list(trained) == names
    loaded.loss(loaded.scorer()).backward()
    got = {n for n, p in backbone.model.named_parameters() if p.grad is not None}
    assert got == set(names) - loaded.family.idle
    assert own.grad is None
    torch.optim.AdamW(trained.values(), lr=0.01).step()
    moved = {n for n, p in backbone.model.named_parameters() if not torch.equal(p, before[n])}
    # A step of AdamW moves every parameter that has a gradient, if only by weight decay.
    assert moved == got
    backbone.weights.trainable(())
    backbone.weights.put({})


def test_the_scopes_are_what_their_names_say(loaded: Loaded) -> None:
    backbone = loaded.backbone
    named = dict(backbone.model.named_parameters())
    encoder = {id(p) for p in backbone.model.base_model.parameters()}
    words = id(backbone.model.get_input_embeddings().weight)
    full, head = set(backbone.scope_names("full")), set(backbone.scope_names("head"))
    assert {n for n, p in named.items() if id(p) != words} == full
    assert head
    assert not any(id(named[name]) in encoder for name in head)
    assert all(name in head or id(named[name]) in encoder for name in named)
    biases = [name for name, parameter in named.items() if name.endswith("bias")]
    assert all(named[name].ndim == 1 for name in biases)
    if biases:
        assert backbone.scope_names("bias") == biases


def test_deberta_trains_its_separate_query_and_value_biases(load: Any) -> None:
    if "deberta" not in FAMILIES:
        pytest.skip("not in this transformers")
    bias = load("deberta").backbone.scope_names("bias")
    assert any(name.endswith("q_bias") for name in bias)
    assert any(name.endswith("v_bias") for name in bias)


def test_an_untied_decoder_belongs_to_the_head(load: Any) -> None:
    assert "cls.predictions.decoder.weight" in load("bert-untied").backbone.scope_names("head")
    assert "cls.predictions.decoder.weight" not in load("bert").backbone.scope_names("full")


def test_an_unknown_scope_is_refused_with_the_nearest(load: Any) -> None:
    with pytest.raises(UsageError, match="Did you mean 'bias'"):
        load("bert").backbone.scope_names("biass")


def test_weights_are_put_taken_and_restored_exactly(load: Any) -> None:
    backbone = load("bert").backbone
    model, weights = backbone.model, backbone.weights
    original = {n: p.detach().clone() for n, p in model.named_parameters()}
    head, bias = backbone.scope_names("head"), backbone.scope_names("bias")
    weights.trainable(head)
    with torch.no_grad():
        for name in head:
            model.get_parameter(name).add_(1.0)
    first = weights.take(head)
    assert all(torch.equal(first[name], original[name] + 1) for name in head)
    with torch.no_grad():
        model.get_parameter(head[0]).zero_()
    assert not torch.equal(first[head[0]], model.get_parameter(head[0]))  # a copy, not a view
    second = {name: original[name] - 1 for name in bias}
    weights.put(second)  # nothing of the first member may be left
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, second.get(name, original[name])), name
    weights.put(first)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, first.get(name, original[name])), name
    weights.put({})
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, original[name]), name


def test_trainable_drops_old_gradients_and_freezes_the_rest(load: Any) -> None:
    loaded = load("bert")
    backbone = loaded.backbone
    backbone.weights.trainable(backbone.scope_names("full"))
    loaded.loss(loaded.scorer()).backward()
    bias = backbone.scope_names("bias")
    backbone.weights.trainable(bias)
    assert all(parameter.grad is None for parameter in backbone.model.parameters())
    assert [n for n, p in backbone.model.named_parameters() if p.requires_grad] == bias
    backbone.weights.trainable(())
    assert not any(parameter.requires_grad for parameter in backbone.model.parameters())


# Refusals


def refusal(name: Path) -> str:
    with pytest.raises(BackboneError) as caught:
        MaskedLM.load(str(name), "cpu", "fp32")
    assert "\n" not in str(caught.value).partition("\n  ")[0]  # a line, and then the hint
    return str(caught.value)


def bert_config(**more: Any) -> BertConfig:
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return BertConfig(vocab_size=len(bert_tokenizer()), intermediate_size=16, **sizes, **more)


def test_an_encoder_without_a_masked_lm_head_is_refused(tmp_path: Path) -> None:
    BertModel(bert_config()).save_pretrained(tmp_path)
    bert_tokenizer().save_pretrained(tmp_path)
    message = refusal(tmp_path)
    assert "no trained masked-LM head" in message
    assert "cls.predictions" in message
    assert "pet-mini" in message


def test_a_causal_model_is_refused(tmp_path: Path) -> None:
    tokenizer = bert_tokenizer()
    config = GPT2Config(
        vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2, n_positions=32,
        bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    message = refusal(tmp_path)
    assert "expected a masked language model, found GPT2" in message


def test_a_missing_folder_is_refused_by_name(tmp_path: Path) -> None:
    message = refusal(tmp_path / "no" / "where")
    assert str(tmp_path / "no" / "where") in message
    assert "folder with config.json" in message


def test_a_pickled_checkpoint_is_refused(tmp_path: Path) -> None:
    model = BertForMaskedLM(bert_config())
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    bert_tokenizer().save_pretrained(tmp_path)
    assert "safetensors" in refusal(tmp_path)


def test_a_tokenizer_without_a_mask_token_is_refused(tmp_path: Path) -> None:
    BertForMaskedLM(bert_config()).save_pretrained(tmp_path)
    tokenizer = word_pieces()
    tokenizer.mask_token = None
    tokenizer.save_pretrained(tmp_path)
    card = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert card.get("mask_token") is None
    assert "no mask token" in refusal(tmp_path)


def test_missing_tokenizer_files_are_refused(tmp_path: Path) -> None:
    BertForMaskedLM(bert_config()).save_pretrained(tmp_path)
    assert "tokenizer" in refusal(tmp_path)


def test_mobilebert_whose_head_is_unlike_the_others_is_refused_clearly(tmp_path: Path) -> None:
    message = refusal(save_family(MOBILEBERT, tmp_path))
    assert "mobilebert" in message
    assert "Use another masked LM" in message


def test_a_head_that_gives_other_logits_is_never_used(
    load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load("bert")
    monkeypatch.setattr(
        "pet.backbone.masked._find_transform", lambda model: lambda states: states * 2
    )
    backbone = MaskedLM(loaded.plain, loaded.backbone.hf_tokenizer, loaded.backbone.compute)
    assert not backbone.has_separate_head  # fell back to the hook, which is checked as well
    monkeypatch.setattr(MaskedLM, "_states_by_hook", lambda *args: torch.zeros(1, 1, 32))
    with pytest.raises(BackboneError, match="could not be reproduced"):
        MaskedLM(loaded.plain, loaded.backbone.hf_tokenizer, loaded.backbone.compute)


def test_head_states_without_a_separate_head_say_so(
    load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = load("bert").backbone
    monkeypatch.setattr(backbone, "_transform", None)
    with pytest.raises(BackboneError, match="no separate transform"):
        backbone.head_states(torch.zeros(1, 32))


# Device and precision


def test_auto_takes_a_gpu_where_there_is_one_and_bf16_where_the_hardware_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Compute.choose().device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    assert Compute.choose() == Compute(torch.device("cpu"), "bf16")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    assert Compute.choose() == Compute(torch.device("cpu"), "fp32")
    assert Compute.choose("cpu", "bf16").precision == "bf16"  # an explicit wish counts


def test_auto_precision_survives_a_torch_that_cannot_list_cpu_features(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert Compute.choose("cpu").precision == "fp32"


@pytest.mark.parametrize("device", ["cuda:99", "no-such-device"])
def test_a_device_that_is_not_there_is_a_usage_error(device: str) -> None:
    with pytest.raises(UsageError, match=f"Device '{device}' cannot be used"):
        Compute.choose(device)


def test_an_unknown_precision_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="Did you mean 'fp16'"):
        Compute.choose("cpu", "fp61")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("name", ["bert", "roberta", "deberta-v2", "modernbert", "albert"])
def test_half_precision_stays_close_to_fp32(load: Any, name: str, precision: str) -> None:
    loaded = load(name)
    expected = loaded.scorer().score(Chunk(loaded.backbone.tokenizer, TEXTS))
    half = MaskedLM.load(str(loaded.folder), "cpu", precision)
    assert {parameter.dtype for parameter in half.model.parameters()} == {torch.float32}
    scorer = PVPScorer(loaded.scorer().pvp, LABELS, half, MAX_LENGTH)
    found = scorer.score(Chunk(half.tokenizer, TEXTS))
    assert found.dtype == np.float32
    assert not np.array_equal(found, expected)  # it is at work at all
    np.testing.assert_allclose(found, expected, atol=0.03 * np.abs(expected).max() + 0.05)


def test_every_family_loads_with_the_attention_that_a_gpu_gets(loaded: Loaded) -> None:
    expected = loaded.scorer().score(Chunk(loaded.backbone.tokenizer, TEXTS))
    of_a_gpu = Compute(torch.device("cuda"), "fp32").attention
    with mock.patch.object(Compute, "attention", of_a_gpu):
        fused = MaskedLM.load(str(loaded.folder), "cpu", "fp32")
    scorer = PVPScorer(loaded.scorer().pvp, LABELS, fused, MAX_LENGTH)
    found = scorer.score(Chunk(fused.tokenizer, TEXTS))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.gpu
def test_a_gpu_scores_as_the_cpu_does(loaded: Loaded) -> None:
    expected = loaded.scorer().score(Chunk(loaded.backbone.tokenizer, TEXTS))
    gpu = MaskedLM.load(str(loaded.folder), "cuda", "fp32")
    scorer = PVPScorer(loaded.scorer().pvp, LABELS, gpu, MAX_LENGTH)
    found = scorer.score(Chunk(gpu.tokenizer, TEXTS))
    np.testing.assert_allclose(found, expected, atol=2e-3, rtol=2e-3)
