"""Faulty task files, options and backbones end in one message."""

from __future__ import annotations

from pathlib import Path

import pytest
from mishaps import counted, refused
from toy import TASK_FILE, Files, train
from toy import pet as command

GOOD_WORDS = '{"negative": ["bad", "terrible"], "positive": ["good", "great"]}'


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        (
            "{text} It was {mask}.",
            "{text} It was.",
            ["no {mask}", "\n    {text} It was.\n" + " " * 18 + "^"],
        ),
        (
            "{text} It was {mask}.",
            "{mask} {text} {mask}",
            ["a second {mask}", "\n    {mask} {text} {mask}\n" + " " * 18 + "^"],
        ),
        ("{text} It was {mask}.", "{text It was {mask}.", ["never closed", "\n    ^"]),
        ("{text} It was {mask}.", "{txt} {mask}", ["unknown field 'txt'", "Did you mean 'text'?"]),
        ("{text} It was {mask}.", "{text:kep} {mask}", ["unknown option 'kep'", "keep"]),
        (
            GOOD_WORDS,
            '{"negative": ["bad", "good"], "positive": ["good"]}',
            ["'good' stands for both 'negative' and 'positive'", "remove it"],
        ),
        (GOOD_WORDS, '{"negative": ["bad"], "positiv": ["good"]}', ["'positive'", "'positiv'"]),
        (GOOD_WORDS, '{"negative": ["bad"], "positive": "good"}', ["list of words", "['good']"]),
        (GOOD_WORDS, '{"negative": ["bad"], "positive": []}', ["Label 'positive' has no words"]),
        (GOOD_WORDS, '{"negative": ["bad"], "positive": {"good": 0}}', ["positive weight"]),
        ('labels=["negative", "positive"]', 'labels=["positive"]', ["two or more"]),
        ("task = Task(", "task = Task((", ["SyntaxError", "never closed"]),
        ("task = Task(", "task = Tusk(", ["NameError", "Tusk"]),
        ("task = Task(", "import sys; sys.exit(3)\ntask = Task(", ["SystemExit"]),
        ("task = Task(", "task = dict(", ["expected one Task object", "found 0"]),
    ],
)  # fmt: skip
def test_a_faulty_task_file_is_named_with_the_place(
    old: str, new: str, parts: list[str], tmp_path: Path
) -> None:
    assert old in TASK_FILE
    (tmp_path / "mine.py").write_text(TASK_FILE.replace(old, new), "utf-8")
    refused(command("tasks", tmp_path / "mine.py"), "mine.py: ", *parts)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (
            '{"negative": ["中"], "positive": ["good"]}',
            ["'中' of 'negative'", "cannot be represented"],
        ),
        (
            '{"negative": ["bad", "GOOD"], "positive": ["good"]}',
            ["'GOOD' of 'negative'", "'good' of 'positive'", "same tokens", "Remove one"],
        ),
    ],
)  # fmt: skip
def test_label_words_the_tokenizer_cannot_tell_are_refused_before_training(
    words: str, parts: list[str], files: Files, tiny_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = counted(monkeypatch)
    Path(files.task).write_text(TASK_FILE.replace(GOOD_WORDS, words), "utf-8")
    refused(train(files, tiny_bert, files.folder / "run"), *parts)
    assert names == []


def test_unknown_tasks_name_the_nearest(tmp_path: Path) -> None:
    refused(
        command("tasks", "reviws"), "No built-in task 'reviws'", "Did you mean 'reviews'?", ".py"
    )
    refused(command("tasks", tmp_path / "no.py"), "no.py")


@pytest.mark.parametrize(
    ("option", "value", "parts"),
    [
        ("--method", "petz", ["'--method'", "'zero-shot'"]),
        ("--scope", "ful", ["'--scope'", "'full', 'head', 'bias'"]),
        ("--batch-size", "0", ["--batch-size must be a number from 1, not 0"]),
        ("--batch-size", "many", ["'--batch-size'", "many"]),
        ("--learning-rate", "-1", ["--learning-rate", "-1"]),
        ("--lm-weight", "1", ["--lm-weight", "below 1"]),
        ("--shots", "0", ["'--shots'", "x>=1"]),
        ("--unlabeled-limit", "-1", ["'--unlabeled-limit'", "x>=0"]),
        ("--column", "text", ["--column 'text'", "FIELD=COLUMN"]),
        ("--batchsize", "1", ["--batchsize", "--batch-size"]),
        ("--device", "banana", ["Device 'banana'", "--device cpu"]),
        ("--device", "cuda:99", ["Device 'cuda:99'", "--device cpu"]),
    ],
)
def test_an_unknown_option_or_value_is_wrong_usage(
    option: str, value: str, parts: list[str], files: Files, tiny_bert: str
) -> None:
    result = train(files, tiny_bert, files.folder / "run", option, value)
    refused(result, *parts, code=2)


def test_a_column_mapping_of_an_unknown_field_is_refused(files: Files, tiny_bert: str) -> None:
    result = train(files, tiny_bert, files.folder / "run", "--column", "txt=review")
    refused(result, "no field 'txt'", "Did you mean 'text'?", code=result.code)


def test_commands_and_options_that_are_missing_are_wrong_usage() -> None:
    refused(command("trian"), "No such command 'trian'", code=2)
    refused(command("train", "--task", "reviews"), "Missing option", "--output", code=2)
    refused(command("predict", "x"), "Expected --input or --text", code=2)


def test_a_backbone_that_is_not_there_is_named(files: Files) -> None:
    result = train(files, str(files.folder / "nomodel"), files.folder / "run")
    refused(result, "nomodel", "cannot be loaded", "config.json", "pet-mini")


def test_a_diverged_training_says_what_to_try(files: Files, tiny_bert: str) -> None:
    result = train(files, tiny_bert, files.folder / "run", "--learning-rate", "1e30")
    refused(result, "the loss is not a number", "--learning-rate")
