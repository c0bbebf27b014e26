"""Tasks in TOML and JSON: equal when read again, and never run."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pet import PVP, Task, Verbalizer
from pet.errors import TaskError
from pet.task import load_task, task_names
from pet.task.declared import json_text, toml_text


@pytest.mark.parametrize("name", task_names())
def test_built_in_tasks_are_read_back(name: str, tmp_path: Path) -> None:
    task = load_task(name)
    for ending, text in ((".toml", toml_text(task)), (".json", json_text(task))):
        (tmp_path / f"x{ending}").write_text(text, "utf-8")
        assert load_task(tmp_path / f"x{ending}") == task


@given(st.text(min_size=1).map(str.strip).filter(bool), st.text())
def test_any_text_is_read_back_from_toml(word: str, description: str) -> None:
    try:
        words = Verbalizer({"a": [word], "b": ["other one"]}, combine="max")
        task = Task("t", ["a", "b"], ["text"], [PVP("{text} {mask}", words)], description)
    except ValueError:
        return
    try:
        description.encode()
    except UnicodeEncodeError:
        return
    assert Task.from_dict(tomllib.loads(toml_text(task, {"words": "a\nb"}))) == task


def test_a_short_file_is_enough(tmp_path: Path) -> None:
    file = tmp_path / "tickets.toml"
    file.write_text(
        'labels = ["billing", "technical"]\n'
        'patterns = ["{text} It is about {mask}."]\n'
        '[words]\nbilling = ["money", "invoice"]\ntechnical = ["computers"]\n',
        "utf-8",
    )
    task = load_task(file)
    assert (task.name, task.fields) == ("tickets", ("text",))
    assert list(task.pvps[0].verbalizers[0].words["billing"]) == ["money", "invoice"]


@pytest.mark.parametrize(
    ("ending", "content", "said"),
    [
        (".toml", "labels = [", "cannot be read as a task"),
        (".json", "[1, 2]", "expected a task, with labels, words and patterns"),
        (".json", '{"billing": ["invoice"]}', "--verbalizer FILE"),
        (".json", "\xff", "cannot be read as a task"),
        (".toml", 'labels = ["a", "b"]\npattern = ["{text} {mask}"]', "Did you mean 'patterns'?"),
        (".toml", 'labels = ["a", "b"]\npatterns = ["{t} {mask}"]\nwords = {a = ["x"], b = ["y"]}',
         "unknown field 't'"),
        (".toml", 'labels = ["a", "b"]', "A task has patterns and words; found only "),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told(ending: str, content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / f"x{ending}"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(TaskError) as caught:
        load_task(file)
    assert said in caught.value.message
    assert str(file) in caught.value.message
