"""Figures of texts, added up chunk by chunk, are those of all texts together."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import TEXTS, bert_tokenizer

from pet.encoding import Chunk, TextTokenizer
from pet.encoding.text_figures import TextFigures


@pytest.mark.parametrize("fields", [("a",), ("a", "b")])
def test_lengths_and_unknown_tokens_are_those_of_the_tokenizer(fields: tuple[str, ...]) -> None:
    own = bert_tokenizer()
    tokenizer = TextTokenizer(own)
    texts = [*TEXTS, {"a": "the 中文 film", "b": "ß"}, {"a": "中", "b": "中中"}]
    expected = [
        [own.convert_tokens_to_ids(t) for name in fields for t in own.tokenize(text[name])]
        for text in texts
    ]
    lengths = [len(ids) for ids in expected]
    figures = TextFigures(tokenizer, fields)
    for start in (0, 4):
        figures.add(Chunk(tokenizer, texts[start : start + 4]))
    assert len(figures) == len(texts)
    assert figures.tokens == sum(lengths)
    assert figures.unknown == sum(ids.count(own.unk_token_id) for ids in expected) > 0
    assert figures.unknown_share == figures.unknown / figures.tokens
    unread = [2 * ids.count(own.unk_token_id) > len(ids) for ids in expected]
    assert figures.unread == sum(unread) > 0
    assert figures.first_unread == unread.index(True) + 1
    assert figures.longest == max(lengths)
    assert figures.median == int(np.quantile(lengths, 0.5, method="lower"))
    for length in range(max(lengths) + 2):
        assert figures.longer_than(length) == sum(each > length for each in lengths)


def test_without_texts_all_figures_are_zero() -> None:
    figures = TextFigures(TextTokenizer(bert_tokenizer()), ("a",))
    assert (len(figures), figures.median, figures.longest, figures.unknown_share) == (0, 0, 0, 0)
