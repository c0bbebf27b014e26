"""Token ids, segments and masks against the tokenizer on the whole rendered text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from three_tokenizers import (
    FAMILIES,
    LONG,
    STAND_IN,
    Family,
    bert,
    bpe,
    encode,
    row,
    segments,
    texts,
    unigram,
)

from pet.encoding import Chunk, Encoder
from pet.task.parts import input_parts

TEMPLATES = [
    "{a} It was {mask}.",
    "Just {mask}! {a}",
    "Question: how was it? Answer: it was {mask}. {a}",
    "{a}? {mask}, {b}",
    "{a}{sep}so {mask}, {b}",
    "Is it so? {mask}. {a}{sep}{b}",
    "{a} {b} Category: {mask}",
    "The film is {mask} because {a}",
    "{b}{sep}{a} Question: {b}? Answer: {mask}.",
]
BERT_TEMPLATES = [
    *TEMPLATES,
    "{a}?{sep}{mask}, {b}",
    "{mask}: {a}",
    "[ Category: {mask} ] {a}",
    "({mask}) {a}{sep}({b})",
    '"{a}"? {mask}. "{b}"',
]


def rendered(template: str, example: dict[str, str], mask: str) -> list[str]:
    for name, text in {**example, "mask": mask, "sep": "\0"}.items():
        # Braces of a text are hidden until every slot is filled.
        filled = text.replace("{", "\1").replace("}", "\2")
        template = template.replace("{" + name + "}", filled)
    return [part.replace("\1", "{").replace("\2", "}") for part in template.split("\0")]


def clean(text: str) -> bool:
    return not any(character in text for character in "\0\1\2")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(BERT_TEMPLATES), texts.filter(clean), texts.filter(clean))
def test_bert_row_is_what_its_tokenizer_makes_of_the_rendered_text(
    template: str, a: str, b: str
) -> None:
    tokenizer, text_tokenizer = bert()
    example = {"a": a, "b": b}
    expected = tokenizer(*rendered(template, example, "[MASK]"))
    encoded = encode(text_tokenizer, template, [example])
    assert row(encoded, 0) == expected["input_ids"]
    assert segments(encoded, 0) == expected["token_type_ids"]
    assert encoded.masks.tolist() == [[expected["input_ids"].index(tokenizer.mask_token_id)]]


@pytest.mark.parametrize("family", [bpe, unigram])
@settings(max_examples=100, deadline=None)
@given(template=st.sampled_from(TEMPLATES), a=texts.filter(clean), b=texts.filter(clean))
def test_row_is_the_rendered_text_with_one_of_its_words_masked(
    family: Family, template: str, a: str, b: str
) -> None:
    tokenizer, text_tokenizer = family()
    example = {"a": a, "b": b}
    stand_in = tokenizer.convert_tokens_to_ids(("Ġ" if family is bpe else "▁") + STAND_IN)
    whole = tokenizer(*rendered(template, example, STAND_IN))["input_ids"]
    assert whole.count(stand_in) == 1
    expected = [tokenizer.mask_token_id if token == stand_in else token for token in whole]
    encoded = encode(text_tokenizer, template, [example])
    assert row(encoded, 0) == expected
    assert encoded.masks.tolist() == [[whole.index(stand_in)]]
    assert encoded.segments is None


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=40, deadline=None)
@given(a=texts, b=texts)
def test_plain_input_is_what_the_tokenizer_makes_of_one_text_or_a_pair(
    family: Family, a: str, b: str
) -> None:
    tokenizer, text_tokenizer = family()
    for fields in (["a"], ["a", "b"]):
        encoder = Encoder(text_tokenizer, input_parts(fields), LONG)
        encoded = encoder.encode(Chunk(text_tokenizer, [{"a": a, "b": b}]))
        assert row(encoded, 0) == tokenizer(*[a, b][: len(fields)])["input_ids"]
        assert encoded.masks.shape == (1, 0)


def test_texts_without_tokens_leave_the_pattern_alone() -> None:
    tokenizer, text_tokenizer = bert()
    examples = [{"a": "\u200b"}, {"a": "good"}, {"a": "\x00"}]
    encoded = encode(text_tokenizer, "{a} {mask}.", examples)
    assert [tokenizer.convert_ids_to_tokens(row(encoded, number)) for number in range(3)] == [
        ["[CLS]", "[MASK]", ".", "[SEP]"],
        ["[CLS]", "good", "[MASK]", ".", "[SEP]"],
        ["[CLS]", "[MASK]", ".", "[SEP]"],
    ]
    assert encoded.masks.tolist() == [[1], [2], [1]]


def test_no_examples_make_no_rows() -> None:
    _, text_tokenizer = bert()
    encoded = encode(text_tokenizer, "{a} {mask}.", [])
    assert len(encoded) == 0
    assert list(encoded.batches(100)) == []
