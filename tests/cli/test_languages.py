"""Other languages on the command line: from check to explain."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from families import FAMILIES, save_family
from pages import ROOT, blocks_of
from toy import pet, write_jsonl

from pet.encoding.scripts import ideograph_runs

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


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


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


def test_chinese_quick_start(chinese_bert: str, in_folder: Path) -> None:
    """What the page's own test cannot run, for want of a hub, runs with a tiny model."""
    page = (ROOT / "docs/zh/quickstart.md").read_text("utf-8")
    printed = []
    for block in blocks_of(page):
        if block.language == "python":
            exec(block.body, {})
            if name := re.match(r"# (\w+\.py)\n", block.body):
                Path(name[1]).write_text(block.body, "utf-8")
        elif block.language == "sh" and block.reason is not None:
            body = block.body.replace("google-bert/bert-base-chinese", chinese_bert)
            for line in body.replace("\\\n", " ").splitlines():
                given, _, asked = line.rpartition(" | ")
                words = shlex.split(asked)[1:]
                # Quick, where the page has defaults.
                words += ["--max-steps", "1"] if words[0] == "train" else []
                stdin = shlex.split(given)[1] + "\n" if given else ""
                result = pet(*words, stdin=stdin.encode())
                assert result.code == 0, result.err
                printed.append((words[0], result.out))
    assert [name for name, _ in printed] == [
        "check", "train", "predict", "explain", "verbalize", "templates",
    ]  # fmt: skip
    shown = dict(printed)
    row = json.loads(shown["predict"])
    assert row["text"] == "房间很干净，下次还来。"
    assert row["label"] in ("好评", "差评")
    # Characters of the tiny vocabulary, as words and in words of two.
    found = json.loads(Path("words.json").read_text("utf-8"))
    words = [word for own in found.values() for word in own]
    assert any(len(ideograph_runs(word)[0]) == 2 for word in words if ideograph_runs(word))
    assert "【{mask}】{text}" in shown["templates"]
    assert "Question" not in shown["templates"]


ODD = [
    "مرحبا بكم في الفندق، الخدمة رائعة",
    "החדר היה נקי \u200fמאוד",
    "ห้องสะอาดมาก บริการดีเยี่ยม",
    "कमरा बहुत साफ़ था",
    "cafe\u0301 tre\u0300s bon",
    "👩\u200d👩\u200d👧‍👦 loved it 👍🏽",
    "🇩🇪🇫🇷 5/5",
    "房间很干净，服务员很热情",
    "部屋がきれいでした",
    "방이 깨끗했어요",
]


@pytest.mark.parametrize("family", ["chinese", "bytes"])
def test_every_script_goes_the_whole_way(tmp_path: Path, chinese_bert: str, family: str) -> None:
    backbone = chinese_bert
    if family == "bytes":
        backbone = str(save_family(FAMILIES["roberta"], tmp_path / "roberta"))
    task = tmp_path / "task.py"
    body = TASK.replace("{text}总之", "{text}5分：总之").replace('["糟糕", "bad"]', '["bad"]')
    task.write_text(body.replace('["很好", "good"]', '["good"]'), "utf-8")
    rows = [{"text": text, "label": ("好评", "差评")[n % 2]} for n, text in enumerate(ODD)]
    train = write_jsonl(tmp_path / "train.jsonl", rows)
    common = ["--task", task, "--train", train, "--backbone", backbone, "--max-length", 40]
    more = ["--max-steps", 1, "--unlabeled", train, "-o", tmp_path / "run", "--patterns", "0,1"]
    result = pet("train", *common, *more)
    assert result.code == 0, result.err
    predicted = pet("predict", tmp_path / "run", "--input", train)
    assert [json.loads(line)["text"] for line in predicted.out.splitlines()] == ODD
    explained = pet("explain", tmp_path / "run", "--text", ODD[2])
    assert explained.code == 0, explained.err
    assert ODD[2] in explained.out
