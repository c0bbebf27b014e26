"""Declared tasks: TOML or JSON files, which unlike Python files are not run."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pet.errors import PetError, TaskError, quoted
from pet.task.task import Task

ENDINGS = (".toml", ".json")


def read_declared(path: Path) -> Task:
    """Read a task from a TOML or JSON file: the values of `Task.to_dict`, or their short form.

    Raises
    ------
    TaskError
        When the file cannot be read, or its values are no task; names the file.
    """
    try:
        content = path.read_bytes().decode("utf-8-sig")
        plain = tomllib.loads(content) if path.suffix == ".toml" else json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        problem = error.strerror if isinstance(error, OSError) else str(error)
        raise TaskError(f"{path}: cannot be read as a task: {problem}") from error
    if not isinstance(plain, Mapping) or "labels" not in plain:
        raise TaskError(
            f"{path}: expected a task, with labels, words and patterns; found {quoted(plain)}.",
            "pet init -o FILE.toml writes such a file. Label words alone are given with "
            "`--verbalizer FILE`.",
        )
    try:
        return Task.from_dict({"name": path.stem, "fields": ["text"], **plain})
    except PetError as error:
        raise TaskError(f"{path}: {error.message}") from error


def json_text(task: Task) -> str:
    """Return a task as the text of a JSON file, which `pet.load_task` reads."""
    return json.dumps(_short(task), indent=2, ensure_ascii=False) + "\n"


def toml_text(task: Task, comments: Mapping[str, str] | None = None) -> str:
    """Return a task as the text of a TOML file, which `pet.load_task` reads.

    ``comments`` gives lines to put before a key or a table.
    """
    plain, told = _short(task), comments or {}
    simple = {key: value for key, value in plain.items() if key not in ("words", "pvps", "columns")}
    lines: list[str] = []
    for key, value in simple.items():
        lines += [*_comment(told, key), f"{key} = {_inline(value)}"]
    for key in ("columns", "words"):
        if key in plain:
            lines += ["", *_comment(told, key), f"[{key}]"]
            lines += [f"{_inline(name)} = {_inline(value)}" for name, value in plain[key].items()]
    for entry in plain.get("pvps", ()):
        lines += ["", "[[pvps]]"]
        lines += [f"{key} = {_inline(value)}" for key, value in entry.items()]
    return "\n".join(lines) + "\n"


def _comment(comments: Mapping[str, str], key: str) -> list[str]:
    return [f"# {line}" for line in comments.get(key, "").splitlines()]


def _short(task: Task) -> dict[str, Any]:
    """Return the values of a task without those that are defaults, in the shortest form."""
    usual = {"description": "", "columns": {}, "label_column": "label", "metrics": ["accuracy"]}
    usual |= {"kind": "single", "label_separator": ";"}
    plain = {key: value for key, value in task.to_dict().items() if value != usual.get(key)}
    entries = [_short_pvp(entry) for entry in plain.pop("pvps")]
    first = entries[0]["verbalizers"]
    same = all(entry.keys() == {"pattern", "verbalizers"} for entry in entries)
    if same and len(first) == 1 and all(entry["verbalizers"] == first for entry in entries):
        plain |= {key: value for key, value in first[0].items() if key != "words"}
        return {**plain, "patterns": [e["pattern"] for e in entries], "words": first[0]["words"]}
    return {**plain, "pvps": entries}


def _short_pvp(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {**entry, "verbalizers": [_short_verbalizer(v) for v in entry["verbalizers"]]}


def _short_verbalizer(plain: Mapping[str, Any]) -> dict[str, Any]:
    words = {
        label: list(own) if all(weight == 1 for weight in own.values()) else own
        for label, own in plain["words"].items()
    }
    usual = {"combine": "mean", "decoding": "max-first"}
    return {"words": words} | {key: plain[key] for key in usual if plain[key] != usual[key]}


def _inline(value: Any) -> str:
    """Return a value in TOML, on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_inline(k)} = {_inline(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    # JSON's strings and numbers are TOML's, but for one character that only JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
