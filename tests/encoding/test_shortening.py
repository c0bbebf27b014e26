"""Shortened rows against naive code that handles one example at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from three_tokenizers import (
    FAMILIES,
    LONG,
    Family,
    bert,
    encode,
    lengths,
    numbered,
    row,
    segments,
    texts,
)

from pet.errors import PatternError
from pet.task import Pattern
from pet.task.parts import Field, Mask, Part, Separator, Words


def naive_row(
    tokenizer: Any, parts: Sequence[Part], example: dict[str, str], max_length: int, n_masks: int
) -> tuple[list[int], list[int], list[int]]:
    """Ids, segments and mask positions of one example of a BERT, in plain Python."""

    def ids(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    pieces: list[tuple[Part | None, list[int], int]] = [(None, [tokenizer.cls_token_id], 0)]
    segment = 0
    for part in parts:
        match part:
            case Words(words):
                pieces.append((part, ids(words), segment))
            case Field(name):
                pieces.append((part, ids(example[name]), segment))
            case Mask():
                pieces.append((part, [tokenizer.mask_token_id] * n_masks, segment))
            case Separator():
                pieces.append((part, [tokenizer.sep_token_id], segment))
                segment = 1
    pieces.append((None, [tokenizer.sep_token_id], segment))

    def soft(part: Part | None) -> bool:
        return isinstance(part, Field) and not part.keep

    # The longest fields lose one token each, together, until the row fits.
    cap = max(len(tokens) for _, tokens, _ in pieces)
    while (
        sum(min(len(tokens), cap) if soft(part) else len(tokens) for part, tokens, _ in pieces)
        > max_length
    ):
        cap -= 1
    # What is then left goes to the longest that were cut, the last of equals first.
    room = max_length - sum(
        min(len(tokens), cap) if soft(part) else len(tokens) for part, tokens, _ in pieces
    )
    cut = [at for at, (part, tokens, _) in enumerate(pieces) if soft(part) and len(tokens) > cap]
    longest_first = sorted(cut, key=lambda at: (len(pieces[at][1]), at), reverse=True)
    more = set(longest_first[:room])
    flat: list[int] = []
    kinds: list[int] = []
    masks: list[int] = []
    for at, (part, tokens, kind) in enumerate(pieces):
        kept = cap + (at in more)
        if isinstance(part, Field) and not part.keep and len(tokens) > kept:
            if part.cut == "tail":
                tokens = tokens[:kept]
            elif part.cut == "head":
                tokens = tokens[len(tokens) - kept :]
            else:
                back = kept // 2
                tokens = tokens[: kept - back] + tokens[len(tokens) - back :]
        if isinstance(part, Mask):
            masks = list(range(len(flat), len(flat) + n_masks))
        flat += tokens
        kinds += [kind] * len(tokens)
    return flat, kinds, masks


SHORTENED = [
    "{a} It was {mask}.",
    "{a:head} It was {mask}.",
    "{a:middle} It was {mask}.",
    "{a}{sep}{mask}, {b}",
    "{a:head} and {b:middle} Answer: {mask}.",
    "{b:keep} {mask}: {a}",
    "Just {mask}. {a:middle}{sep}{b:keep} Question: {a}?",
]
# Fields without a space before them, which would be a token of its own before an empty text.
SEGMENT_STARTS = [
    "{a} It was {mask}.",
    "{a:head} It was {mask}.{sep}{b}",
    "{a:middle}{sep}{b:head} Answer: {mask}.",
]


@settings(max_examples=200, deadline=None)
@given(
    template=st.sampled_from(SHORTENED),
    sizes=st.lists(st.tuples(lengths, lengths), min_size=1, max_size=6),
    max_length=st.integers(min_value=12, max_value=45),
    n_masks=st.integers(min_value=1, max_value=3),
)
def test_shortened_rows_are_those_of_naive_code(
    template: str, sizes: list[tuple[int, int]], max_length: int, n_masks: int
) -> None:
    tokenizer, text_tokenizer = bert()
    examples = [{"a": numbered(a, 0), "b": numbered(b, 3)} for a, b in sizes]
    parts = Pattern(template).parts
    bare = len(naive_row(tokenizer, parts, {"a": "", "b": ""}, LONG, n_masks)[0])
    kept = max(b for _, b in sizes) if "{b:keep}" in template else 0
    assume(bare + kept <= max_length and bare < max_length)
    encoded = encode(text_tokenizer, template, examples, max_length, n_masks)
    assert len(encoded) == len(examples)
    for number, example in enumerate(examples):
        expected = naive_row(tokenizer, parts, example, max_length, n_masks)
        found = (row(encoded, number), segments(encoded, number), encoded.masks[number].tolist())
        assert found == expected


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=60, deadline=None)
@given(
    template=st.sampled_from(SEGMENT_STARTS),
    pairs=st.lists(st.tuples(texts, texts), min_size=1, max_size=4),
    spare=st.integers(min_value=1, max_value=30),
)
def test_shortening_cuts_nothing_but_text_and_no_more_than_needed(
    family: Family, template: str, pairs: list[tuple[str, str]], spare: int
) -> None:
    _, text_tokenizer = family()
    examples = [{"a": a, "b": b} for a, b in pairs]
    nothing = [{"a": "", "b": ""}]
    bare = row(encode(text_tokenizer, template, nothing), 0)
    max_length = len(bare) + spare
    full = encode(text_tokenizer, template, examples)
    short = encode(text_tokenizer, template, examples, max_length)
    for number in range(len(examples)):
        whole, cut = row(full, number), row(short, number)
        if len(whole) <= max_length:
            assert cut == whole
            continue
        # A character of several tokens is left out as a whole, at the cut of each field.
        spare_tokens = 0 if (pairs[number][0] + pairs[number][1]).isascii() else 2 * 6
        assert max_length - spare_tokens <= len(cut) <= max_length
        assert cut[short.masks[number, 0]] == text_tokenizer.mask_id
        remaining = iter(cut)
        assert all(token in remaining for token in bare), "a fixed token was cut or moved"


@pytest.mark.parametrize(
    ("option", "kept"),
    [
        ("", "one two three four"),
        (":head", "film room train five"),
        (":middle", "one two train five"),
    ],
)
def test_the_field_says_which_end_gives_way(option: str, kept: str) -> None:
    tokenizer, text_tokenizer = bert()
    long = [{"a": "one two three four five film room train five"}]
    encoded = encode(text_tokenizer, f"{{a{option}}} {{mask}}", long, max_length=7)
    assert tokenizer.decode(row(encoded, 0)) == f"[CLS] {kept} [MASK] [SEP]"


def test_longest_field_gives_way_first() -> None:
    tokenizer, text_tokenizer = bert()
    examples = [{"a": "one two three four five film room", "b": "good bad"}]
    encoded = encode(text_tokenizer, "{a} {mask} {b}", examples, max_length=8)
    assert tokenizer.decode(row(encoded, 0)) == "[CLS] one two three [MASK] good bad [SEP]"


def test_kept_field_that_does_not_fit_is_refused() -> None:
    _, text_tokenizer = bert()
    examples = [{"a": "good"}, {"a": "one two three four five"}]
    with pytest.raises(PatternError, match=r"Example 2 of this batch: .* 1 tokens longer than 8"):
        encode(text_tokenizer, "{a:keep} It {mask}", examples, max_length=8)


def test_pattern_that_leaves_no_room_for_text_is_refused() -> None:
    _, text_tokenizer = bert()
    with pytest.raises(PatternError, match="take 7 of 7 tokens"):
        encode(text_tokenizer, "{a} It was so {mask}.", [{"a": "x"}], max_length=7)
    assert len(row(encode(text_tokenizer, "{a} It was so {mask}.", [{"a": "x y"}], 8), 0)) == 8
