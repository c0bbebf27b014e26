"""Help texts, versions and the list of tasks."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from click import Context, Option
from toy import Files, pet

from pet.cli import COMMANDS, cli
from pet.config import CONFIGS
from pet.task import task_names

GROUPED = {"train", "fewshot", "templates", "patterns", "adapt", "verbalize", "suggest"}


@pytest.mark.parametrize("command", list(COMMANDS))
def test_help_of_every_command_has_an_example_and_shows_defaults(command: str) -> None:
    result = pet(command, "--help-all" if command in GROUPED else "--help")
    assert result.code == 0
    assert f"Example: pet {command}" in result.out
    assert "default: " in result.out
    assert "default: auto" in result.out or command in ("tasks", "check", "report")
    if command == "check":
        assert "default: pet-mini" in result.out


def test_help_of_train_lists_every_setting_with_its_default() -> None:
    wrapped = " ".join(pet("train", "--help-all").out.split())
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


def options_in(text: str) -> list[str]:
    return re.findall(r"^  (?:-\w, )?(--[\w-]+)", text, re.MULTILINE)


def test_help_of_train_shows_ten_options_in_groups_and_where_the_others_are() -> None:
    shown = pet("train", "--help").out
    assert options_in(shown) == [
        "--train", "--unlabeled", "--test", "--task", "--labels", "--output", "--force",
        "--method", "--backbone", "--max-steps", "--help-all", "--help",
    ]  # fmt: skip
    assert re.findall(r"^(\w.*):$", shown, re.MULTILINE) == ["Data", "Run", "Method", "Help"]
    assert "docs/glossary.md" in shown
    assert "temperature:" not in shown  # a word of options that are not shown


@pytest.mark.parametrize("command", sorted(GROUPED))
def test_help_all_shows_every_option_once_and_help_the_first_of_them(command: str) -> None:
    some, every = (options_in(pet(command, flag).out) for flag in ("--help", "--help-all"))
    made = [
        next(name for name in option.opts if name.startswith("--"))
        for option in cli.get_command(Context(cli), command).params  # type: ignore[union-attr]
        if isinstance(option, Option) and not option.hidden
    ]
    assert sorted(every) == sorted([*made, "--help"])
    assert set(some) < set(every)
    assert len(some) <= 12
    assert f"Show all {len(every) - 2} options." in pet(command, "--help").out


def test_settings_stand_under_the_names_of_their_groups() -> None:
    text = pet("train", "--help-all").out
    for title, option in (
        ("Training of members", "--learning-rate"), ("Distillation", "--distill-epochs"),
        ("Generations (iPET)", "--growth"), ("Reading of files", "--delimiter"),
    ):  # fmt: skip
        group = text.split(f"\n{title}:\n")[1].split("\n\n")[0]
        assert f"  {option} " in group


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
