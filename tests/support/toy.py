"""A toy task whose words the tiny models know, rows for it, and the command line in process."""

from __future__ import annotations

import csv
import io
import json
import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from pet import PVP, Example, Task, Verbalizer
from pet.cli import main

TASK_FILE = '''"""Sentiment in few words."""

from pet import PVP, Task, Verbalizer

words = Verbalizer({"negative": ["bad", "terrible"], "positive": ["good", "great"]})

task = Task(
    name="toy",
    labels=["negative", "positive"],
    fields=["text"],
    description="Sentiment in few words.",
    pvps=[
        PVP("{text} It was {mask}.", words),
        PVP("Just {mask}! {text}", words),
        PVP("{text} All in all {mask}.", words),
        PVP("( {mask} ) {text}", words),
    ],
)
'''

PAIR_TASK_FILE = '''"""Does the answer fit?"""

from pet import PVP, Task, Verbalizer

words = Verbalizer({"no": ["no"], "yes": ["yes"]})

task = Task(
    name="toy-pair",
    labels=["no", "yes"],
    fields=["question", "answer"],
    columns={"answer": "text_b"},
    pvps=[PVP("{question}{sep}{mask}, {answer}", words)],
)
'''

BAD = ["the film was sad", "a cold room", "i was not happy", "very slow train", "bad food"]
GOOD = ["the film was fast", "a warm room", "i was happy", "very fast train", "wonderful food"]
NEW = [
    f"{who} {what} was {how}"
    for who in ("the", "this", "a")
    for what in ("phone", "food", "room")
    for how in ("awful", "wonderful", "so cold")
]


# Short and long ones, one of a single word, one that a tiny tokenizer has to spell out.
TEXTS = [
    "the film was very good",
    "we",
    "a cold train , a warm room and this that but so fast",
    "not the phone",
    "zebra",
]
NOUNS = ("film", "food", "room", "train", "phone")


def warm_or_cold(nouns: Sequence[str] = NOUNS) -> list[Example]:
    """Two examples a noun, which a tiny model learns to tell in a few steps: "yes" and "no"."""
    return [
        Example({"text": f"the {noun} was {how} and {how}"}, label)
        for noun in nouns
        for how, label in (("warm", "yes"), ("cold", "no"))
    ]


def toy_task() -> Task:
    """Two of the task file's patterns, as an object."""
    words = Verbalizer({"negative": ["bad", "terrible"], "positive": ["good", "great"]})
    patterns = ("{text} It was {mask}.", "Just {mask}! {text}")
    return Task("toy", ["negative", "positive"], ["text"], [PVP(p, words) for p in patterns])


def labelled_rows() -> list[dict[str, str]]:
    """Ten rows, five of each label."""
    rows = [{"text": text, "label": "negative"} for text in BAD]
    return rows + [{"text": text, "label": "positive"} for text in GOOD]


def unlabelled_rows() -> list[dict[str, str]]:
    """Rows without labels, none of them labelled elsewhere."""
    return [{"text": text} for text in NEW]


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def write_csv(path: Path, rows: list[dict[str, str]]) -> str:
    """Write rows with a header."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return str(path)


@dataclass(frozen=True)
class Files:
    """The toy task's files in one folder."""

    folder: Path
    task: str
    train: str
    unlabeled: str
    test: str

    @classmethod
    def write(cls, folder: Path) -> Files:
        """Write them all."""
        (folder / "toy_task.py").write_text(TASK_FILE, encoding="utf-8")
        return cls(
            folder,
            str(folder / "toy_task.py"),
            write_jsonl(folder / "train.jsonl", labelled_rows()),
            write_jsonl(folder / "unlabeled.jsonl", unlabelled_rows()),
            write_csv(
                folder / "test.csv",
                [
                    {"text": "this film was great", "label": "positive"},
                    {"text": "this film was terrible", "label": "negative"},
                    {"text": "one train, two phones", "label": "negative"},
                ],
            ),
        )


def rows_of(text: str) -> list[dict[str, Any]]:
    """Read the JSON lines that a command printed."""
    return [json.loads(line) for line in text.splitlines()]


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str


def pet(*arguments: object, stdin: bytes = b"") -> Result:
    """Run ``pet`` with these arguments in this process, as the console script would."""
    out, err = io.StringIO(), io.StringIO()
    logger, root = logging.getLogger("pet"), logging.getLogger()
    level, handlers, root_level = logger.level, root.handlers[:], root.level
    root.handlers[:] = []
    code = 0
    try:
        with (
            mock.patch.object(sys, "argv", ["pet", *map(str, arguments)]),
            mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8")),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        root.handlers[:] = handlers
        root.setLevel(root_level)
        logger.setLevel(level)
    return Result(code, out.getvalue(), err.getvalue())


def train(files: Files, backbone: str, output: object, *more: object) -> Result:
    """Run a quick ``pet train`` on the toy data, or on the files that ``--train`` names."""
    own = () if "--train" in more else ("--train", files.train)
    return pet(
        "train", "--task", files.task, *own, "--backbone", backbone,
        "--max-steps", 2, "--distill-epochs", 1, "--device", "cpu", "-o", output, *more,
    )  # fmt: skip
