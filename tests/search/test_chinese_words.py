"""Label words of Chinese: characters and pairs of characters, of which most words are made."""

from __future__ import annotations

import math

import pytest
import torch
from chinese import CHARACTERS

from pet import PVP, Example, Task, Verbalizer
from pet.backbone import LanguageModel, load_backbone
from pet.config import WordSearchConfig
from pet.encoding import Chunk, Encoder
from pet.scoring.soft.starts import common_tokens
from pet.search.pairs import frequent_pairs
from pet.search.verbalize import find_words
from pet.search.vocabulary import mask_encoder, mask_states

GOOD = ["房间很干净，服务热情", "早餐丰富，位置方便", "非常满意，下次再来", "床很舒服，安静"]
BAD = ["房间又脏又旧", "服务态度很差，不会再来", "空调坏了没人修", "早餐很冷，价格太贵"]
EXAMPLES = [Example({"text": text}, "好评") for text in GOOD]
EXAMPLES += [Example({"text": text}, "差评") for text in BAD]
GIVEN = Verbalizer({"好评": ["好"], "差评": ["差"]})
TASK = Task(
    "酒店评价",
    ["差评", "好评"],
    ["text"],
    [PVP("{text}总之，很{mask}。", GIVEN), PVP("“{text}”——这家酒店{mask}！", GIVEN)],
)


@pytest.fixture(scope="module")
def chinese(chinese_bert: str) -> LanguageModel:
    return load_backbone(chinese_bert, "cpu", "fp32")


def words(backbone: LanguageModel, texts: list[Example], **config: int | str) -> set[str]:
    settings = WordSearchConfig(**{"words": 1000, **config})  # type: ignore[arg-type]
    found = find_words(backbone, TASK, texts, settings)[None]
    return {word for own in found.verbalizer.words.values() for word in own}


@pytest.mark.parametrize("search", ["petal", "lm-bff"])
def test_characters_and_pairs_of_the_texts_are_proposed(
    chinese: LanguageModel, search: str
) -> None:
    found = words(chinese, EXAMPLES, search=search, candidates=2000)
    assert all(word.isalpha() and not (word.isascii() and len(word) == 1) for word in found)
    if search == "petal":
        assert set(CHARACTERS) <= found
        # Also the labels' own names, which no text has.
        assert {"满意", "干净", "早餐", "好评", "差评", "good"} <= found
        assert not {"净服", "富位"} & found  # punctuation stands between them


def test_texts_of_another_language_find_no_characters(chinese: LanguageModel) -> None:
    english = [Example({"text": f"it was {word}"}, label) for word, label in
               (("good", "好评"), ("bad", "差评"))]  # fmt: skip
    assert words(chinese, english) == {"ai", "app", "good", "bad", "it", "was", "great"}


@torch.no_grad()
def test_a_pair_scores_as_two_masks_say(chinese: LanguageModel) -> None:
    config = WordSearchConfig(words=1000, candidates=2000)
    by_label = find_words(chinese, TASK, EXAMPLES, config, patterns=[0])[None].scores
    vocabulary = chinese.hf_tokenizer.get_vocab()
    encoder = Encoder(chinese.tokenizer, TASK.pvps[0].pattern.parts, 128, n_masks=2)
    chunk = Chunk(chinese.tokenizer, [example.texts for example in EXAMPLES])
    states = mask_states(chinese, encoder, chunk)
    logs = chinese.vocabulary_logits(states).log_softmax(-1).double()
    pair = "满意"
    (label,) = (label for label, found in by_label.items() if pair in found)
    both = logs[:, 0, vocabulary[pair[0]]] + logs[:, 1, vocabulary[pair[1]]]
    odds = [float(q) - math.log1p(-math.exp(float(q))) for q in both]
    difference = (sum(odds[:4]) - sum(odds[4:])) / 4
    assert by_label[label][pair] == pytest.approx(abs(difference), rel=1e-4)
    assert (label == "好评") is (difference > 0)


def test_the_given_mask_is_read_with_one_token_and_with_two(chinese: LanguageModel) -> None:
    chunk = Chunk(chinese.tokenizer, [example.texts for example in EXAMPLES])
    for masks in (1, 2):
        states = mask_states(chinese, mask_encoder(TASK.pvps[0], chinese, 64, masks), chunk)
        assert states.shape == (len(EXAMPLES), masks, 32)
        assert torch.isfinite(states).all()


def test_pairs_that_stand_together_oftener_than_by_chance_come_first() -> None:
    texts = ["很满意", "满意了", "不满意", "很好了", "很不好", "了很好"]
    assert frequent_pairs(texts)[0] == "满意"
    assert frequent_pairs(["満意good好好", "a b", ""], 5) == ["好好", "満意"]
    assert len(frequent_pairs(texts, 3)) == 3


def test_soft_slots_start_as_common_characters_where_these_are_the_words(
    chinese: LanguageModel, tiny_bert: str
) -> None:
    names = chinese.hf_tokenizer.convert_ids_to_tokens(common_tokens(chinese.tokenizer))
    assert names[:4] == ["的", "一", "是", "在"]
    assert "good" in names
    assert not {"a", "x", "5", "の", "，"} & set(names)
    mini = load_backbone("pet-mini", "cpu", "fp32")
    english = mini.hf_tokenizer.convert_ids_to_tokens(common_tokens(mini.tokenizer))
    assert all(len(word) > 1 for word in english)
