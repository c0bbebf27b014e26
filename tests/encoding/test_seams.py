"""Seams: the tokens of a filled pattern are those of the filled text, wherever no word is cut."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from chinese import chinese_tokenizer
from families import byte_pairs
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from three_tokenizers import LONG, ROBERTA_SPECIAL, Family, bert, bpe, row, unigram

from pet.encoding import Chunk, Encoder, TextTokenizer
from pet.encoding.seams import tail
from pet.task import Pattern
from pet.task.parts import Field, Words

WORDS = [
    "总之，", "5分制：", "AI新闻", "AI", "。", " ", "  ", "\n", "\n\n", "\t", " It was ", ": ",
    " (", ") ", "s ", "です。", "은 ", " x5", "Review: ", "\nSentiment: ", " — ", "'s ", "ok\n  ",
    " {{}} ", "，", "新闻",
]  # fmt: skip
TEXTS = [
    "很好", "这酒店", "good", "AI", "5", "！", "です", "서울", "ดี", "مرحبا بك", "e\u0301", "😀",
    "👩\u200d👧", "x\ny", "a  b", "...", "魔", "was it", "(", "3.14", "नमस्ते", "שלום", "🇩🇪",
]  # fmt: skip
ANSWERS = ["good", "好", "很差", "5", "AI", "です", "은", "great", "!"]


@cache
def chinese() -> tuple[Any, TextTokenizer]:
    tokenizer = chinese_tokenizer()
    return tokenizer, TextTokenizer(tokenizer)


@cache
def gpt2() -> tuple[Any, TextTokenizer]:
    tokenizer = byte_pairs({**ROBERTA_SPECIAL, "bos_token": "<s>"}, 0, double=False)
    return tokenizer, TextTokenizer(tokenizer, open_ended=True)


def filled(template: str, example: dict[str, str], answer: str) -> tuple[str, list[int]]:
    """The text of a pattern with its texts and its label word, and where pieces meet."""
    text, seams = "", []
    for part in Pattern(template).parts:
        match part:
            case Words(words):
                text += words
            case Field(name):
                text += example[name]
            case _:
                text += answer
        seams.append(len(text))
    return text, seams[:-1]


def row_with(
    text_tokenizer: TextTokenizer,
    template: str,
    example: dict[str, str],
    answer: str,
    max_length: int = LONG,
) -> list[int]:
    """The row of an example, with the tokens of the label word at the mask."""
    encoder = Encoder(text_tokenizer, Pattern(template).parts, max_length, answer=answer)
    encoded = encoder.encode(Chunk(text_tokenizer, [example]))
    ids, at = row(encoded, 0), int(encoded.masks[0, 0])
    word = text_tokenizer.word_ids(answer, encoder.mask_before)
    return ids[: at + 1] + word if text_tokenizer.open_ended else ids[:at] + word + ids[at + 1 :]


def cuts_no_word(tokenizer: Any, text: str, seams: list[int], by_token: bool) -> bool:
    """Whether no word of the tokenizer, or no token, runs over a seam; a blank before it may."""
    encoding = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
    spans: dict[int, list[int]] = {}
    for number, (word, (start, end)) in enumerate(
        zip(encoding.word_ids, encoding.offsets, strict=True)
    ):
        span = spans.setdefault(number if by_token else word, [start, end])
        span[:] = [min(span[0], start), max(span[1], end)]
    return all(
        not start < seam < end or text[start:seam].isspace()
        for seam in seams
        for start, end in spans.values()
    )


words = st.sampled_from(WORDS)
fields = st.sampled_from(["{a}", "{b}"])
more = st.lists(st.tuples(fields, words).map("".join) | words, max_size=2).map("".join)
field_texts = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3).map(
    lambda parts: "".join(parts).strip()
)


@pytest.mark.parametrize("family", [chinese, bert, bpe, unigram, gpt2])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data(), a=field_texts, b=field_texts, answer=st.sampled_from(ANSWERS))
def test_a_row_is_what_the_tokenizer_makes_of_the_filled_text(
    family: Family, data: st.DataObject, a: str, b: str, answer: str
) -> None:
    tokenizer, text_tokenizer = family()
    parts = (st.just("") | words, fields, words, more, st.just("{mask}"), words, more)
    template = "".join(data.draw(st.tuples(*parts)))
    # White space at the start and the end of a segment is dropped.
    template = template.strip()
    if text_tokenizer.open_ended:
        template = template[: template.index("{mask}")] + "{mask}"
    example = {"a": a, "b": b}
    text, seams = filled(template, example, answer)
    # A field behind the mask begins a word of its own.
    assume("{mask}{" not in template or not a[:1].isalnum())
    assume(cuts_no_word(tokenizer, text, seams, by_token=family is unigram))
    assume(family is not unigram or not set("\n\t") & set(template))
    expected = tokenizer(text)["input_ids"]
    if text_tokenizer.open_ended:
        expected = expected[:-1]
    assert row_with(text_tokenizer, template, example, answer) == expected


# --- beside Chinese characters ------------------------------------------------------------------


def shown(family: Family, template: str, text: str, answer: str, max_length: int = LONG) -> str:
    """The tokens of a row with its label word."""
    tokenizer, text_tokenizer = family()
    ids = row_with(text_tokenizer, template, {"text": text}, answer, max_length)
    return " ".join(tokenizer.convert_ids_to_tokens(ids))


@pytest.mark.parametrize(
    ("template", "text", "answer", "expected"),
    [
        ("{text}AI新闻：{mask}", "很好", "好", "很 好 ai 新 闻 ： 好"),
        ("{text}5分制：{mask}", "很好。", "好", "很 好 。 5 分 制 ： 好"),
        ("{text}5分制：{mask}", "魔", "好", "[UNK] 5 分 制 ： 好"),
        ("这是{text}app，{mask}", "好", "好", "这 是 好 app ， 好"),
        ("{text}{mask}", "很好。", "good", "很 好 。 good"),
        ("{text}{mask}", "很好", "5", "很 好 5"),
        ("很{mask}5分，{text}", "好", "好", "很 好 5 分 ， 好"),
        ("AI{text}：{mask}", "app很好", "好", "ai ##app 很 好 ： 好"),
        ("{text}{text}：{mask}", "a好", "好", "a 好 a 好 ： 好"),
        ("{text}{text}：{mask}", "好a", "好", "好 a 好 a ： 好"),
    ],
)
def test_letters_and_digits_beside_chinese_characters_start_a_word(
    template: str, text: str, answer: str, expected: str
) -> None:
    assert shown(chinese, template, text, answer) == f"[CLS] {expected} [SEP]"


@pytest.mark.parametrize(
    ("template", "text", "answer", "expected"),
    [
        ("{text}5分：{mask}", "AI", "好", "ai ##5 分 ： 好"),
        ("{text}です{mask}", "すし", "好", "す ##し ##で ##す 好"),
        ("{text}です{mask}", "好", "好", "好 で ##す 好"),
        ("{text}은 {mask}", "서울", "好", "서 ##울 ##은 好"),
        ("{mask}です。{text}", "好", "いい", "い ##い ##で ##す 。 好"),
        ("{mask}です。{text}", "好", "好", "好 で ##す 。 好"),
        ("{text}{text}：{mask}", "a", "好", "a ##a ： 好"),
    ],
)
def test_a_piece_in_the_middle_of_a_word_goes_on_with_it(
    template: str, text: str, answer: str, expected: str
) -> None:
    assert shown(chinese, template, text, answer) == f"[CLS] {expected} [SEP]"


def test_every_row_has_the_words_that_follow_its_own_text_even_if_shortened() -> None:
    _, text_tokenizer = chinese()
    rows = [{"a": "很好"}, {"a": "ai"}, {"a": ""}, {"a": "房间ai"}, {"a": "ai很"}]
    encoder = Encoder(text_tokenizer, Pattern("：{a}5分{mask}").parts, 9)
    encoded = encoder.encode(Chunk(text_tokenizer, rows))
    names = [" ".join(chinese()[0].convert_ids_to_tokens(row(encoded, n))) for n in range(5)]
    assert names == [
        "[CLS] ： 很 好 5 分 [MASK] [SEP]",
        "[CLS] ： ai ##5 分 [MASK] [SEP]",
        "[CLS] ： 5 分 [MASK] [SEP]",
        "[CLS] ： 房 间 ai ##5 分 [MASK] [SEP]",
        "[CLS] ： ai 很 5 分 [MASK] [SEP]",
    ]
    assert encoded.masks[:, 0].tolist() == [6, 5, 4, 7, 6]
    short = Encoder(text_tokenizer, Pattern("：{a}5分{mask}").parts, 7)
    encoded = short.encode(Chunk(text_tokenizer, rows))
    assert [" ".join(chinese()[0].convert_ids_to_tokens(row(encoded, n))) for n in (3, 4)] == [
        "[CLS] ： 房 5 分 [MASK] [SEP]",
        "[CLS] ： ai ##5 分 [MASK] [SEP]",
    ]


def test_a_text_with_a_thousand_accents_costs_no_more_than_another() -> None:
    assert len(tail("e" + "\u0301" * 10_000)) < 10
    assert tail("") == ""
    assert tail("cafe\u0301") == "e\u0301"


# --- line breaks and blanks ---------------------------------------------------------------------


@pytest.mark.parametrize("family", [gpt2, bpe])
@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Review: {text}\nSentiment: {mask}", "Review: good food\nSentiment: great"),
        ("Review:\n{text}\n\n{mask}", "Review:\ngood food\n\ngreat"),
        ("Review:\t{text}  It  was {mask}", "Review:\tgood food  It  was great"),
        ("Q:\n\n{text} \n A: {mask}", "Q:\n\ngood food \n A: great"),
        # As before: none at the start of a segment or at its end.
        ("\n {text} is {mask}", "good food is great"),
    ],
)
def test_line_breaks_and_blanks_reach_models_whose_tokenizers_keep_them(
    family: Family, template: str, expected: str
) -> None:
    tokenizer, text_tokenizer = family()
    ids = row_with(text_tokenizer, template, {"text": "good food"}, "great")
    assert tokenizer.decode(ids, skip_special_tokens=True) == expected
    plain = tokenizer(expected)["input_ids"]
    assert ids == (plain[:-1] if text_tokenizer.open_ended else plain)


# White space stands for each "#".
EDGES = [
    "{mask}: {text}#", "{text} It was {mask}#", "{text} It was {mask}.#", "#{mask} {text}#",
    "{text}#{sep}It was {mask}.", "{text}#{sep}#{mask}", "{text} {text}#{sep}#{mask}.#",
    "It was {mask}#{sep}#{text}#", "{mask}#{sep}{text}.", "Good.#{sep}{text} {mask}",
    "#{sep}{text} {mask}",
]  # fmt: skip


@pytest.mark.parametrize("family", [chinese, bert, bpe, unigram, gpt2])
@pytest.mark.parametrize("blank", [" ", "\t", "\n", " \r\n ", "\u3000", "\u00a0"])
def test_white_space_at_the_edges_of_segments_is_dropped(family: Family, blank: str) -> None:
    tokenizer, text_tokenizer = family()
    is_open = text_tokenizer.open_ended
    for template in EDGES:
        if is_open and not template.endswith("{mask}"):
            continue
        segments = [
            # A label word is taken for one inside a sentence.
            segment.replace("{mask}", "great" if segment.find("{mask}") else " great").format(
                text="good food"
            )
            for segment in template.replace("#", "").split("{sep}")
        ]
        if is_open:
            expected = tokenizer("\n".join(segments))["input_ids"][:-1]
        else:
            expected = tokenizer(*segments)["input_ids"]
        spaced = template.replace("#", blank)
        found = row_with(text_tokenizer, spaced, {"text": "good food"}, "great")
        assert found == expected, spaced


@pytest.mark.parametrize("family", [bert, unigram])
def test_models_that_know_no_line_break_read_a_space(family: Family) -> None:
    broken = shown(family, "Review:\n{text}\n\nIt\twas {mask}.\n", "good food", "great")
    assert broken == shown(family, "Review: {text} It was {mask}.", "good food", "great")


def test_a_line_break_is_not_shortened_away_with_the_text() -> None:
    tokenizer, text_tokenizer = gpt2()
    for cut in ("head", "tail", "middle"):
        template = f"a\n{{text:{cut}}}\nb {{mask}}"
        ids = row_with(text_tokenizer, template, {"text": "good " * 50}, "bad", 14)
        assert tokenizer.decode(ids, skip_special_tokens=True).count("\n") == 2


@pytest.mark.parametrize("family", [bpe, gpt2])
@settings(max_examples=40, deadline=None)
@given(a=field_texts, most=st.integers(6, 30), cut=st.sampled_from(["tail", "head", "middle"]))
def test_shortening_keeps_whole_characters(family: Family, a: str, most: int, cut: str) -> None:
    tokenizer, text_tokenizer = family()
    ids = row_with(text_tokenizer, f"{{a:{cut}}} {{mask}}", {"a": a * 3}, "bad", most)
    left = tokenizer.decode(ids, skip_special_tokens=True).removesuffix(" bad")
    assert "\ufffd" not in left
    # What is left are characters of the text's start, of its end, or of both.
    if cut == "tail":
        assert (a * 3).startswith(left)
    elif cut == "head":
        assert (" " + a * 3).endswith(left)
    else:
        assert any(
            (a * 3).startswith(left[:at]) and (a * 3).endswith(left[at:])
            for at in range(len(left) + 1)
        )
