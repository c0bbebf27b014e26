"""Runs of four tasks on one backbone, and a bank of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from banks import SOFT
from toy import Files, Result, pet, train, write_jsonl

from pet import PromptBank

TOPICS = """from pet import PVP, Task, Verbalizer

words = Verbalizer({"home": ["food", "room"], "travel": ["train"], "talk": ["phone"]})
long = Verbalizer({"home": ["kitchen"], "travel": ["train"], "talk": ["phone"]})
task = Task(
    name="topics",
    labels=["home", "travel", "talk"],
    fields=["title", "body"],
    pvps=[PVP("{title} {mask} : {body}", words, long), PVP("{body} in {mask}", words)],
)
"""
TAGS = """from pet import PVP, Task, Verbalizer

answer = Verbalizer({"yes": ["yes"], "no": ["no"]})
task = Task(
    name="tags",
    labels=["warm", "fast"],
    fields=["text"],
    kind="multi-label",
    pvps=[PVP("{text} {label} ? {mask}", answer)],
)
"""
TOPIC_ROWS = [
    {"title": "a warm room", "body": "the food was good", "label": "home"},
    {"title": "slow", "body": "the train was slow", "label": "travel"},
    {"title": "no answer", "body": "phone news", "label": "talk"},
]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny_bert: str) -> Path:
    """Runs of four tasks on one backbone; "plain" is the toy task without training."""
    folder = tmp_path_factory.mktemp("bank-runs")
    files = Files.write(folder)
    (folder / "topics.py").write_text(TOPICS)
    (folder / "tags.py").write_text(TAGS)
    topics = write_jsonl(folder / "topics.jsonl", TOPIC_ROWS)
    tags = write_jsonl(
        folder / "tags.jsonl",
        [{"text": "warm food", "label": ["warm"]}, {"text": "a fast train", "label": ["fast"]}],
    )
    made = [
        train(files, tiny_bert, folder / "toy", *SOFT, "--soft", "prompt-tuning,deep,prefix"),
        train(files, tiny_bert, folder / "plain", "--method", "zero-shot", "--patterns", "1"),
        _train("topics", topics, folder, tiny_bert, "--soft", "words", "--soft-slots", "2"),
        _train("tags", tags, folder, tiny_bert, "--soft", "p-tuning"),
    ]
    assert [result.code for result in made] == [0] * 4, [result.err for result in made]
    return folder


def _train(name: str, rows: str, folder: Path, backbone: str, *more: str) -> Result:
    return pet(
        "train", "--task", folder / f"{name}.py", "--train", rows, "--backbone", backbone,
        "--device", "cpu", "--max-steps", "3", "-o", folder / name, *SOFT, *more,
    )  # fmt: skip


@pytest.fixture(scope="session")
def folder(runs: Path) -> Path:
    """A bank of all of them, made by the command."""
    sources = [part for name in ("toy", "topics", "tags") for part in ("--add", runs / name)]
    made = pet("bank", runs / "bank", *sources)
    assert made.code == 0, made.err
    assert pet("bank", runs / "bank", "--add", runs / "plain", "--name", "plain").code == 0
    return runs / "bank"


@pytest.fixture(scope="session")
def bank(folder: Path) -> PromptBank:
    return PromptBank.load(folder, device="cpu", precision="fp32")
