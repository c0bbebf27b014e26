"""Examples of requests for OpenAPI, made of the fields and members of what is served."""

from __future__ import annotations

from typing import Any

from pet.serving.served import Served
from pet.task import Task

_TEXT = "It broke on the second day."


def predict_examples(served: Served) -> dict[str, Any]:
    """Return requests of /predict that this model answers."""
    name, task = next(iter(served.tasks.items()))
    several = len(served.tasks) > 1
    own = {"task": name} if several else {}
    examples: dict[str, Any] = {
        "one text": {"value": {"texts": [_text(task)], **own}},
        "with a threshold": {"value": {"texts": [_text(task)], "threshold": 0.8, **own}},
    }
    if several:
        mixed: list[Any] = [
            {"task": name, **_fields(task)} for name, task in list(served.tasks.items())[:3]
        ]
        examples["texts of several tasks"] = {"value": {"texts": mixed}}
    return examples


def explain_examples(served: Served) -> dict[str, Any]:
    """Return requests of /explain that this model answers, one with a changed pattern."""
    name = next(iter(served.explaining or served.tasks))
    task = served.tasks[name]
    own = {"task": name} if len(served.tasks) > 1 else {}
    examples: dict[str, Any] = {"one text": {"value": {"texts": [_text(task)], **own}}}
    if name in served.explaining:
        spec = served.explaining[name].explained.ensemble.members.specs[0]
        changes = {spec.name: {"pattern": spec.title}}
        examples["another pattern"] = {"value": {"texts": [_text(task)], "changes": changes, **own}}
    return examples


def _text(task: Task) -> str | dict[str, str]:
    return _TEXT if len(task.fields) == 1 else _fields(task)


def _fields(task: Task) -> dict[str, str]:
    return dict.fromkeys(task.fields, _TEXT)
