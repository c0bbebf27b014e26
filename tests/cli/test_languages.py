"""Other languages on the command line: from check to explain."""

from __future__ import annotations

from pathlib import Path

from toy import pet, write_jsonl

TASK = """
from pet import PVP, Task, Verbalizer

words = Verbalizer({"好评": ["很好", "good"], "差评": ["糟糕", "bad"]})
task = Task(
    name="酒店评价",
    labels=["差评", "好评"],
    fields=["text"],
    pvps=[
        PVP("{text}{mask}", words),
        PVP("{text}总之，很{mask}。", words),
        PVP("AI{mask}，{text}", words),
    ],
)
"""
ROWS = [
    {"text": "房间很干净，服务热情", "label": "好评"},
    {"text": "早餐丰富，位置方便", "label": "好评"},
    {"text": "房间又脏又旧", "label": "差评"},
    {"text": "早餐很冷，价格太贵", "label": "差评"},
]


def task_file(folder: Path) -> Path:
    file = folder / "hotel.py"
    file.write_text(TASK, "utf-8")
    return file


def test_label_words_are_shown_as_the_tokens_that_are_scored(
    tmp_path: Path, chinese_bert: str
) -> None:
    task, train = task_file(tmp_path), write_jsonl(tmp_path / "train.jsonl", ROWS)
    result = pet("tasks", task, "--backbone", chinese_bert)
    assert result.out.count("好评: 很好 (很+好), good\n") == 1
    assert result.out.count("as set 1") == 1
    # Behind a letter the word is in the middle of another one.
    assert result.out.count("good (##g+##o+##o+##d)\n") == 1
    checked = pet("check", "--task", task, "--train", train, "--backbone", chinese_bert)
    assert "label word '很好' is 2 tokens: 很 + 好\n" in checked.out
    assert "label word 'good' is 4 tokens: ##g + ##o + ##o + ##d\n" in checked.out
