"""Token ids, segments, masks and batches against naive code that handles one example at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from families import byte_pairs, sentence_pieces
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tiny import bert_tokenizer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from pet.backbone import MaskedLM
from pet.encoding import Chunk, Encoded, Encoder, TextTokenizer
from pet.encoding.batches import similar_lengths
from pet.errors import BackboneError, PatternError
from pet.task import Pattern
from pet.task.pattern import Field, Mask, Part, Separator, Words, input_parts

CPU = torch.device("cpu")
LONG = 10_000
ROBERTA_SPECIAL = {
    "cls_token": "<s>",
    "pad_token": "<pad>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}

# The mask is replaced by this word where a whole rendered string is tokenised; no text has it.
STAND_IN = "phone"

FRAGMENTS = [
    "a good film", "terrible", "it's", "café", "naïve", "日本語", "🙂", "e\u0301", "x\u200by", "\t",
    "!?", "3.14", "...", "IT WAS", "{mask}", "don't", "\n", "  ", "ß", "½",
]  # fmt: skip
SPECIAL_LITERALS = ["[MASK]", "[SEP]", "[CLS]", "[PAD]", "<mask>", "</s>", "<s>", "<pad>"]
texts = (
    st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=8), min_size=1, max_size=8)
    .map(lambda parts: " ".join(parts).strip())
    .filter(lambda text: bool(text) and "▁" not in text and STAND_IN not in text)
    # Hypothesis takes texts from the code too; transformers finds these special tokens in text.
    .filter(lambda text: not any(own in text for own in [*SPECIAL_LITERALS, "[UNK]", "<unk>"]))
)
hostile_texts = st.lists(
    st.sampled_from([*SPECIAL_LITERALS, "good", " ", "x", "."]), min_size=1, max_size=8
).map("".join)


@cache
def bert() -> tuple[Any, TextTokenizer]:
    tokenizer = bert_tokenizer()
    return tokenizer, TextTokenizer(tokenizer)


@cache
def bpe() -> tuple[Any, TextTokenizer]:
    tokenizer = byte_pairs(ROBERTA_SPECIAL, 0, double=True)
    return tokenizer, TextTokenizer(tokenizer)


@cache
def unigram() -> tuple[Any, TextTokenizer]:
    tokenizer = sentence_pieces(ROBERTA_SPECIAL, 0, double=True)
    return tokenizer, TextTokenizer(tokenizer)


FAMILIES = [bert, bpe, unigram]
Family = Callable[[], tuple[Any, TextTokenizer]]


def encode(
    text_tokenizer: TextTokenizer,
    template: str,
    examples: Sequence[dict[str, str]],
    max_length: int = LONG,
    n_masks: int = 1,
) -> Encoded:
    encoder = Encoder(text_tokenizer, Pattern(template).parts, max_length, n_masks)
    return encoder.encode(Chunk(text_tokenizer, examples))


def row(encoded: Encoded, number: int) -> list[int]:
    start, end = encoded.ids.starts[number : number + 2]
    return [int(token) for token in encoded.ids.flat[start:end]]


def segments(encoded: Encoded, number: int) -> list[int]:
    assert encoded.segments is not None
    start, end = encoded.ids.starts[number : number + 2]
    return [int(segment) for segment in encoded.segments[start:end]]


# --- against the tokenizer on the whole rendered text -------------------------------------------

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


# --- shortening ---------------------------------------------------------------------------------


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
    flat: list[int] = []
    kinds: list[int] = []
    masks: list[int] = []
    for part, tokens, kind in pieces:
        if isinstance(part, Field) and not part.keep and len(tokens) > cap:
            if part.cut == "tail":
                tokens = tokens[:cap]
            elif part.cut == "head":
                tokens = tokens[len(tokens) - cap :]
            else:
                back = cap // 2
                tokens = tokens[: cap - back] + tokens[len(tokens) - back :]
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
lengths = st.integers(min_value=0, max_value=25)
number_words = ["one", "two", "three", "four", "five", "film", "room", "train"]


def numbered(length: int, offset: int) -> str:
    return " ".join(number_words[(i * i + offset) % len(number_words)] for i in range(length))


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
        # Two fields share the room evenly, so at most one token of it stays unused.
        assert max_length - 1 <= len(cut) <= max_length
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


# --- text is text -------------------------------------------------------------------------------


def test_literal_special_tokens_in_a_text_are_spelled_out() -> None:
    tokenizer, text_tokenizer = bert()
    encoded = encode(text_tokenizer, "{a} It was {mask}.", [{"a": "a [MASK] [SEP]good"}])
    tokens = tokenizer.convert_ids_to_tokens(row(encoded, 0))
    assert " ".join(tokens).replace(" ##", "") == (
        "[CLS] a [ mask ] [ sep ] good it was [MASK] . [SEP]"
    )


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=60, deadline=None)
@given(a=hostile_texts, b=hostile_texts, max_length=st.integers(min_value=14, max_value=40))
def test_no_text_makes_a_special_token(family: Family, a: str, b: str, max_length: int) -> None:
    tokenizer, text_tokenizer = family()
    template = "{a} It was {mask}.{sep}{b}"
    examples = [{"a": a, "b": b}, {"a": "good", "b": "bad"}]
    encoded = encode(text_tokenizer, template, examples, max_length)
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    rows = [[token for token in row(encoded, number) if token in special] for number in (0, 1)]
    assert rows[0] == rows[1]
    assert row(encoded, 0)[encoded.masks[0, 0]] == tokenizer.mask_token_id


def test_special_tokens_that_a_vocabulary_holds_as_words_are_unknown_in_a_text() -> None:
    # With words split at spaces "[MASK]" would be found in the vocabulary like any other word.
    ids = {word: n for n, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good"])}
    backend = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    text_tokenizer = TextTokenizer(
        PreTrainedTokenizerFast(
            tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", mask_token="[MASK]"
        )
    )
    encoded = encode(text_tokenizer, "{a} {mask}", [{"a": "good [MASK] good"}])
    assert row(encoded, 0) == [5, 1, 5, 4]


# --- words glued to what stands before them -----------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("before", "word", "after_space"),
    [("it was ", "great", True), ("it was (", "great", False), ('it was "', "good", False)],
)
def test_label_word_is_tokenised_as_in_running_text(
    family: Family, before: str, word: str, after_space: bool
) -> None:
    tokenizer, text_tokenizer = family()
    encoder = Encoder(text_tokenizer, Pattern(before + "{mask} {a}").parts, LONG)
    assert encoder.mask_after_space is after_space
    whole = tokenizer(before + word, add_special_tokens=False)["input_ids"]
    prefix = tokenizer(before.strip(), add_special_tokens=False)["input_ids"]
    assert whole[: len(prefix)] == prefix
    found = text_tokenizer.piece(word, after_space, False, encoder.mask_anchor)
    assert found == whole[len(prefix) :]


@pytest.mark.parametrize("family", FAMILIES)
def test_label_word_at_the_start_counts_as_standing_after_a_space(family: Family) -> None:
    _, text_tokenizer = family()
    for template in ("{mask}: {a}", "{a}{sep}{mask}, {b}"):
        assert Encoder(text_tokenizer, Pattern(template).parts, LONG).mask_after_space


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("piece", [".", "?", ", so", "!", "'s"])
def test_words_glued_to_a_word_have_no_mark_of_a_new_word(family: Family, piece: str) -> None:
    tokenizer, text_tokenizer = family()
    word = tokenizer("good", add_special_tokens=False)["input_ids"]
    whole = tokenizer("good" + piece, add_special_tokens=False)["input_ids"]
    assert whole[: len(word)] == word
    assert text_tokenizer.piece(piece, after_space=False, first=False) == whole[len(word) :]


def test_pieces_show_a_word_as_tokens() -> None:
    assert bert()[1].pieces("great") == ["great"]
    assert bert()[1].pieces("zoo") == ["z", "##o", "##o"]
    assert bpe()[1].pieces("great") == ["Ġgreat"]


# --- tokenizers that cannot be used -------------------------------------------------------------


def test_tokenizer_without_a_fast_backend_is_refused() -> None:
    with pytest.raises(BackboneError, match="no fast tokenizer"):
        TextTokenizer(object())


def test_tokenizer_without_a_mask_token_reads_plain_input_only() -> None:
    backend = Tokenizer(models.WordLevel({"<unk>": 0, "good": 1}, unk_token="<unk>"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    text_tokenizer = TextTokenizer(
        PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")
    )
    plain = Encoder(text_tokenizer, input_parts(["a"]), 16)
    assert row(plain.encode(Chunk(text_tokenizer, [{"a": "Good day"}])), 0) == [1, 0]
    with pytest.raises(BackboneError, match="no mask token"):
        Encoder(text_tokenizer, Pattern("{a} {mask}").parts, 16)


def test_encoding_leaves_the_callers_tokenizer_as_it_was() -> None:
    tokenizer = bert_tokenizer()
    before = tokenizer("a [MASK] b")["input_ids"]
    encode(TextTokenizer(tokenizer), "{a} {mask}", [{"a": "one [MASK] two three four"}])
    assert tokenizer("a [MASK] b")["input_ids"] == before
    assert tokenizer.mask_token_id in before


def test_truncation_set_on_the_tokenizer_does_not_cut_texts() -> None:
    tokenizer = bert_tokenizer()
    tokenizer("one two three", truncation=True, max_length=4, padding="max_length")
    encoded = encode(TextTokenizer(tokenizer), "{a} {mask}", [{"a": "one two three four five"}])
    assert len(row(encoded, 0)) == 8


# --- batches ------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.lists(lengths, min_size=1, max_size=40),
    budget=st.integers(min_value=1, max_value=200),
)
def test_batches_cover_every_row_once_within_the_token_budget(
    sizes: list[int], budget: int
) -> None:
    _, text_tokenizer = bert()
    examples = [{"a": numbered(size, 0)} for size in sizes]
    encoded = encode(text_tokenizer, "{a} {mask}.", examples)
    batches = list(encoded.batches(budget))
    assert sorted(int(number) for rows in batches for number in rows) == list(range(len(sizes)))
    row_lengths = encoded.ids.lengths
    for rows in batches:
        assert len(rows) == 1 or len(rows) * row_lengths[rows].max() <= budget
    in_order = np.concatenate(batches)
    assert (np.diff(row_lengths[in_order]) <= 0).all()


@settings(max_examples=60, deadline=None)
@given(
    pairs=st.lists(st.tuples(texts, texts), min_size=1, max_size=8),
    budget=st.integers(min_value=1, max_value=300),
)
def test_padding_changes_nothing_in_a_row(pairs: list[tuple[str, str]], budget: int) -> None:
    tokenizer, text_tokenizer = bert()
    examples = [{"a": a, "b": b} for a, b in pairs]
    encoded = encode(text_tokenizer, "{a}{sep}{mask}, {b}", examples, max_length=40, n_masks=2)
    for rows in encoded.batches(budget):
        batch = encoded.batch(rows, CPU)
        width = batch.ids.shape[1]
        assert batch.segments is not None
        for at, number in enumerate(rows.tolist()):
            own = row(encoded, number)
            padding = width - len(own)
            assert batch.ids[at].tolist() == own + [tokenizer.pad_token_id] * padding
            assert batch.segments[at].tolist() == segments(encoded, number) + [0] * padding
            assert batch.ids[at, batch.masks[at]].tolist() == [tokenizer.mask_token_id] * 2
            if batch.attention is None:
                assert padding == 0
            else:
                assert batch.attention[at].tolist() == [1] * len(own) + [0] * padding


@settings(max_examples=200, deadline=None)
@given(
    lengths=st.lists(st.integers(min_value=1, max_value=30), min_size=1, max_size=7),
    pass_cost=st.integers(min_value=0, max_value=40),
)
def test_no_split_of_rows_costs_less_than_that_by_length(
    lengths: list[int], pass_cost: int
) -> None:
    def cost(groups: Sequence[Sequence[int]]) -> int:
        return sum(pass_cost + len(own) * max(lengths[row] for row in own) for own in groups)

    def splits(rows: list[int]) -> Iterator[list[list[int]]]:  # any, also of unlike lengths
        if not rows:
            yield []
            return
        for others in splits(rows[1:]):
            yield [[rows[0]], *others]
            for number, own in enumerate(others):
                yield [*others[:number], [rows[0], *own], *others[number + 1 :]]

    groups = [own.tolist() for own in similar_lengths(np.array(lengths), pass_cost)]
    assert sorted(row for own in groups for row in own) == list(range(len(lengths)))
    assert cost(groups) == min(map(cost, splits(list(range(len(lengths))))))


@pytest.mark.parametrize("family", [bert, bpe])
def test_rows_of_a_batch_are_shortened_to_the_longest_of_them(family: Family) -> None:
    _, text_tokenizer = family()
    examples = [{"a": numbered(size, 0)} for size in (12, 3, 1, 3)]
    encoded = encode(text_tokenizer, "{a} {mask}.", examples)
    whole = encoded.batch(np.arange(4), CPU)
    groups = whole.by_length(0)
    assert [own.tolist() for own in groups] == [[0], [1, 3], [2]]
    for rows in groups:
        found, expected = whole.shortened(rows), encoded.batch(rows.numpy(), CPU)
        assert found.ids.equal(expected.ids)
        assert found.masks.equal(expected.masks)
        assert found.attention is expected.attention is None
        assert (found.segments is None) == (expected.segments is None)
    some = torch.tensor([2, 1])
    padded = encoded.batch(some.numpy(), CPU).attention
    assert padded is not None
    attention = whole.shortened(some).attention
    assert attention is not None
    assert attention.equal(padded)


def test_models_without_segments_get_none() -> None:
    _, text_tokenizer = bpe()
    encoded = encode(text_tokenizer, "{a}{sep}so {mask}", [{"a": "good"}, {"a": "a bad film"}])
    batch = encoded.batch(np.array([0, 1]), CPU)
    assert batch.segments is None
    assert batch.attention is not None


def test_rows_encoded_in_one_chunk_equal_rows_encoded_alone() -> None:
    _, text_tokenizer = bpe()
    examples = [{"a": "good"}, {"a": "a very bad film, it was"}, {"a": "zoo 🙂"}]
    together = encode(text_tokenizer, "{a:middle} So {mask}.", examples, max_length=10)
    for number, example in enumerate(examples):
        alone = encode(text_tokenizer, "{a:middle} So {mask}.", [example], max_length=10)
        assert row(together, number) == row(alone, 0)
        assert together.masks[number].tolist() == alone.masks[0].tolist()


def test_states_at_the_masks_do_not_depend_on_the_batch(tiny_bert: str) -> None:
    backbone = MaskedLM.load(tiny_bert, "cpu", "fp32")
    examples = [{"a": numbered(size, size)} for size in (1, 9, 20, 4)]
    encoded = encode(backbone.tokenizer, "{a} It was {mask}.", examples, max_length=18)
    with torch.inference_mode():
        together = backbone.mask_states(encoded.batch(np.arange(4), CPU))
        for number in range(4):
            alone = backbone.mask_states(encoded.batch(np.array([number]), CPU))
            torch.testing.assert_close(together[number], alone[0], atol=1e-5, rtol=1e-4)
