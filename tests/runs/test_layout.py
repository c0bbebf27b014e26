"""Every name of a file is in one place, and starting over forgets none of them."""

from __future__ import annotations

import ast
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from pet.runs import AdaptationFolder, Folder, RunFolder, StudyFolder, StudyTaskFolder, layout
from pet.runs.storage import Content, Storage

PACKAGE = Path(layout.__file__).resolve().parents[1]
# Names that Hugging Face chose: whoever reads a model knows them.
HUGGING_FACE = {
    AdaptationFolder.card, AdaptationFolder.config, AdaptationFolder.weights,
    AdaptationFolder.tokenizer, AdaptationFolder.tokenizer_config,
}  # fmt: skip
# Methods that take a name within a folder.
TAKE_NAMES = {"has", "read_json", "write_json", "writing", "shards", "array", "write_array"}


def layout_names() -> set[str]:
    """Names of all files and folders, without where they are."""
    names: set[str] = set()
    for kind in (Storage, Folder, *Folder.__subclasses__()):
        names |= {value for value in vars(kind).values() if isinstance(value, Content)}
        names.add(getattr(kind, "record", RunFolder.record))
    for kind in vars(layout).values():
        if isinstance(kind, type) and is_dataclass(kind):
            place: Any = {"str": "x", "Path": Path("x")}[str(fields(kind)[0].type)]
            files = kind(place)
            for name, value in vars(kind).items():
                if isinstance(value, property):
                    names.add(Path(getattr(files, name)).name)
    return names - HUGGING_FACE


NAMES = layout_names()
FILES = {name for name in NAMES if "." in name}
FOLDERS = NAMES - FILES


def is_name(text: object) -> bool:
    """Whether a text names a file of the layout, or anything below one of its folders."""
    if not isinstance(text, str) or len(text.split()) != 1:
        return False
    first, slash, _ = text.partition("/")
    return text.rsplit("/", 1)[-1] in FILES or (bool(slash) and first in FOLDERS)


def is_literal(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def names_a_file(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=text):
            return is_name(text)
        case ast.BinOp(op=ast.Div(), right=ast.Constant(value=text)):
            return text in NAMES
        case ast.Call(func=ast.Attribute(attr=method), args=[first, *_]):
            return method in TAKE_NAMES and is_literal(first)
    return False


def named_in(source: str) -> list[int]:
    """Return the lines that name a file or folder of the layout."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if names_a_file(node)]  # type: ignore[attr-defined]


def test_the_layout_knows_what_a_run_leaves() -> None:
    assert {
        "run.json", "labelled.json", "ensemble.json", "metrics.json", "log.jsonl", "examples.json",
        "checkpoint.safetensors", "member.json", "weights.safetensors", "generation.json",
        "draws.json", "results.json", "results.csv", "adaptation.json", "pet.json", "prompt.json",
        "prompt.safetensors",
    } <= FILES  # fmt: skip
    assert {"backbone", "members", "folds", "classifier", "tasks", "cells", "scores"} <= FOLDERS


@pytest.mark.parametrize(
    "line",
    [
        'folder.read_json("ensemble.json")',
        'FILE = "examples.json"',
        'file = f"members/{name}/member.json"',
        'place = f"folds/{name}"',
        'path = Path(folder) / "classifier"',
        'folder.has("anything")',
        'folder.write_json(f"{name}.json", {})',
        'file = f"{place}/weights.safetensors"',
    ],
)
def test_a_name_is_seen(line: str) -> None:
    assert named_in(line)


@pytest.mark.parametrize(
    "line",
    [
        '"""Also writes metrics.json and more."""',
        'rows["classifier"]',
        'wanted["settings"]["backbone"]',
        "folder.read_json(folder.ensemble)",
        'raise RunError(f"{path}: members/ is not there.")',
    ],
)
def test_what_names_no_file_is_let_pass(line: str) -> None:
    assert named_in(line) == []


def test_no_name_stands_outside_the_layout() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent != PACKAGE / "runs"
        for line in named_in(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize("kind", [RunFolder, StudyFolder, StudyTaskFolder, AdaptationFolder])
def test_starting_over_removes_whatever_may_be_there(kind: type[Folder], tmp_path: Path) -> None:
    folder = kind.start(tmp_path, {"first": 1})
    for name in [value for value in vars(kind).values() if isinstance(value, Content)]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x", "utf-8")
    for name in (folder.checkpoint, folder.events):
        (tmp_path / name).write_text("x", "utf-8")
    kind.start(tmp_path, {"other": 1}, force=True)
    assert {path.name for path in tmp_path.iterdir()} == {kind.sums, kind.record}


def test_a_run_may_take_the_place_of_a_study(tmp_path: Path) -> None:
    study = StudyFolder.start(tmp_path, {"first": 1})
    task = StudyTaskFolder.start(study.task("toy"), {})
    task.write_json(task.cell("tfidf-2-13"), {})
    study.write_json(study.results, {})
    assert [inner.path for inner in study.task_folders()] == [task.path]
    RunFolder.start(tmp_path, {"other": 1}, force=True)
    assert {path.name for path in tmp_path.iterdir()} == {RunFolder.sums, RunFolder.record}
