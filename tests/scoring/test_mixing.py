"""Rows of different patterns and prompts in one forward pass: as if each were alone."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch
from families import FAMILIES, MAX_LENGTH, save_family
from hypothesis import given, settings
from hypothesis import strategies as st
from other_families import CAUSAL, SEQ2SEQ, save_other

from pet import PVP, Verbalizer
from pet.backbone import LanguageModel, load_backbone
from pet.device import Compute
from pet.encoding import Batch, Chunk, join, within_budget
from pet.encoding.slots import Filling, Prompt, Slots
from pet.errors import BackboneError
from pet.scoring import PVPScorer, score_mixed
from pet.scoring.soft import KINDS
from pet.scoring.soft.template import SoftSpec

MOOD = Verbalizer({"bad": ["terrible", "sad"], "good": ["great"]})
TOPIC = Verbalizer({"world": ["world"], "sports": ["sports"], "business": ["business", "news"]})
SPELLED = Verbalizer({"bad": ["dull"], "good": ["super", "great"]}, decoding="left-to-right")
ANSWER = Verbalizer({"yes": ["yes"], "no": ["no"]})
SHOWN = {"bad": [{"a": "cold food"}, {"a": "no"}], "good": [{"a": "warm"}, {"a": "yes yes"}]}
TEXTS = [
    "the film was very good but not the food",
    "zebra",
    "a cold train, a warm room and this that",
    "one two three four five " * 3,
]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Function from a family's name to its backbone on a device; each is made once."""
    made: dict[tuple[str, str], LanguageModel] = {}

    def get(name: str, device: str = "cpu") -> LanguageModel:
        if (name, device) not in made:
            folder = tmp_path_factory.mktemp("mixed") / name
            if name in FAMILIES:
                save_family(FAMILIES[name], folder, seed=4)
            else:
                save_other({**CAUSAL, **SEQ2SEQ}[name], folder)
            made[name, device] = load_backbone(str(folder), device, "fp32")
        return made[name, device]

    return get


def scorer(
    backbone: LanguageModel, pattern: str, words: Verbalizer = MOOD, kind: str = "", **more: Any
) -> PVPScorer:
    """A scorer whose prompt is nowhere near its start."""
    spec = {key: more.pop(key) for key in ("deep", "layers", "mixture") if key in more}
    soft = SoftSpec(kind, **spec) if kind else None
    labels = more.pop("labels", words.labels)
    own = PVPScorer(PVP(pattern, words), labels, backbone, MAX_LENGTH, soft=soft, **more)
    generator = torch.Generator().manual_seed(len(pattern))
    with torch.no_grad():
        for parameter in own.learned.parameters():
            noise = torch.randn(parameter.shape, generator=generator) * 0.3
            parameter.add_(noise.to(parameter))
    return own


def mixture(backbone: LanguageModel) -> list[PVPScorer]:
    """Scorers as different as they can be on a backbone."""
    if backbone.tokenizer.open_ended:
        return [
            scorer(backbone, "{a} it was {mask}"),
            scorer(backbone, "all in all {a} {mask}", TOPIC),
            scorer(backbone, "{a} {mask}", SPELLED),
            scorer(backbone, "{soft:3} {a} {mask}", TOPIC, "prompt-tuning"),
            scorer(backbone, "{a} {soft:'it was'} {mask}", SPELLED, "words"),
            scorer(backbone, "{soft:2} {a} {mask}", MOOD, "deep", mixture=3),
            scorer(backbone, "{a} {soft:3} {mask}", SPELLED, "deep", deep="add", layers="1"),
            scorer(backbone, "{soft:2} {a} {mask}", TOPIC, "p-tuning"),
            *(
                [scorer(backbone, "{soft:2} {a} it was {mask}", SPELLED, "prefix")]
                if backbone.model.config.model_type != "bloom"
                else []
            ),
        ]
    found = [
        scorer(backbone, "{a} it was {mask} ."),
        scorer(backbone, "{soft:3} {a} {mask} news", TOPIC, "prompt-tuning"),
        scorer(backbone, "{a} {soft:'it was'} {mask} {soft}", MOOD, "words"),
        scorer(backbone, "{a} all in all {mask}", SPELLED, offsets=[[0.5, -1.0]]),
        scorer(backbone, "{soft#q:2} {a} {mask} {soft#q}", TOPIC, "prompt-tuning"),
        scorer(backbone, "{a} {label} {soft:2} {mask}", ANSWER, "words", labels=("red", "one two")),
        scorer(backbone, "{soft:2} {a} {mask}", TOPIC, "prompt-tuning", readout="class-vectors"),
        scorer(backbone, "{a} {mask}", MOOD, demonstrations=SHOWN),
    ]
    if backbone.model.config.is_encoder_decoder:
        return found
    with suppress(BackboneError):  # not every architecture takes it
        found.append(scorer(backbone, "{a} {soft:2} {mask} .", TOPIC, "prefix"))
    return [
        *found,
        scorer(backbone, "{a} {mask} {soft:2}", MOOD, "p-tuning"),
        scorer(backbone, "{soft:2} {a} {mask}", MOOD, "deep"),
        scorer(backbone, "{a} {soft:2} {mask}", MOOD, "deep", mixture=3),
        scorer(backbone, "{a} {soft:3} {mask} just", TOPIC, "deep", deep="add", layers="1"),
    ]


def pairs(scorers: list[PVPScorer]) -> list[tuple[PVPScorer, Chunk]]:
    """Every scorer with texts of its own, some with one and some with several."""
    return [
        (own, Chunk(own.backbone.tokenizer, [{"a": text} for text in TEXTS[: 1 + number % 4]]))
        for number, own in enumerate(scorers)
    ]


@pytest.mark.parametrize("family", [*FAMILIES, *SEQ2SEQ, *CAUSAL])
def test_rows_of_all_kinds_score_as_if_they_were_alone(load: Any, family: str) -> None:
    own = pairs(mixture(load(family)))
    for found, (alone, chunk) in zip(score_mixed(own), own, strict=True):
        np.testing.assert_allclose(found, alone.score(chunk), atol=1e-5, rtol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("family", [*FAMILIES, *SEQ2SEQ, *CAUSAL])
def test_rows_score_mixed_on_a_gpu_as_on_a_cpu(load: Any, family: str) -> None:
    expected = score_mixed(pairs(mixture(load(family))))
    for found, own in zip(score_mixed(pairs(mixture(load(family, "cuda")))), expected, strict=True):
        np.testing.assert_allclose(found, own, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_prompt_can_stand_beside_others(load: Any, kind: str) -> None:
    bert = load("bert")
    others = [scorer(bert, "{a} it was {mask} ."), scorer(bert, "{soft} {a} {mask}", TOPIC, kind)]
    own = pairs([scorer(bert, "{soft:4} {a} {mask}", MOOD, kind), *others])
    for found, (alone, chunk) in zip(score_mixed(own), own, strict=True):
        np.testing.assert_allclose(found, alone.score(chunk), atol=1e-5, rtol=1e-5)


def test_a_batch_of_many_prompts_is_one_forward_pass(load: Any) -> None:
    bert = load("bert")
    patterns = ("{soft:3} {a} {mask}", "{a} {soft:2} {mask}", "{a} {mask} {soft}", "{a} {mask}")
    kinds = ("deep", "words", "prompt-tuning", "")
    own = [scorer(bert, *part) for part in zip(patterns, [MOOD, TOPIC] * 2, kinds, strict=True)]
    passes: list[int] = []
    handle = bert.body.register_forward_pre_hook(
        lambda _, args, kwargs: passes.append(len(kwargs["inputs_embeds"])), with_kwargs=True
    )
    score_mixed(pairs(own))
    handle.remove()
    assert passes == [1 + 2 + 3 + 4]


def test_rows_with_copies_count_as_often() -> None:
    lengths, copies = np.array([10, 30, 20, 10, 40]), np.array([1, 1, 3, 2, 1])
    found = [own.tolist() for own in within_budget(lengths, 90, copies)]
    # 40 x (1 + 1), 20 x (3 + 1), the rest; alone where nothing fits.
    assert found == [[4, 1], [2, 0], [3]]
    assert [own.tolist() for own in within_budget(lengths, 5, copies)] == [[4], [1], [2], [0], [3]]
    assert [own.tolist() for own in within_budget(lengths, 90)] == [[4, 1], [2, 0, 3]]


def test_no_pass_has_more_tokens_than_its_budget(
    load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bert = load("bert")
    monkeypatch.setattr(Compute, "token_budget", 160)
    monkeypatch.setattr(Compute, "pass_cost", 0)
    # Words of one, four and five tokens: a row is there for each of these, and each template.
    words = Verbalizer({"bad": ["bad", "dull"], "good": ["super"]}, decoding="parallel")
    own = [
        scorer(bert, "{a} {mask}", words),
        scorer(bert, "{soft:2} {a} {mask}", words, "words", mixture=3),
    ]
    sizes: list[int] = []

    def record(parts: Any) -> Any:
        sizes.append(sum(batch.ids.numel() for batch in parts))
        return plain(parts)

    plain = bert.joint_states
    monkeypatch.setattr(bert, "joint_states", record)
    score_mixed(pairs(own))
    assert len(sizes) > 1
    longest = max(own[1].encode(chunk)[5].lengths.max() for _, chunk in pairs(own))
    assert max(sizes) <= max(160, 9 * longest)  # one row at least


def test_gradients_reach_every_prompt_of_a_joined_batch_as_if_it_were_alone(load: Any) -> None:
    bert = load("bert")
    bert.weights.trainable(())
    own = pairs([part for part in mixture(bert) if part.soft is not None])

    def gradients(together: bool) -> list[torch.Tensor]:
        batches = [part.batch(part.encode(chunk), np.arange(1))[1] for part, chunk in own]
        if together:
            states = bert.joint_states(batches)
        else:
            states = [bert.mask_states(batch) for batch in batches]
        total = sum(
            part.label_scores({1: found})[0][:, 0].sum()
            for (part, _), found in zip(own, states, strict=True)
        )
        assert isinstance(total, torch.Tensor)
        parameters = (p for part, _ in own for p in part.learned.parameters())
        learned = [parameter for parameter in parameters if parameter.requires_grad]
        return list(torch.autograd.grad(total, learned))

    for found, expected in zip(gradients(True), gradients(False), strict=True):
        assert found.abs().sum() > 0
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 3)), min_size=1))
@settings(max_examples=30, deadline=None)
def test_joined_rows_are_the_rows(shapes: list[tuple[int, int, int]]) -> None:
    generator = torch.Generator().manual_seed(0)
    batches = []
    for count, length, masks in shapes:
        ids = torch.randint(1, 99, (count, length), generator=generator)
        attention = None if length % 2 else torch.randint(0, 2, ids.shape, generator=generator)
        places = torch.randint(0, length, (count, masks), generator=generator)
        slots = Slots(torch.tensor([count - 1]), torch.tensor([length - 1]), torch.tensor([0]))
        filling = Filling(slots, lambda: Prompt(torch.zeros(1, 2)))
        batches.append(Batch(ids, attention, ids % 2, places, (), (filling,)))
    whole = join(batches, pad_id=0)
    first = 0
    for batch, filling in zip(batches, whole.fillings, strict=True):
        rows = slice(first, first + len(batch.ids))
        first, length = rows.stop, batch.ids.shape[1]
        assert whole.segments is not None
        assert batch.segments is not None
        assert torch.equal(whole.ids[rows, :length], batch.ids)
        assert torch.equal(whole.segments[rows, :length], batch.segments)
        assert not whole.ids[rows, length:].any()
        real = torch.ones_like(batch.ids) if batch.attention is None else batch.attention
        seen = torch.ones_like(whole.ids) if whole.attention is None else whole.attention
        assert torch.equal(seen[rows, :length], real)
        assert not seen[rows, length:].any()
        assert torch.equal(whole.masks[rows, : batch.masks.shape[1]], batch.masks)
        assert filling.slots.rows.tolist() == [first - 1]
        assert filling.slots.columns.tolist() == [length - 1]
    assert len(whole.ids) == first


def test_a_scorer_says_where_its_rows_are_when_some_are_taken(load: Any) -> None:
    own = scorer(load("bert"), "{soft:2} {a} {mask}", MOOD, "words")
    batch = own.batch(own.encode(pairs([own] * 3)[2][1]), np.arange(3))[1]
    taken = batch.select(torch.tensor([2, 0]))
    assert taken.fillings[0].slots.rows.tolist() == [0, 0, 1, 1]
    assert taken.fillings[0].prompt is own.soft
