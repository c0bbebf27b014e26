"""Documents of many files, the held-out part, packing, and the shuffle buffer."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from families import FAMILIES
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import WORDS, bert_tokenizer

from pet.adaptation import Source
from pet.adaptation.corpus import Corpus
from pet.adaptation.packing import ASKED, STARTS, Packer, RowStream, unmarked
from pet.data.documents import documents_from
from pet.encoding import AFTER_SPACE, TextTokenizer
from pet.encoding.seams import START
from pet.errors import DataError

TOKENIZER = TextTokenizer(bert_tokenizer())
CLS, SEP, MASK, UNK = 2, 3, 4, 1
KNOWN = [word for word in WORDS if word.isalpha()]
documents = st.lists(st.sampled_from(KNOWN), min_size=1, max_size=12).map(" ".join)


def source(texts: list[str], name: str = "texts") -> Source:
    return Source(name, lambda: iter(texts))


def numbered(count: int) -> list[str]:
    return [f"film {number}" for number in range(count)]


def ids(text: str) -> list[int]:
    return [int(number) for number in TOKENIZER.texts([text]).flat]


# Files


def test_every_format_gives_the_same_documents(tmp_path: Path) -> None:
    texts = ["a good film", "two, three", "cold food"]
    lines = "".join(f"{text}\n\n" for text in texts)
    (tmp_path / "a.txt").write_text(lines, "utf-8")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "c.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    (tmp_path / "d.csv").write_text("n,text\n" + "".join(f'1,"{t}"\n' for t in texts))
    (tmp_path / "e.tsv.gz").write_bytes(gzip.compress(("text\n" + "\n".join(texts)).encode()))
    for name in ("a.txt", "b.txt.gz", "c.jsonl", "d.csv", "e.tsv.gz"):
        assert list(documents_from(tmp_path / name)) == texts, name


def test_a_paragraph_that_never_ends_is_cut(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a line of text\n" * 20_000, "utf-8")
    found = list(documents_from(tmp_path / "a.txt", paragraphs=True))
    assert " ".join(found) == " ".join(["a line of text"] * 20_000)
    assert max(map(len, found)) < 50_100


def test_paragraphs_join_lines_up_to_a_blank_one(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n\n\n three\nfour", "utf-8")
    assert list(documents_from(tmp_path / "a.txt", paragraphs=True)) == ["one two", "three four"]


def test_rows_without_text_are_passed_over_and_numbers_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": ""}\n{"text": null}\n{"text": "so"}\n', "utf-8")
    assert list(documents_from(file)) == ["so"]
    file.write_text('{"text": "so"}\n{"text": 3}\n', "utf-8")
    with pytest.raises(DataError, match="row 2, column 'text': expected text, found 3"):
        list(documents_from(file))
    file.write_text('{"text": "\\ud83d"}\n', "utf-8")
    with pytest.raises(DataError, match="half of a surrogate pair"):
        list(documents_from(file))


def test_an_unknown_column_is_named_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,review\n1,good\n", "utf-8")
    with pytest.raises(
        DataError, match=r"no column 'text'; found 'n', 'review'.(?s:.*)column=COLUMN"
    ):
        list(documents_from(tmp_path / "a.csv"))


# The held-out part


@settings(deadline=None)
@given(st.lists(documents, min_size=2, max_size=60), st.integers(1, 8), st.integers(0, 5))
def test_held_out_and_training_documents_are_all_documents_and_share_none(
    texts: list[str], held_out: int, seed: int
) -> None:
    if len(set(texts)) < 2:
        return
    corpus = Corpus([source(texts)], held_out, seed)
    kept, rest = list(corpus.held_out()), list(corpus.epoch(0))
    assert Counter(kept) + Counter(rest) == Counter(texts)
    assert not set(kept) & set(rest)
    counts = Counter(texts)
    assert 1 <= len(set(kept)) <= min(held_out, len(counts) - 1)
    # A tenth of all, or one text where each is more than that; and no fewer than have room.
    assert len(kept) <= len(texts) // 10 or len(set(kept)) == 1
    assert len(set(kept)) == min(held_out, len(counts) - 1) or (
        len(kept) + max(counts.values()) > len(texts) // 10
    )


def test_the_held_out_part_depends_on_the_seed_alone() -> None:
    def chosen(order: list[str], seed: int) -> set[str]:
        return set(Corpus([source(order)], 20, seed).held_out())

    texts = numbered(300)
    assert chosen(texts, 1) == chosen(texts[::-1], 1)
    assert chosen(texts, 1) != chosen(texts, 2)
    assert chosen(texts, 1) != set(texts[:20])


def test_texts_that_are_repeated_do_not_fill_the_held_out_part() -> None:
    often = ["N/A"] * 900 + numbered(100)
    for texts in (often, [f"answer {number % 60}" for number in range(1000)]):
        for seed in range(5):
            kept = list(Corpus([source(texts)], 500, seed).held_out())
            assert 1 <= len(kept) <= 100
            assert "N/A" not in kept


def test_nothing_held_out_when_none_is_asked_for() -> None:
    corpus = Corpus([source(["a film"])], 0, 0)
    assert list(corpus.held_out()) == []
    assert list(corpus.epoch(0)) == ["a film"]


def test_one_document_cannot_be_parted_and_an_empty_source_is_named() -> None:
    with pytest.raises(DataError, match=r"one document only(?s:.*)held_out=0"):
        Corpus([source(["a film", "a film"])], 5, 0)
    with pytest.raises(DataError, match=r"nothing.txt: there is no text"):
        Corpus([source(["a"]), source([], "nothing.txt")], 0, 0)


def test_long_documents_are_cut() -> None:
    corpus = Corpus([source(["x" * 120_000])], 0, 0)
    assert [len(text) for text in corpus.epoch(0)] == [50_000, 50_000, 20_000]


def test_sources_are_mixed_evenly_and_can_be_entered_anywhere() -> None:
    parts = [
        source([f"{name} {n}" for n in range(size)]) for name, size in (("a", 300), ("b", 100))
    ]
    parts += [source([f"c {n}"]) for n in range(90)]  # more than may be open at once
    corpus = Corpus(parts, 0, 3)
    everything = list(corpus.epoch(2))
    assert sorted(everything) == sorted(text for part in parts for text in part.read())
    assert everything != list(corpus.epoch(3))
    assert list(corpus.epoch(2, 217)) == everything[217:]
    two = list(Corpus(parts[:2], 0, 3).epoch(0))
    for quarter in range(4):
        share = Counter(text[0] for text in two[quarter * 100 :][:100])
        assert 55 <= share["a"] <= 95


# Packing


def test_packing_golden() -> None:
    packer = Packer(TOKENIZER, 8)
    corpus = Corpus([source(["the film was good", "a cold room", "it is so"])], 0, 0)
    rows = RowStream(corpus, packer, 3)
    texts = list(corpus.epoch(0)) + list(corpus.epoch(1))
    flat = [number for text in texts for number in [*ids(text), SEP]]
    golden = [[CLS, *flat[at : at + 6], SEP] for at in (0, 6)]
    assert rows.buffer[:2, 0].tolist() == golden
    assert rows.buffer[:, 1].all()


@settings(deadline=None)
@given(st.lists(documents, min_size=1, max_size=30), st.integers(4, 20))
def test_packed_rows_hold_every_token_once_in_order(texts: list[str], length: int) -> None:
    packer = Packer(TOKENIZER, length)
    rows = packer.sample(iter(texts), 10_000, 0)
    inside: list[int] = []
    for start, end in zip(rows.starts, rows.starts[1:], strict=False):
        row = rows.flat[start:end].tolist()
        assert len(row) <= length
        assert row[0] == CLS
        assert row[-1] == SEP
        inside += row[1:-1]
    expected = [number for text in texts for number in [*ids(text), SEP]]
    assert [n for n in inside if n != SEP] == [n for n in expected if n != SEP]


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_of_every_family_look_as_its_tokenizer_makes_them(family: str) -> None:
    hf = FAMILIES[family].tokenizer()
    text = "the film was good"
    packer = Packer(TextTokenizer(hf), 64)
    row = packer.sample(iter([text]), 1, 0).flat.tolist()
    expected = hf(text)["input_ids"]
    assert row == [
        *expected[:-1],
        expected[-1],
        expected[-1],
    ]  # the end of the document, of the row


def test_a_sample_is_bounded_seeded_and_even() -> None:
    packer = Packer(TOKENIZER, 5)
    texts = [f"{word} {word}" for word in KNOWN]  # one row each, with its separator
    counts: Counter[int] = Counter()
    for seed in range(60):
        rows = packer.sample(iter(texts), 7, seed)
        assert len(rows.starts) == 8
        counts.update(rows.flat.tolist())
    assert (
        packer.sample(iter(texts), 7, 3).flat.tolist()
        == packer.sample(iter(texts), 7, 3).flat.tolist()
    )
    assert len(set(counts) - {CLS, SEP}) == len(KNOWN)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(KNOWN)), max_size=8))
def test_marked_words_are_taken_out_and_found_again(words: list[tuple[bool, str]]) -> None:
    text = " ".join(f"{{mask:{word}}}" if marked else word for marked, word in words)
    plain, spans = unmarked(text)
    assert plain == " ".join(word for _, word in words)
    assert [plain[start:end] for start, end in spans] == [w for marked, w in words if marked]


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("name", ["bert", "roberta", "deberta-v2"])
def test_all_tokens_of_a_marked_word_are_asked_for(name: str, words: bool, tmp_path: Path) -> None:
    # "zebra" is in no tiny vocabulary: it is spelled out.
    tokenizer = TextTokenizer(FAMILIES[name].tokenizer())
    texts = ["it was {mask:zebra}, and so good", "{mask:good} food", "no mark"]
    tokens = Packer(tokenizer, 64, words, cloze=True).tokens(texts)
    plain = Packer(tokenizer, 64, words).tokens(
        ["it was zebra, and so good", "good food", "no mark"]
    )
    np.testing.assert_array_equal(tokens[0], plain[0])
    np.testing.assert_array_equal(tokens[1] & STARTS, plain[1])
    asked = tokens[0, tokens[1] & ASKED > 0]
    (zebra, good) = (tokenizer.texts([text], before).flat
                     for text, before in (("zebra", AFTER_SPACE), ("good", START)))  # fmt: skip
    np.testing.assert_array_equal(asked, [*zebra, *good])


def test_word_starts_are_the_tokenizers_own() -> None:
    tokens = Packer(TOKENIZER, 32, words=True).tokens(["the zoo, good", "ox"])
    names = bert_tokenizer().convert_ids_to_tokens(tokens[0].tolist())
    assert names == ["the", "z", "##o", "##o", ",", "good", "[SEP]", "o", "##x", "[SEP]"]
    assert tokens[1].tolist() == [1, 1, 0, 0, 1, 1, 1, 1, 0, 1]


# The stream


def stream(count: int = 400, buffer: int = 16, seed: int = 0, **more: object) -> RowStream:
    corpus = Corpus([source(numbered(count))], 0, seed)
    return RowStream(corpus, Packer(TOKENIZER, 8), buffer, **more)  # type: ignore[arg-type]


def test_the_buffer_is_bounded_by_its_size_and_by_the_text() -> None:
    assert len(stream(buffer=16).buffer) == 16
    tokens = sum(len(ids(text)) + 1 for text in numbered(20))
    assert len(stream(count=20, buffer=10_000).buffer) == tokens // 6
    assert len(stream(count=1, buffer=10_000).buffer) == 1


def test_the_stream_is_seeded_shuffled_and_exact_from_any_place() -> None:
    def drawn(rows: RowStream, count: int, first: int = 0) -> list[list[int]]:
        return [
            row
            for number in range(first, first + count)
            for row in rows.draw(4, np.random.default_rng(number))[:, 0].tolist()
        ]

    whole = drawn(stream(), 60)
    assert drawn(stream(), 60) == whole
    assert drawn(stream(), 60, 1) != whole
    plain = stream(buffer=1)
    assert whole[:16] != drawn(plain, 4)
    for stop in (1, 17, 40):  # the text ends and begins again in between
        rows = stream()
        drawn(rows, stop)
        state = {name: array.copy() for name, array in rows.state().items()}
        assert drawn(stream(state=state), 60 - stop, stop) == whole[4 * stop :]


def test_memory_does_not_grow_with_the_text() -> None:
    def endless() -> Iterator[str]:
        return (f"film {number} was {number * 7919 % 10007}" for number in range(40_000))

    corpus = Corpus([Source("endless", endless)], 10, 0)
    rows = RowStream(corpus, Packer(TOKENIZER, 32), 32)
    rows.draw(32, np.random.default_rng(0))
    tracemalloc.start()
    for number in range(30):
        rows.draw(32, np.random.default_rng(number))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows.buffer.nbytes == 32 * 2 * 32 * 4
    assert peak < 2_000_000


def test_text_of_which_nothing_is_known_is_refused() -> None:
    corpus = Corpus([source(["中文", "日本"] * 4)], 0, 0)
    with pytest.raises(DataError, match="knows no token of the text"):
        RowStream(corpus, Packer(TOKENIZER, 8), 4)


def test_rows_without_a_known_token_are_left_out() -> None:
    texts = ["中 " * 50] * 8 + ["a good film"] + ["中 " * 50] * 8
    packer = Packer(TOKENIZER, 8)
    rows = RowStream(Corpus([source(texts)], 0, 0), packer, 4)
    assert all(packer.has_text(row) for row in islice(rows.draw(8, np.random.default_rng(0)), 8))
