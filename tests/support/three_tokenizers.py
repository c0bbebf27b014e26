"""Three kinds of tokenizer, texts for them, and the rows that encoding makes of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from families import byte_pairs, sentence_pieces
from hypothesis import strategies as st
from tiny import bert_tokenizer

from pet.encoding import Chunk, Encoded, Encoder, TextTokenizer
from pet.task import Pattern

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


lengths = st.integers(min_value=0, max_value=25)
number_words = ["one", "two", "three", "four", "five", "film", "room", "train"]


def numbered(length: int, offset: int) -> str:
    return " ".join(number_words[(i * i + offset) % len(number_words)] for i in range(length))
