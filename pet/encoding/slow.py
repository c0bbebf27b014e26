"""Slow tokenizers: those in Python only, such as Japanese BERT's, read as if they were fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SlowEncoding:
    """A text's tokens, with what `tokenizers.Encoding` tells of them."""

    ids: list[int]
    offsets: list[tuple[int, int]]
    word_ids: list[int | None]


class SlowTokenizer:
    """A tokenizer of transformers with the part of `tokenizers.Tokenizer` that encoding needs.

    Such tokenizers do not say where in the text a token stands. It is looked for: tokens that are
    not found, such as unknown ones, stand between their neighbours.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
        A tokenizer without a fast version.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def encode(self, text: str, add_special_tokens: bool = False) -> SlowEncoding:
        """Return the tokens of a text; special tokens are never added."""
        tokens = self._tokenizer.tokenize(text, split_special_tokens=True)
        ids = list(self._tokenizer.convert_tokens_to_ids(tokens))
        goes_on = [
            token.startswith("##") or (at > 0 and tokens[at - 1].endswith("@@"))
            for at, token in enumerate(tokens)
        ]
        words: list[int | None] = []
        word = -1
        for is_more in goes_on:
            word += not is_more or word < 0
            words.append(word)
        return SlowEncoding(ids, _places(text, [_bare(token) for token in tokens]), words)

    def encode_batch(
        self, texts: Sequence[str], add_special_tokens: bool = False
    ) -> list[SlowEncoding]:
        """Return the tokens of several texts."""
        return [self.encode(text) for text in texts]

    encode_batch_fast = encode_batch

    def decode_batch(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Return the text of each row of tokens, without special tokens."""
        return [str(self._tokenizer.decode(list(row), skip_special_tokens=True)) for row in rows]

    def id_to_token(self, token: int) -> str:
        """Return a token as text."""
        return str(self._tokenizer.convert_ids_to_tokens(token))


def _bare(token: str) -> str:
    """Return a token without the marks of subwords."""
    return token.removeprefix("##").removesuffix("@@").removesuffix("</w>").lower()


def _places(text: str, tokens: Sequence[str]) -> list[tuple[int, int]]:
    """Return where tokens stand in a text, (start, end) each."""
    # A few letters become two in lower case; places must stay those of the text.
    lower = "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)
    found: list[tuple[int, int] | None] = []
    at = 0
    for token in tokens:
        start = lower.find(token, at) if token else -1
        # What is far away is another one like it, behind an unknown token.
        if start < 0 or (text[at:start].strip() and found and found[-1] is not None):
            found.append(None)
            continue
        at = start + len(token)
        found.append((start, at))
    places: list[tuple[int, int]] = []
    for number, place in enumerate(found):
        if place is None:
            start = places[-1][1] if places else 0
            end = next((later[0] for later in found[number:] if later), len(text))
            gap = text[start:end]
            start += len(gap) - len(gap.lstrip())
            place = (start, max(start, start + len(gap.strip())))
        places.append(place)
    return places
