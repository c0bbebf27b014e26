"""Tokenizers in Python only, as Japanese BERT's, from encoding to a saved classifier."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chinese import VOCABULARY, chinese_tokenizer, save_chinese_bert
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import pet, write_jsonl
from transformers import AutoTokenizer, pipeline
from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy
from transformers.models.bert_japanese.tokenization_bert_japanese import BertJapaneseTokenizer

from pet.adaptation.packing import ASKED, STARTS, Packer
from pet.encoding import Chunk, Encoder, TextTokenizer
from pet.encoding.slow import SlowTokenizer
from pet.task import Pattern

TASK = """
from pet import PVP, Task, Verbalizer

words = Verbalizer({"良い": ["いい"], "悪い": ["わるい"]})
task = Task(
    name="ホテル",
    labels=["悪い", "良い"],
    fields=["text"],
    pvps=[PVP("{text}それは{mask}です。", words), PVP("{mask}：{text}5点", words)],
)
"""


def save_japanese(folder: Path) -> None:
    """Write a tokenizer that exists in Python only."""
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", "utf-8")
    tokenizer = BertJapaneseTokenizer(
        str(folder / "vocab.txt"), word_tokenizer_type="basic", do_lower_case=True
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> TextTokenizer:
    file = tmp_path_factory.mktemp("slow") / "vocab.txt"
    file.write_text("\n".join(VOCABULARY) + "\n", "utf-8")
    return TextTokenizer(BertTokenizerLegacy(str(file), do_lower_case=True, strip_accents=False))


FAST = TextTokenizer(chinese_tokenizer())
PIECES = ["很好", "good", "AI", "5", "！", "です", "서울", " ", "😀", "魔法", "a5", "ab ab", "。"]
texts = st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join)


@settings(max_examples=25, deadline=None)
@given(text=texts, template=st.sampled_from(["{a}5分：{mask}", "AI{a} {mask}", "{mask}です{a}"]))
def test_a_tokenizer_in_python_encodes_as_the_fast_one_of_its_vocabulary(
    slow: TextTokenizer, text: str, template: str
) -> None:
    rows = []
    for tokenizer in (slow, FAST):
        encoder = Encoder(tokenizer, Pattern(template).parts, 64, answer="いい")
        encoded = encoder.encode(Chunk(tokenizer, [{"a": text}]))
        rows.append((encoded.ids.flat.tolist(), encoded.masks.tolist(), encoder.mask_before))
    assert rows[0] == rows[1]


@settings(max_examples=25, deadline=None)
@given(text=texts)
def test_places_of_tokens_are_found(slow: TextTokenizer, text: str) -> None:
    found = SlowTokenizer(slow._backend._tokenizer).encode(text)
    expected = FAST._backend.encode(text, add_special_tokens=False)
    assert found.ids == expected.ids
    assert len(found.offsets) == len(found.word_ids) == len(found.ids)
    if FAST.unknown_id not in found.ids:
        assert found.offsets == expected.offsets
    assert all(0 <= start <= end <= len(text) for start, end in found.offsets)
    assert found.offsets == sorted(found.offsets)


def test_special_tokens_in_a_text_are_text(slow: TextTokenizer) -> None:
    special = set(slow.special_ids) - {slow.unknown_id}
    assert not special & set(slow.texts(["好 [MASK] [SEP]好"]).flat.tolist())


def test_whole_words_and_marked_words_are_hidden(slow: TextTokenizer) -> None:
    texts = ["it was {mask:zebra}, 很好"]
    rows = [Packer(tokenizer, 32, True, cloze=True).tokens(texts) for tokenizer in (slow, FAST)]
    assert rows[0][0].tolist() == rows[1][0].tolist()
    assert (rows[0][1] & STARTS).tolist() == (rows[1][1] & STARTS).tolist()
    assert (rows[0][1] & ASKED).tolist() == (rows[1][1] & ASKED).tolist()


def test_a_model_with_a_tokenizer_in_python_goes_the_whole_way(tmp_path: Path) -> None:
    backbone = save_chinese_bert(tmp_path / "bert")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (backbone / name).unlink()
    save_japanese(backbone)
    assert not AutoTokenizer.from_pretrained(backbone).is_fast
    task = tmp_path / "task.py"
    task.write_text(TASK, "utf-8")
    rows = [{"text": text, "label": label} for text, label in
            (("へやがきれい", "良い"), ("ねだんがたかい", "悪い"), ("とてもよい", "良い"),
             ("さむい", "悪い"))]  # fmt: skip
    train = write_jsonl(tmp_path / "train.jsonl", rows)
    pool = write_jsonl(tmp_path / "pool.jsonl", [{"text": f"へや{n}がよい"} for n in range(4)])
    run = tmp_path / "run"
    common = ["--task", task, "--train", train, "--backbone", backbone]
    checked = pet("check", *common)
    assert "label word 'いい' is 2 tokens: い + ##い" in checked.out
    result = pet("train", *common, "--max-steps", 1, "--unlabeled", pool, "-o", run)
    assert result.code == 0, result.err
    predicted = pet("predict", run, "--input", train)
    shown = [json.loads(line) for line in predicted.out.splitlines()]
    served = pipeline("text-classification", model=str(run / "classifier"), top_k=None)
    for row in shown:
        (scores,) = served([row["text"]], truncation=True)
        for one in scores:
            assert one["score"] == pytest.approx(row["probabilities"][one["label"]], abs=1e-5)
