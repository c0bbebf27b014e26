"""Python source of a task, which searches write and people edit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pet.task.task import Task
from pet.task.verbalizer import Verbalizer


def task_source(task: Task, comments: Mapping[str, str] | None = None) -> str:
    """Return the Python source of a task; `pet.load_task` reads an equal task from it.

    ``comments`` gives lines to put before "words" and "patterns".
    """
    verbalizers: list[Verbalizer] = []
    for pvp in task.pvps:
        for verbalizer in pvp.verbalizers:
            if verbalizer not in verbalizers:
                verbalizers.append(verbalizer)
    names = [f"words_{index}" for index in range(len(verbalizers))]
    lines = [_quoted(task.description or f"The task {task.name}."), ""]
    lines += ["from pet import PVP, Task, Verbalizer", ""]
    lines += _comment(comments, "words")
    for name, verbalizer in zip(names, verbalizers, strict=True):
        lines += [f"{name} = Verbalizer(", *_words(verbalizer), ")"]
    lines += [
        "",
        "task = Task(",
        f"    name={_quoted(task.name)},",
        f"    labels={_list(task.labels)},",
        f"    fields={_list(task.fields)},",
    ]
    if task.description:
        lines.append(f"    description={_quoted(task.description)},")
    if task.columns:
        lines.append(f"    columns={_mapping(task.columns)},")
    if task.label_column != "label":
        lines.append(f"    label_column={_quoted(task.label_column)},")
    if tuple(task.metrics) != ("accuracy",):
        lines.append(f"    metrics={_list(task.metrics)},")
    if task.kind != "single":
        lines.append(f"    kind={_quoted(task.kind)},")
    if task.label_separator != ";":
        lines.append(f"    label_separator={_quoted(task.label_separator)},")
    lines += [f"    {line}" for line in _comment(comments, "patterns")]
    lines.append("    pvps=[")
    for pvp in task.pvps:
        words = ", ".join(names[verbalizers.index(verbalizer)] for verbalizer in pvp.verbalizers)
        soft = f", soft={_quoted(pvp.soft)}" if pvp.soft else ""
        lines.append(f"        PVP({_quoted(pvp.pattern.template)}, {words}{soft}),")
    lines += ["    ],", ")"]
    return "\n".join(lines) + "\n"


def _comment(comments: Mapping[str, str] | None, key: str) -> list[str]:
    return [f"# {line}" for line in (comments or {}).get(key, "").splitlines()]


def _words(verbalizer: Verbalizer) -> list[str]:
    lines = ["    {"]
    for label, words in verbalizer.words.items():
        equal = all(weight == 1 for weight in words.values())
        shown = _list(list(words)) if equal else _mapping(words)
        lines.append(f"        {_quoted(label)}: {shown},")
    lines.append("    },")
    for name, usual in (("combine", "mean"), ("decoding", "max-first")):
        if getattr(verbalizer, name) != usual:
            lines.append(f"    {name}={_quoted(getattr(verbalizer, name))},")
    return lines


def _quoted(text: str) -> str:
    # JSON strings are Python strings, in double quotes.
    return json.dumps(text, ensure_ascii=False)


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _mapping(pairs: Mapping[str, object]) -> str:
    return json.dumps(dict(pairs), ensure_ascii=False)
