"""Soft templates on causal and encoder-decoder models: every kind, word by word, trained, kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from other_families import CAUSAL, SEQ2SEQ, save_other
from tiny import TEXTS, shake
from torch import Tensor
from torch.nn import functional
from toy import Files, pet, train

from pet import PVP, Example, Task, Verbalizer
from pet.backbone import LanguageModel, load_backbone
from pet.config import TrainingConfig
from pet.data import Data
from pet.encoding import Chunk
from pet.errors import BackboneError
from pet.members import MemberSet, PatternSpec, train_member
from pet.members.work import Work
from pet.scoring import PVPScorer, score_mixed, score_together
from pet.scoring.base import LEARNED
from pet.scoring.soft import KINDS
from pet.scoring.soft.patterns import with_soft_words
from pet.scoring.soft.template import SoftSpec
from pet.task import Pattern

LABELS = ("bad", "good")
# Unknown words are spelled out, some alike at their beginning.
SPELLED = Verbalizer({"good": ["super", "great", "suave"], "bad": ["dull", "dud"]})
HARD = "{a} it was so {b} : {mask}"
SOFT = "{soft:2} {a} {soft:'it was'} {b} {soft} : {mask}"
TARGETS = torch.tensor([1, 0, 1, 0])
EVERY = {**CAUSAL, **SEQ2SEQ}
CASES = [(f, k) for f in EVERY for k in KINDS if k != "prefix" or EVERY[f].takes_prefix]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Function from a family's name to its backbone; each is made once."""
    made: dict[str, LanguageModel] = {}

    def get(name: str) -> LanguageModel:
        if name not in made:
            folder = save_other(EVERY[name], tmp_path_factory.mktemp("soft-others") / name)
            made[name] = load_backbone(str(folder), "cpu", "fp32")
        made[name].weights.trainable(())
        made[name].weights.put({})
        return made[name]

    return get


def scorer(
    backbone: LanguageModel, pattern: str = SOFT, kind: str = "prompt-tuning", **more: Any
) -> PVPScorer:
    soft = SoftSpec(kind, **more) if Pattern(pattern).is_soft else None
    return PVPScorer(PVP(pattern, SPELLED), LABELS, backbone, 48, soft=soft)


def shaken(backbone: LanguageModel, pattern: str = SOFT, kind: str = "", **more: Any) -> PVPScorer:
    """A scorer whose prompt is nowhere near its start."""
    own = scorer(backbone, pattern, kind, **more)
    shake(own)
    return own


def chunk(own: PVPScorer, texts: list[dict[str, str]] = TEXTS) -> Chunk:
    return Chunk(own.backbone.tokenizer, texts)


def scores(own: PVPScorer, texts: list[dict[str, str]] = TEXTS) -> Any:
    return own.score(chunk(own, texts))[0]


@pytest.mark.parametrize("kind", ["words", "prompt-tuning"])
@pytest.mark.parametrize("family", EVERY)
def test_untrained_word_slots_are_exactly_the_hard_pattern(
    load: Any, family: str, kind: str
) -> None:
    backbone = load(family)
    soft = scorer(backbone, with_soft_words(Pattern(HARD)).template, kind)
    hard = scores(scorer(backbone, HARD))
    np.testing.assert_allclose(scores(soft), hard, atol=1e-5)
    shake(soft)
    assert not np.allclose(scores(soft), hard, atol=1e-3)


@pytest.mark.parametrize(("family", "kind"), CASES)
def test_scores_do_not_depend_on_padding_or_on_the_other_rows(
    load: Any, family: str, kind: str
) -> None:
    own = scorer(load(family), kind=kind)
    before = scores(own)
    shake(own)
    together = scores(own)
    assert not np.allclose(together, before, atol=1e-3)
    alone = np.concatenate([scores(own, [text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_allclose(scores(own, TEXTS[::-1])[::-1], together, atol=1e-4)


@pytest.mark.parametrize(("family", "kind"), CASES)
def test_every_prompt_tensor_has_a_gradient(load: Any, family: str, kind: str) -> None:
    backbone = load(family)
    own = scorer(backbone, kind=kind)
    own.learned.unfold()
    shake(own)
    states = own.mask_states(own.batch(own.encode(chunk(own)), np.arange(len(TEXTS))))
    functional.cross_entropy(own.label_scores(states)[0], TARGETS).backward()
    for name, parameter in own.learned.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def row_of(own: PVPScorer, text: dict[str, str]) -> tuple[list[int], list[int]]:
    """Token ids of one text, and the places of its slots in the order of the prompt's entries."""
    encoded = own.encode(chunk(own, [text]))[1]
    assert encoded.soft_slots is not None
    assert encoded.entries is not None
    order = np.argsort(encoded.entries)
    return encoded.ids.flat.tolist(), encoded.soft_slots[0, order].tolist()


def by_words(logs: Any, own: PVPScorer) -> list[float]:
    """Log-probabilities of label words by the chain rule; ``logs`` takes a word's beginning."""
    return [
        sum(float(logs(word.ids[:n])[token]) for n, token in enumerate(word.ids))
        for word in own.readouts[0].words
    ]


@torch.no_grad()
def word_scores(own: PVPScorer, text: dict[str, str]) -> Tensor:
    batches = own.batch(own.encode(chunk(own, [text])), np.arange(1))
    return own.readouts[0].word_scores(own.mask_states(batches), batches)[0]


@pytest.mark.parametrize("family", CAUSAL)
def test_vectors_stand_exactly_in_the_slots(load: Any, family: str) -> None:
    backbone = load(family)
    own = shaken(backbone, kind="prompt-tuning")
    assert own.soft is not None
    plain = getattr(transformers, EVERY[family].head).from_pretrained(
        backbone.name, attn_implementation="eager"
    )
    vectors = own.soft().vectors.detach()
    for text in TEXTS:
        ids, slots = row_of(own, text)

        @torch.no_grad()
        def logs(beginning: tuple[int, ...], row: list[int] = ids, at: list[int] = slots) -> Tensor:
            words = plain.get_input_embeddings()(torch.tensor([[*row, *beginning]])).clone()
            words[0, at] = vectors
            found: Tensor = plain(inputs_embeds=words).logits[0, -1].log_softmax(-1)
            return found

        found = word_scores(own, text)
        torch.testing.assert_close(found, torch.tensor(by_words(logs, own)), atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("family", [name for name in CAUSAL if CAUSAL[name].takes_prefix])
def test_a_prefix_is_what_a_cache_of_keys_and_values_is(load: Any, family: str) -> None:
    from transformers import DynamicCache

    backbone = load(family)
    own = shaken(backbone, "{soft:3} {a} it was {mask}", "prefix")
    assert own.soft is not None
    table = own.soft().attended
    assert table is not None
    plain = getattr(transformers, EVERY[family].head).from_pretrained(backbone.name)
    for text in TEXTS:
        ids, slots = row_of(own, text)
        assert slots == [1, 2, 3]  # behind the token that starts a text

        @torch.no_grad()
        def logs(beginning: tuple[int, ...], row: list[int] = ids) -> Tensor:
            # The naive way: the start is read, the learned keys and values stand as if three more
            # tokens had been read, and the model goes on from there.
            cache = DynamicCache()
            plain(torch.tensor([row[:1]]), past_key_values=cache, use_cache=True)
            for layer, pair in enumerate(table.detach()):
                heads = cache.layers[layer].keys.shape[1]
                parts = [part.view(1, 3, heads, -1).transpose(1, 2) for part in pair]
                cache.update(*parts, layer)
            rest = torch.tensor([[*row[4:], *beginning]])
            found: Tensor = plain(rest, past_key_values=cache).logits[0, -1].log_softmax(-1)
            return found

        found = word_scores(own, text)
        torch.testing.assert_close(found, torch.tensor(by_words(logs, own)), atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("family", [family for family, kind in CASES if kind == "prefix"])
def test_a_prefix_is_the_same_in_fused_attention(load: Any, family: str) -> None:
    own = shaken(load(family), kind="prefix")
    config = own.backbone.body.config
    assert config._attn_implementation == "eager"
    # Rows together are padded, one alone is not, and has no mask then.
    plain = scores(own), scores(own, TEXTS[:1])
    config._attn_implementation = "sdpa"  # as on a GPU
    try:
        found = scores(own), scores(own, TEXTS[:1])
    finally:
        config._attn_implementation = "eager"
    for mine, expected in zip(found, plain, strict=True):
        np.testing.assert_allclose(mine, expected, atol=1e-4)


@pytest.mark.parametrize("mode", ["replace", "add"])
def test_deep_prompts_change_what_comes_to_a_layer_at_the_slots(load: Any, mode: str) -> None:
    backbone = load("gpt2")
    own = shaken(backbone, kind="deep", deep=mode, layers="1")
    assert own.soft is not None
    prompt = own.soft()
    plain = transformers.GPT2LMHeadModel.from_pretrained(
        backbone.name, attn_implementation="eager"
    ).transformer
    for text in TEXTS:
        ids, slots = row_of(own, text)

        @torch.no_grad()
        def logs(beginning: tuple[int, ...], row: list[int] = ids, at: list[int] = slots) -> Tensor:
            tokens = torch.tensor([*row, *beginning])
            states = plain.wte(tokens).clone()
            states[at] = prompt.vectors
            states = (states + plain.wpe(torch.arange(len(tokens))))[None]
            ahead = torch.full((len(tokens), len(tokens)), -torch.inf).triu(1)[None, None]
            states = _first(plain.h[0](states, attention_mask=ahead))
            states[0, at] = prompt.deep[1] + (states[0, at] if mode == "add" else 0)
            states = _first(plain.h[1](states, attention_mask=ahead))
            found: Tensor = (plain.ln_f(states)[0, -1] @ plain.wte.weight.T).log_softmax(-1)
            return found

        found = word_scores(own, text)
        torch.testing.assert_close(found, torch.tensor(by_words(logs, own)), atol=1e-3, rtol=1e-4)


def _first(output: Any) -> Tensor:
    found: Tensor = output[0] if isinstance(output, tuple) else output
    return found


@pytest.mark.parametrize("family", EVERY)
def test_hard_and_soft_patterns_together_score_as_if_they_were_alone(
    load: Any, family: str
) -> None:
    backbone = load(family)
    # All begin with the same tokens, but in the slots of two there is something else.
    own = [
        scorer(backbone, "{a} it was {mask}"),
        scorer(backbone, "{a} it was so {mask}"),
        shaken(backbone, "{a} {soft:'it was'} {mask}", "words"),
        shaken(backbone, "{soft:2} {a} {mask}", "deep"),
        shaken(backbone, "{soft:2} {a} {mask}", "deep", mixture=3),
    ]
    if EVERY[family].takes_prefix:
        own.append(shaken(backbone, "{a} {soft:'it was'} {mask}", "prefix"))
    mixed = score_mixed([(one, chunk(one)) for one in own])
    for one, found in zip(own, mixed, strict=True):
        np.testing.assert_allclose(found, one.score(chunk(one)), atol=1e-4)
    alike = [one for one in own if one.learned.variants == 1]
    for one, found in zip(alike, score_together(alike, chunk(own[0])), strict=True):
        np.testing.assert_allclose(found, one.score(chunk(one)), atol=1e-4)


@pytest.mark.parametrize("kind", ["p-tuning", "prefix"])
@pytest.mark.parametrize("family", ["gpt2", "llama", "t5"])
def test_prompts_are_computed_in_fp32_whatever_the_precision(
    load: Any, family: str, kind: str
) -> None:
    own = scorer(load_backbone(load(family).name, "cpu", "bf16"), kind=kind)
    own.learned.unfold()
    shake(own)
    before = scores(own)
    own.learned.fold()
    np.testing.assert_array_equal(scores(own), before)


@pytest.mark.parametrize("family", ["gpt2", "mistral", "bloom"])
def test_a_prompt_is_computed_once_for_all_passes_of_a_batch(load: Any, family: str) -> None:
    own = scorer(load(family), kind="p-tuning")
    assert own.soft is not None
    calls: list[Any] = []
    handle = own.soft.register_forward_hook(lambda *call: calls.append(call))
    batches = own.batch(own.encode(chunk(own)), np.arange(len(TEXTS)))
    assert batches[1].after  # the words are spelled out, so one pass is not enough
    own.mask_states(batches)
    handle.remove()
    assert len(calls) == 1


def examples() -> list[Example]:
    return [
        Example({"a": f"the {noun} was {how}", "b": ""}, label)
        for noun in ("film", "food", "room", "train")
        for how, label in (("warm", "good"), ("cold", "bad"))
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_prompt_learns_alone_and_is_all_that_is_kept(load: Any, family: str, kind: str) -> None:
    backbone = load(family)
    frozen = {n: p.detach().clone() for n, p in backbone.model.named_parameters()}
    pvp = PVP("{soft:3} {a} it was {mask}", SPELLED)
    task = Task("toy", list(LABELS), ["a"], [pvp])
    training = TrainingConfig(max_steps=6, batch_size=4, scope="prompt", offsets="none")
    spec = PatternSpec("m", 0, pvp, 5, training, 48, soft=SoftSpec(kind))
    before = spec.scorer(LABELS, backbone).score(Chunk(backbone.tokenizer, TEXTS))
    result = train_member(backbone, spec, Work(task, Data(examples())))
    assert result.weights
    assert all(name.startswith(LEARNED) for name in result.weights)
    assert all(torch.equal(p, frozen[n]) for n, p in backbone.model.named_parameters())
    members = MemberSet(backbone, task, [spec], {"m": result.weights})
    assert not np.allclose(members.scores(TEXTS)[0], before, atol=1e-3)


def test_what_a_backbone_cannot_take_is_refused_with_what_it_can(load: Any) -> None:
    with pytest.raises(BackboneError, match="no mask token for slots") as caught:
        scorer(load("gpt2"), start="mask")
    assert "use soft='prompt-tuning' and readout='class-vectors'" in str(caught.value)
    with pytest.raises(BackboneError, match="attention in a way of its own") as caught:
        scorer(load("bloom"), kind="prefix")
    assert "soft='deep'" in str(caught.value)


def test_a_causal_run_with_slots_goes_from_the_command_line_to_a_bank(
    files: Files, tmp_path: Path
) -> None:
    folder = save_other(CAUSAL["gpt2"], tmp_path / "gpt2")
    task = tmp_path / "moods.py"
    task.write_text(
        "from pet import PVP, Task, Verbalizer\n"
        'words = Verbalizer({"negative": ["bad"], "positive": ["wonderful"]})\n'
        'pvps = [PVP("{text} It was {mask}", words)]\n'
        'task = Task("moods", ["negative", "positive"], ["text"], pvps)\n',
        "utf-8",
    )
    run, bank = tmp_path / "run", tmp_path / "bank"
    done = train(
        replace(files, task=str(task)), str(folder), run,
        "--soft", "prefix,words", "--soft-slots", 3, "--scope", "prompt",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "pattern-0-prefix" in done.out
    explained = pet("explain", run, "--text", "a warm room")
    assert explained.code == 0, explained.err
    assert "next to it at the start" in explained.out
    assert pet("bank", bank, "--add", run).code == 0
    row = b'{"task": "moods", "text": "a warm room"}\n'
    alone = pet("predict", run, "--input", "-", stdin=row)
    mixed = pet("predict", "--bank", bank, "--input", "-", stdin=row)
    assert alone.code == mixed.code == 0, alone.err + mixed.err
    expected, found = (json.loads(done.out)["probabilities"] for done in (alone, mixed))
    assert found == pytest.approx(expected, abs=1e-4)
