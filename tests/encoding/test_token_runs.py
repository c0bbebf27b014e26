"""Text is text, words are glued to what stands before them, and tokenizers that cannot be used."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from three_tokenizers import FAMILIES, LONG, SPECIAL_LITERALS, Family, bert, bpe, encode, row
from tiny import bert_tokenizer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from pet.encoding import AFTER_SPACE, Chunk, Encoder, TextTokenizer
from pet.encoding.seams import AFTER_LETTER
from pet.errors import BackboneError
from pet.task import Pattern

hostile_texts = st.lists(
    st.sampled_from([*SPECIAL_LITERALS, "good", " ", "x", "."]), min_size=1, max_size=8
).map("".join)


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
    assert (encoder.mask_before.end == " ") is after_space
    whole = tokenizer(before + word, add_special_tokens=False)["input_ids"]
    prefix = tokenizer(before.strip(), add_special_tokens=False)["input_ids"]
    assert whole[: len(prefix)] == prefix
    found = text_tokenizer.word_ids(word, encoder.mask_before)
    assert found == whole[len(prefix) :]


@pytest.mark.parametrize("family", FAMILIES)
def test_label_word_at_the_start_counts_as_standing_after_a_space(family: Family) -> None:
    _, text_tokenizer = family()
    for template in ("{mask}: {a}", "{a}{sep}{mask}, {b}"):
        encoder = Encoder(text_tokenizer, Pattern(template).parts, LONG)
        assert encoder.mask_before == AFTER_SPACE


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("piece", [".", "?", ", so", "!", "'s"])
def test_words_glued_to_a_word_have_no_mark_of_a_new_word(family: Family, piece: str) -> None:
    tokenizer, text_tokenizer = family()
    word = tokenizer("good", add_special_tokens=False)["input_ids"]
    whole = tokenizer("good" + piece, add_special_tokens=False)["input_ids"]
    assert whole[: len(word)] == word
    assert text_tokenizer.word_ids(piece, AFTER_LETTER) == whole[len(word) :]


def test_pieces_show_a_word_as_tokens() -> None:
    assert bert()[1].word_pieces("great") == ["great"]
    assert bert()[1].word_pieces("zoo") == ["z", "##o", "##o"]
    assert bpe()[1].word_pieces("great") == ["Ġgreat"]


# --- tokenizers that cannot be used -------------------------------------------------------------


@pytest.mark.parametrize("open_ended", [False, True])
def test_what_is_no_tokenizer_is_refused(open_ended: bool) -> None:
    with pytest.raises(BackboneError, match=r"no fast version(?s:.*)a masked language model"):
        TextTokenizer(object(), open_ended=open_ended)  # type: ignore[arg-type]


def test_tokenizer_without_a_mask_token_reads_plain_input_only() -> None:
    backend = Tokenizer(models.WordLevel({"<unk>": 0, "good": 1}, unk_token="<unk>"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    text_tokenizer = TextTokenizer(
        PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")
    )
    plain = Encoder.plain(text_tokenizer, ["a"], 16)
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
