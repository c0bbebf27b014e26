"""Soft templates: what they put into a model, on every masked-LM family, and what they learn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from families import FAMILIES, MAX_LENGTH, Family, save_family
from other_families import SEQ2SEQ, save_other
from safetensors.torch import load_file, save_file
from tiny import TEXTS, shake
from torch.nn import functional

from pet import PVP, Example, Task, Verbalizer
from pet.backbone import LanguageModel, MaskedLM, Seq2SeqLM
from pet.backbone.attention import before_attention
from pet.config import TrainingConfig
from pet.data import Pool
from pet.device import Compute
from pet.encoding import Chunk
from pet.errors import BackboneError, PatternError, UsageError
from pet.members import MemberSet, MemberSpec, cost, train_member
from pet.scoring import PVPScorer, score
from pet.scoring.scorer import LEARNED
from pet.scoring.soft import KINDS
from pet.scoring.soft.deep import chosen_layers
from pet.scoring.soft.patterns import with_slots, with_soft_words
from pet.scoring.soft.starts import common_tokens, scattered
from pet.scoring.soft.template import SoftSpec
from pet.task import Pattern

LABELS = ("bad", "good")
WORDS = Verbalizer({"good": ["great", "wonderful"], "bad": ["terrible"]})
HARD = "{a} it was {mask} . {b}"
SOFT = "{soft:2} {a} {soft:'it was'} {mask} . {b} {soft}"
TARGETS = torch.tensor([1, 0, 1, 0])
EXAMPLES = [
    Example({"a": f"the {noun} was {how} and {how}", "b": ""}, label)
    for noun in ("film", "food", "room", "train", "phone")
    for how, label in (("warm", "good"), ("cold", "bad"))
]
FAST = TrainingConfig(max_steps=6, batch_size=4, scope="prompt", calibration="none")


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Function from a family's name to its backbone; each is made once."""
    made: dict[str, MaskedLM] = {}

    def get(name: str) -> MaskedLM:
        if name not in made:
            family: Family = FAMILIES[name]
            folder = save_family(family, tmp_path_factory.mktemp("soft") / name, seed=3)
            made[name] = MaskedLM.load(str(folder), "cpu", "fp32")
        made[name].weights.put({})
        made[name].weights.trainable(())
        return made[name]

    return get


@pytest.fixture(params=FAMILIES)
def backbone(request: pytest.FixtureRequest, load: Any) -> MaskedLM:
    found: MaskedLM = load(request.param)
    return found


def takes(family: str, kind: str) -> bool:
    return kind != "prefix" or not FAMILIES[family].own_attention


@pytest.fixture(
    params=[(f, k) for f in FAMILIES for k in KINDS if takes(f, k)], ids=lambda pair: "-".join(pair)
)
def case(request: pytest.FixtureRequest, load: Any) -> tuple[MaskedLM, str]:
    """A backbone and a kind that it takes."""
    family, kind = request.param
    return load(family), kind


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Seq2SeqLM:
    folder = save_other(SEQ2SEQ["t5"], tmp_path_factory.mktemp("soft-t5"))
    return Seq2SeqLM.load(str(folder), "cpu", "fp32")


@pytest.fixture
def bert(load: Any) -> MaskedLM:
    found: MaskedLM = load("bert")
    return found


def scorer(
    backbone: LanguageModel, pattern: str = SOFT, kind: str = "prompt-tuning", **more: Any
) -> PVPScorer:
    soft = SoftSpec(kind, **more) if Pattern(pattern).is_soft else None
    return PVPScorer(PVP(pattern, WORDS), LABELS, backbone, MAX_LENGTH, soft=soft)


def scores(own: PVPScorer, texts: list[dict[str, str]] = TEXTS) -> Any:
    return score(own, Chunk(own.backbone.tokenizer, texts))[0]


def loss(own: PVPScorer) -> torch.Tensor:
    chunk = Chunk(own.backbone.tokenizer, TEXTS)
    states = own.mask_states(own.batch(own.encode(chunk), np.arange(len(TEXTS))))
    return functional.cross_entropy(own.label_scores(states)[0], TARGETS)


# On every family


@pytest.mark.parametrize("kind", ["words", "prompt-tuning"])
def test_untrained_word_slots_are_exactly_the_hard_pattern(backbone: MaskedLM, kind: str) -> None:
    soft = scorer(backbone, with_soft_words(Pattern(HARD)).template, kind)
    assert soft.soft is not None
    np.testing.assert_allclose(scores(soft), scores(scorer(backbone, HARD)), atol=1e-6)
    shake(soft)
    assert not np.allclose(scores(soft), scores(scorer(backbone, HARD)), atol=1e-3)


@pytest.mark.parametrize("pass_cost", [0, 10**6])  # every length by itself; all padded together
def test_scores_do_not_depend_on_padding_or_on_the_other_rows(
    case: tuple[MaskedLM, str], pass_cost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Compute, "pass_cost", pass_cost)
    backbone, kind = case
    own = scorer(backbone, kind=kind)
    shake(own)
    together = scores(own)
    alone = np.concatenate([scores(own, [text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_allclose(scores(own, TEXTS[::-1])[::-1], together, atol=1e-4)


def test_every_prompt_tensor_has_a_gradient(
    case: tuple[MaskedLM, str],
) -> None:
    backbone, kind = case
    own = scorer(backbone, kind=kind)
    own.unfold()
    shake(own)
    loss(own).backward()
    for name, parameter in own.learned.named_parameters():
        assert parameter.grad is not None, name
        # Every single slot has one; a unit of an encoder of slots may be dead, and a layer with a
        # sliding window does not see slots that are far from the mask.
        of_slots = name.rsplit(".", 1)[1] in ("vectors", "table", "original")
        of_slots &= not (
            name.endswith("table") and backbone.model.config.model_type == "modernbert"
        )
        rows = parameter.grad.reshape(-1, parameter.shape[-1]).abs().sum(dim=1) > 0
        assert rows.all() if of_slots else rows.any(), name


@pytest.mark.parametrize("kind", KINDS)
def test_t5_takes_every_kind(kind: str, t5: Seq2SeqLM) -> None:
    own = scorer(t5, kind=kind)
    before = scores(own)
    shake(own)
    together = scores(own)
    assert not np.allclose(together, before, atol=1e-3)
    alone = np.concatenate([scores(own, [text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-4)


# What stands in the slots


def test_the_vectors_stand_exactly_in_the_slots(bert: MaskedLM) -> None:
    own = scorer(bert)
    shake(own)
    assert own.soft is not None
    batch = own.batch(own.encode(Chunk(bert.tokenizer, TEXTS)), np.arange(4))[1]
    vectors = own.soft().vectors
    table = bert.model.get_input_embeddings().weight
    with torch.no_grad():
        found = bert.mask_states(batch)[:, 0]
    for row, text in enumerate(TEXTS):
        # The naive way: embed piece by piece and put the vectors between the pieces.
        def ids(words: str) -> list[int]:
            return list(bert.hf_tokenizer(words, add_special_tokens=False)["input_ids"])

        pieces = [
            table[[2]], vectors[:2], table[ids(text["a"])], vectors[2:4], table[[4]],
            table[ids(".")], table[ids(text["b"])], vectors[4:], table[[3]],
        ]  # fmt: skip
        embeddings = torch.cat(pieces)[None]
        place = 1 + 2 + len(ids(text["a"])) + 2
        with torch.no_grad():
            states = bert.model.base_model(inputs_embeds=embeddings)[0][0, place]
            expected = bert.head_states(states)
        torch.testing.assert_close(found[row], expected, atol=1e-4, rtol=1e-4)


def test_slots_are_never_shortened_and_count_against_the_length(bert: MaskedLM) -> None:
    own = PVPScorer(PVP("{soft:6} {a} {soft:'it was'} {mask}", WORDS), LABELS, bert, 16)
    encoded = own.encode(Chunk(bert.tokenizer, [{"a": "the film was good " * 9, "b": ""}]))[1]
    assert encoded.ids.lengths.tolist() == [16]
    assert encoded.slots is not None
    assert encoded.slots.tolist() == [[1, 2, 3, 4, 5, 6, 12, 13]]
    assert encoded.masks.tolist() == [[14]]
    assert bert.tokenizer.pad_id not in encoded.ids.flat
    with pytest.raises(PatternError, match="take 17 of 16 tokens"):
        PVPScorer(PVP("{soft:14} {a} {mask}", WORDS), LABELS, bert, 16)


def test_slots_of_one_group_share_their_vectors(bert: MaskedLM) -> None:
    own = scorer(bert, "{soft#q:2} {a} {soft:1} {mask} {soft#q}")
    encoded = own.encode(Chunk(bert.tokenizer, TEXTS[:1]))[1]
    assert encoded.entries is not None
    assert encoded.entries.tolist() == [0, 1, 2, 0, 1]
    assert own.soft is not None
    assert len(own.soft().vectors) == 3
    apart = scorer(bert, "{soft:2} {a} {soft:1} {mask} {soft:2}")
    shake(own)
    assert apart.soft is not None
    with torch.no_grad():
        apart.soft.vectors.copy_(own.soft().vectors[[0, 1, 2, 0, 1]])
    np.testing.assert_allclose(scores(own), scores(apart), atol=1e-6)


def test_slots_and_masks_move_with_a_labels_name(bert: MaskedLM) -> None:
    words = Verbalizer({"yes": ["yes"], "no": ["no"]})
    labels = ("sports news", "world")
    pvp = PVP("{soft:2} {a} {label} {soft:'it was'} {mask}", words)
    own = PVPScorer(pvp, labels, bert, 64)
    shake(own)
    found = scores(own)
    for column, label in enumerate(labels):
        plain = PVP(f"{{soft:2}} {{a}} {label} {{soft:'it was'}} {{mask}}", words)
        alone = PVPScorer(plain, ("yes", "no"), bert, 64)
        alone.learned.load_state_dict(own.learned.state_dict())
        rows = scores(alone)
        np.testing.assert_allclose(found[:, column], rows[:, 0] - rows[:, 1], atol=1e-5)


def test_a_soft_template_needs_slots(bert: MaskedLM) -> None:
    with pytest.raises(PatternError, match=r"no slots(?s:.*)\{soft:5\}"):
        PVPScorer(PVP("{a} {mask}", WORDS), LABELS, bert, 64, soft=SoftSpec("words"))


def test_words_train_differences_and_keep_the_vectors(bert: MaskedLM) -> None:
    own = scorer(bert, kind="words")
    assert own.soft is not None
    start = own.soft().vectors.detach().clone()
    before = scores(own)
    own.unfold()
    np.testing.assert_array_equal(scores(own), before)  # the difference is zero
    (delta,) = own.soft.parameters()
    assert not delta.any()
    with torch.no_grad():
        delta.add_(torch.randn(delta.shape))
    torch.testing.assert_close(own.soft().vectors, start + delta)
    trained = scores(own)
    own.fold()
    np.testing.assert_array_equal(scores(own), trained)
    # What is kept does not depend on what the slots start as where it is read again.
    other = scorer(bert, kind="words", start="uniform", seed=5)
    other.put(own.take(()))
    np.testing.assert_array_equal(scores(other), trained)


def test_p_tuning_trains_an_mlp_on_an_lstm_and_keeps_the_vectors(bert: MaskedLM) -> None:
    own = scorer(bert, kind="p-tuning")
    assert own.soft is not None
    start = own.soft().vectors.detach().clone()
    own.unfold()
    lstm, mlp = own.soft.parametrizations.vectors[0].children()  # type: ignore[union-attr,index]
    assert (lstm.num_layers, lstm.bidirectional) == (2, True)
    expected = mlp(lstm(start[:, None])[0])[:, 0]
    torch.testing.assert_close(own.soft().vectors, expected)
    before = scores(own)
    own.fold()
    assert [name for name, _ in own.soft.named_parameters()] == ["vectors"]
    np.testing.assert_array_equal(scores(own), before)


@pytest.mark.parametrize("mode", ["replace", "add"])
def test_deep_prompts_change_what_comes_to_a_layer_at_the_slots(bert: MaskedLM, mode: str) -> None:
    own = scorer(bert, kind="deep", deep=mode)
    plain = scorer(bert)
    if mode == "add":  # nothing is added yet
        np.testing.assert_allclose(scores(own), scores(plain), atol=1e-6)
    shake(own)
    assert own.soft is not None
    prompt = own.soft()
    assert list(prompt.deep) == [1]
    encoded = own.encode(Chunk(bert.tokenizer, TEXTS[:1]))
    batch = own.batch(encoded, np.arange(1))[1]
    columns = batch.fillings[0].slots.columns
    model = bert.model.bert
    with torch.no_grad():
        found = bert.encoder_states(batch, torch.tensor([[0]]), batch.masks)[0, 0]
        words = model.embeddings.word_embeddings(batch.ids)
        words[0, columns] = prompt.vectors
        states = model.embeddings(inputs_embeds=words, token_type_ids=batch.segments)
        states = _first(model.encoder.layer[0](states))
        kept = states[0, columns] if mode == "add" else 0
        states[0, columns] = prompt.deep[1] + kept
        states = _first(model.encoder.layer[1](states))
    torch.testing.assert_close(found, states[0, batch.masks[0, 0]], atol=1e-5, rtol=1e-5)


def _first(output: Any) -> torch.Tensor:
    found: torch.Tensor = output[0] if isinstance(output, tuple) else output
    return found


def test_deep_prompts_reach_every_architecture(backbone: MaskedLM) -> None:
    own = scorer(backbone, kind="deep")
    before = scores(own)
    assert own.soft is not None
    with torch.no_grad():
        own.soft.table.add_(torch.randn_like(own.soft.table))  # type: ignore[operator, arg-type]
    assert not np.allclose(scores(own), before, atol=1e-3)


# Keys and values


def test_attention_that_changes_nothing_is_the_same(backbone: MaskedLM) -> None:
    own = scorer(backbone, HARD)
    expected, before = scores(own), backbone.model.config._attn_implementation
    seen: list[int] = []

    def keep(number: int, key: Any, value: Any) -> Any:
        seen.append(number)
        return key, value

    chunk = Chunk(backbone.tokenizer, TEXTS)  # of several lengths, so that some are padded
    with before_attention(backbone.body, keep), torch.no_grad():
        batch = own.batch(own.encode(chunk), np.arange(len(TEXTS)))
        found = own.label_scores(own.mask_states(batch))[0]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert backbone.model.config._attn_implementation == before
    family = FAMILIES[Path(backbone.name).name]
    assert seen == ([] if family.own_attention else [0, 1])


@pytest.mark.parametrize("family", [name for name in FAMILIES if takes(name, "prefix")])
def test_a_prefix_is_the_same_in_fused_attention(load: Any, family: str) -> None:
    own = scorer(load(family), kind="prefix")
    shake(own)
    plain, config = scores(own), own.backbone.body.config
    assert config._attn_implementation == "eager"
    config._attn_implementation = "sdpa"  # as on a GPU
    try:
        found = scores(own)
    finally:
        config._attn_implementation = "eager"
    np.testing.assert_allclose(found, plain, atol=1e-4)


def test_attention_is_as_before_after_an_error(bert: MaskedLM) -> None:
    before = bert.model.config._attn_implementation
    with pytest.raises(ValueError, match="wrong"), before_attention(bert.body, lambda *_: None):  # type: ignore[arg-type,return-value]
        raise ValueError("wrong")
    assert bert.model.config._attn_implementation == before


def test_a_prefix_is_what_a_cache_of_keys_and_values_is(bert: MaskedLM) -> None:
    from transformers import DynamicCache

    own = scorer(bert, "{a} {soft:3} it was {mask} . {soft}", "prefix")
    shake(own)
    assert own.soft is not None
    table = own.soft().attended
    assert table is not None
    batch = own.batch(own.encode(Chunk(bert.tokenizer, TEXTS)), np.arange(len(TEXTS)))[1]
    with torch.no_grad():
        found = bert.mask_states(batch)[:, 0]
    heads = bert.model.config.num_attention_heads
    for row, text in enumerate(TEXTS):
        # The naive way: the text alone, at the places that it has around the slots, and the
        # learned keys and values as if they had been read before.
        words = bert.hf_tokenizer(text["a"], add_special_tokens=False)["input_ids"]
        front, back = [2, *words], bert.hf_tokenizer("it was [MASK] .")["input_ids"][1:]
        ids = torch.tensor([front + back])
        # "it was [MASK] . <slot> [SEP]": the last slot moves the last token by one.
        places = [*range(len(front)), *range(len(front) + 3, len(front) + 2 + len(back))]
        places.append(places[-1] + 2)
        cache = DynamicCache()
        for layer, (keys, values) in enumerate(table.detach()):
            parts = [part.view(1, 4, heads, -1).transpose(1, 2) for part in (keys, values)]
            cache.update(*parts, layer)
        with torch.no_grad():
            hidden = bert.model.bert(
                input_ids=ids,
                position_ids=torch.tensor([places]),
                attention_mask=torch.ones(1, 4 + ids.shape[1]).long(),
                past_key_values=cache,
            )[0]
            expected = bert.head_states(hidden[0, len(front) + 2])
        torch.testing.assert_close(found[row], expected, atol=1e-4, rtol=1e-4)


def test_a_prefix_starts_as_the_keys_and_values_of_its_words(bert: MaskedLM) -> None:
    own = scorer(bert, "{soft:'it was'} {a} {mask}", "prefix")
    assert own.soft is not None
    table = own.soft().attended
    layer = bert.model.bert.encoder.layer[0].attention.self
    with torch.no_grad():
        ids = torch.tensor([bert.hf_tokenizer.convert_tokens_to_ids(["it", "was"])])
        states = bert.model.bert.embeddings(input_ids=ids)[0]
        expected = torch.stack([layer.key(states), layer.value(states)])
    assert table is not None
    torch.testing.assert_close(table[0].detach(), expected)


def test_a_prefix_is_trained_through_a_bottleneck_and_kept_without_it(bert: MaskedLM) -> None:
    own = scorer(bert, kind="prefix")
    assert own.soft is not None
    attended, fresh = own.soft().attended, scores(own)
    assert attended is not None
    start = attended.detach().clone()
    own.unfold()
    np.testing.assert_array_equal(scores(own), fresh)  # the start is kept
    shake(own)
    bottleneck: Any = own.soft.parametrizations.table  # type: ignore[union-attr]
    inner = torch.tanh(bottleneck[0].narrow(bottleneck.original))
    rows = bottleneck[0].wide(inner).view(5, 2, 2, 32)  # slots, layers, keys and values
    table = own.soft().attended
    assert table is not None
    for slot in range(5):
        torch.testing.assert_close(table[:, :, slot], start[:, :, slot] + rows[slot])
    unfolded = scores(own)
    own.fold()
    assert [name for name, _ in own.soft.named_parameters()] == ["table"]
    np.testing.assert_array_equal(scores(own), unfolded)


def test_backbones_without_changeable_attention_are_told_what_they_take(load: Any) -> None:
    refused = [name for name in FAMILIES if not takes(name, "prefix")]
    assert {"deberta-v2", "mpnet", "roformer", "megatron-bert"} <= set(refused)
    for name in refused:
        with pytest.raises(BackboneError, match=r"no learned keys and values(?s:.*)--soft deep"):
            scorer(load(name), kind="prefix")
        scorer(load(name), kind="deep")


def test_layers_of_deep_prompts_are_numbers_from_one() -> None:
    assert chosen_layers("all", 4) == (1, 2, 3)
    assert chosen_layers("3, 1-2", 4) == (1, 2, 3)
    assert chosen_layers("2", 4) == (2,)
    for wrong in ("0", "4", "2-9"):
        with pytest.raises(UsageError, match="layers 1 to 3"):
            chosen_layers(wrong, 4)
    for wrong in ("none", "", "1,foo", "1;3,2", "3-1,2"):
        with pytest.raises(UsageError, match="deep_layers .*expected numbers such as"):
            chosen_layers(wrong, 4)


# Starts


def test_pseudo_tokens_start_as_asked_and_word_slots_as_their_words(bert: MaskedLM) -> None:
    table = bert.model.get_input_embeddings().weight.detach()

    def start(how: str, seed: int = 0) -> torch.Tensor:
        own = scorer(bert, "{soft:5} {a} {soft:'film'} {mask}", start=how, seed=seed)
        assert own.soft is not None
        return own.soft().vectors.detach()

    ids = bert.hf_tokenizer.convert_tokens_to_ids
    for how in ("label-words", "vocabulary", "uniform", "mask"):
        assert torch.equal(start(how)[5], table[ids("film")])
        assert torch.equal(start(how), start(how))
    named = start("label-words")
    # The labels' first words come first, in the order of the labels; then the second ones.
    for row, word in enumerate(("terrible", "great", "wonderful")):
        assert torch.equal(named[row], table[ids(word)])
    common = table[common_tokens(bert.tokenizer)]
    for row in [*named[3:5], *start("vocabulary")[:5]]:
        assert (common == row).all(dim=1).any()
    assert not torch.equal(start("vocabulary"), start("vocabulary", seed=1))
    assert torch.equal(start("mask")[0], table[ids("[MASK]")])
    noise = start("uniform")[:5]
    assert noise.abs().max() <= 0.5
    assert noise.std() == pytest.approx(1 / np.sqrt(12), abs=0.05)


def test_templates_are_scattered_by_half_the_spread_of_what_a_model_looks_up(
    bert: MaskedLM,
) -> None:
    table = bert.model.get_input_embeddings()

    def spread() -> float:
        vectors = torch.zeros(40, table.weight.shape[1])
        return float(scattered(vectors, bert, 1).std())

    plain = spread()
    assert plain == pytest.approx(0.5 * float(table.weight.std()), rel=0.1)
    # Gemma and others multiply their embeddings.
    handle = table.register_forward_hook(lambda _, __, output: output * 8)
    assert spread() == pytest.approx(8 * plain, rel=1e-4)
    handle.remove()


def test_common_tokens_are_words_in_the_vocabularys_order(bert: MaskedLM) -> None:
    found = common_tokens(bert.tokenizer, 6)
    assert bert.hf_tokenizer.convert_ids_to_tokens(found) == [
        "the", "it", "was", "is", "and", "film"
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "start"), [("wrods", "mask"), ("words", "msak")])
def test_unknown_kinds_and_starts_are_refused(bert: MaskedLM, kind: str, start: str) -> None:
    with pytest.raises(UsageError, match="Did you mean"):
        scorer(bert, kind=kind, start=start)


# Patterns made soft


@pytest.mark.parametrize(
    "template",
    [
        "{a} it was {mask} . {b}",
        "{mask}: {a}{sep}{b}",
        '({mask}) {a:keep} don\'t {{say}} "this" {b:middle}!',
        "{a:head}{b} {mask}",
    ],
)
def test_softened_patterns_are_the_same_input(backbone: MaskedLM, template: str) -> None:
    hard, soft = Pattern(template), with_soft_words(Pattern(template))
    values = {"a": "one", "b": "two"}
    bare = "".join(hard.render(values).split())
    assert "".join(soft.render(values).split()).replace("<", "").replace(">", "") == bare
    chunk = Chunk(backbone.tokenizer, TEXTS)
    ones, others = (scorer(backbone, own.template).encode(chunk) for own in (hard, soft))
    assert ones.keys() == others.keys()
    for count, one in ones.items():
        np.testing.assert_array_equal(one.ids.flat, others[count].ids.flat)
        np.testing.assert_array_equal(one.masks, others[count].masks)


def test_slots_go_before_a_pattern() -> None:
    assert with_slots(Pattern(HARD), 3).template == "{soft:3} " + HARD
    assert with_slots(Pattern(HARD), 3, "what's it?").parts[0].text == "what's it?"  # type: ignore[union-attr]


# Training


def spec(kind: str = "prompt-tuning", pattern: str = SOFT, **changes: Any) -> MemberSpec:
    training = replace(FAST, **changes)
    pvp = PVP(pattern, WORDS, soft=kind)
    return MemberSpec("m", 0, pvp, 1, training, 64, soft=SoftSpec(kind, "vocabulary", seed=1))


TASK = Task("toy", LABELS, ["a", "b"], [PVP(SOFT, WORDS)])


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_learns_alone_and_is_all_that_is_kept(bert: MaskedLM, kind: str) -> None:
    before = {n: p.detach().clone() for n, p in bert.model.named_parameters()}
    own = spec(kind, max_steps=60, prompt_rate=0.05)
    result = train_member(bert, own, TASK, EXAMPLES)
    assert result.accuracy_after is not None
    assert result.accuracy_after >= 0.9
    assert result.weights
    assert all(name.startswith(LEARNED) for name in result.weights)
    assert all(torch.equal(p, before[n]) for n, p in bert.model.named_parameters())
    assert result.frozen == sum(p.numel() for p in bert.model.parameters())
    kept = sum(tensor.numel() for tensor in result.weights.values())
    assert kept <= result.trained
    assert 4 * kept < 32_768  # bytes, for 5 slots


def test_warp_learns_slots_and_class_vectors_on_a_frozen_model(bert: MaskedLM) -> None:
    own = replace(
        spec(max_steps=60, prompt_rate=0.05, readout_rate=0.01),
        soft=SoftSpec("prompt-tuning", "mask"),
        readout="class-vectors",
    )
    result = train_member(bert, own, TASK, EXAMPLES)
    assert result.accuracy_after is not None
    assert result.accuracy_after >= 0.9
    assert {name.removeprefix(LEARNED) for name in result.weights} == {
        "soft.vectors", "readouts.0.vectors", "readouts.0.biases"
    }  # fmt: skip


def test_saved_and_reloaded_members_score_identically(
    case: tuple[MaskedLM, str], tmp_path: Path
) -> None:
    backbone, kind = case
    own = spec(kind, max_steps=2)
    weights = dict(train_member(backbone, own, TASK, EXAMPLES).weights)
    scorer_after = own.scorer(LABELS, backbone)
    scorer_after.put(weights)
    expected = scores(scorer_after)
    save_file(weights, tmp_path / "m.safetensors")
    plain = json.loads(json.dumps(own.to_dict()))
    again = MemberSpec.from_dict(TASK, "m", plain, 64)
    stored = load_file(tmp_path / "m.safetensors")
    other = MaskedLM.load(backbone.name, "cpu", "fp32")
    members = MemberSet(other, TASK, [again], {"m": stored})
    np.testing.assert_array_equal(members.scores(TEXTS)[0][0], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_right_after_training_are_those_of_what_is_kept(bert: MaskedLM, kind: str) -> None:
    own = spec(kind, scope="head")
    result = train_member(bert, own, TASK, EXAMPLES)
    after = own.scorer(LABELS, bert)
    after.put(result.weights)
    texts = [example.texts for example in EXAMPLES]
    own_scores = scores(after, texts)
    right = own_scores.argmax(1) == [LABELS.index(str(e.label)) for e in EXAMPLES]
    assert float(right.mean()) == result.accuracy_after
    spread = (own_scores - own_scores.mean(axis=1, keepdims=True)).std()
    assert result.spread == pytest.approx(float(spread), rel=1e-6)
    again = train_member(bert, own, TASK, EXAMPLES)
    assert all(torch.equal(again.weights[name], result.weights[name]) for name in again.weights)


@pytest.mark.parametrize(
    ("scope", "of"),
    [("prompt", None), ("prompt+head", "head"), ("head", "head"), ("prompt+bias", "bias"),
     ("all", "full"), ("full", "full")],
)  # fmt: skip
def test_a_scope_says_what_is_trained_beside_the_slots(
    bert: MaskedLM, scope: Any, of: str | None
) -> None:
    result = train_member(bert, spec(scope=scope, max_steps=1), TASK, EXAMPLES)
    names = {name for name in result.weights if not name.startswith(LEARNED)}
    assert names == (set(bert.scope_names(of)) if of else set())
    assert len(result.weights) > len(names)


def test_a_member_without_slots_cannot_train_the_prompt_alone(bert: MaskedLM) -> None:
    hard = MemberSpec("m", 0, PVP(HARD, WORDS), 1, replace(FAST, max_steps=1), 64)
    assert set(train_member(bert, hard, TASK, EXAMPLES).weights) == set(bert.scope_names("full"))
    assert replace(FAST, scope="prompt+head").weights_scope(soft=False) == "head"


def test_prompt_and_backbone_have_rates_of_their_own(
    bert: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pet.members import training

    seen = []
    plain = training.optimise_resumably

    def record(groups: Any, losses: Any, schedule: Any, *rest: Any) -> Any:
        seen.append([schedule.learning_rate * group.rate_factor for group in groups])
        return plain(groups, losses, schedule, *rest)

    monkeypatch.setattr(training, "optimise_resumably", record)
    for changes in (
        {"scope": "head", "learning_rate": 1e-3, "prompt_rate": 2e-2},
        {"scope": "head", "learning_rate": 1e-1, "prompt_rate": 2e-2},
        {"scope": "prompt", "learning_rate": 1e-3},
    ):
        train_member(bert, spec(max_steps=1, **changes), TASK, EXAMPLES)
    rate = KINDS["prompt-tuning"].rate
    assert seen == [pytest.approx(rates) for rates in ([1e-3, 2e-2], [1e-1, 2e-2], [rate])]


def test_an_untrained_soft_member_keeps_its_start(bert: MaskedLM) -> None:
    own = spec(max_steps=0)
    result = train_member(bert, own, TASK, EXAMPLES)
    assert result.steps == 0
    after = own.scorer(LABELS, bert)
    after.put(result.weights)
    np.testing.assert_array_equal(scores(after), scores(own.scorer(LABELS, bert)))


def test_the_masked_lm_loss_sees_the_prompt_and_never_predicts_a_slot(
    bert: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    plain = MaskedLM.states_at
    monkeypatch.setattr(MaskedLM, "states_at", lambda *args: asked.append(args[1:]) or plain(*args))
    pool = Pool(lambda: iter([Example(text) for text in TEXTS] * 20))
    own = spec("words", lm_weight=0.5, max_steps=20)
    train_member(bert, own, TASK, EXAMPLES, pool=pool)
    chosen = 0
    for batch, rows, columns in asked:
        if rows.ndim != 1:
            continue  # the label's slot
        (filling,) = batch.fillings
        assert filling.prompt is not None
        own_slots = filling.slots
        slots = set(zip(own_slots.rows.tolist(), own_slots.columns.tolist(), strict=True))
        places = set(zip(rows.tolist(), columns.tolist(), strict=True))
        assert not slots & places
        chosen += len(places)
    assert chosen > 20


def test_the_cost_is_told_in_words() -> None:
    assert cost(7_680, 22_000_000) == (
        "7,680 of 22,007,680 parameters trained; 90 KiB for gradients and AdamW"
    )
    assert cost(22_000_000, 0).endswith(" trained; 251.8 MiB for gradients and AdamW")
