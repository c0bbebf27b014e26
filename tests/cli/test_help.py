"""Help texts, versions and the list of tasks."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from toy import Files, pet

from pet.cli import COMMANDS
from pet.config import CONFIGS
from pet.task import task_names


@pytest.mark.parametrize("command", list(COMMANDS))
def test_help_of_every_command_has_an_example_and_shows_defaults(command: str) -> None:
    result = pet(command, "--help")
    assert result.code == 0
    assert f"Example: pet {command}" in result.out
    assert "default: " in result.out
    assert "default: auto" in result.out or command in ("tasks", "check", "report")
    if command == "check":
        assert "default: pet-mini" in result.out


def test_help_of_train_lists_every_setting_with_its_default() -> None:
    wrapped = " ".join(pet("train", "--help").out.split())
    text = re.sub(r"(?<=\w)- (?=\w)", "-", wrapped)  # lines break after hyphens too
    for item in (item for part in CONFIGS.values() for item in fields(part)):
        # An option's own entry goes on with its type; other texts mention it too.
        entry = re.split(rf" --{item.name.replace('_', '-')} (?=[A-Z\[])", text)[-1]
        assert entry != text or isinstance(item.default, bool)
        if item.default is None:
            assert "by default" in entry[:150]
        elif not isinstance(item.default, bool):
            shown = ",".join(item.default) if isinstance(item.default, tuple) else item.default
            assert f"[default: {shown}]" in entry[:450]
    assert "[default: pet]" in text
    assert "[default: 13; x>=0]" in text


def test_help_of_the_group_lists_all_commands_and_version_is_told() -> None:
    assert all(f"  {name} " in pet("--help").out for name in COMMANDS)
    assert pet("--version").out.startswith("pet, version ")


def test_tasks_lists_every_built_in_task() -> None:
    shown = pet("tasks").out
    assert all(f"\n{name}: " in shown for name in task_names())


def test_tasks_shows_patterns_and_label_words_of_one(files: Files, tiny_bert: str) -> None:
    shown = pet("tasks", files.task, "--backbone", tiny_bert).out
    assert "pattern 0: <text> It was ____." in shown
    assert "negative: bad, terrible" in shown
    assert shown.count("as set 1") == 3


def test_tasks_shows_how_a_label_word_is_split(tiny_bert: str) -> None:
    shown = pet("tasks", "mnli", "--backbone", tiny_bert).out
    assert "pattern 0: <premise>? | ____, <hypothesis>" in shown
    assert "(r+##i+##g+##h+##t)" in shown
