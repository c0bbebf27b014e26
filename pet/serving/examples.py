"""Examples of requests for OpenAPI, made of the fields and members of what is served now."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from pet.serving.served import Served
from pet.serving.service import Service
from pet.task import Task

if TYPE_CHECKING:
    from fastapi import FastAPI

_TEXT = "It broke on the second day."


def describe(app: FastAPI, service: Service) -> None:
    """Make an application's description name what its service serves, also after a reload."""
    general = app.openapi
    described: dict[Served, dict[str, Any]] = {}

    def openapi() -> dict[str, Any]:
        served = service.served
        if served not in described:
            schema = copy.deepcopy(general())
            schema["info"]["title"] = f"pet: {served.name}"
            for path, examples in (
                ("/predict", predict_examples(served)),
                ("/explain", explain_examples(served)),
            ):
                content = schema["paths"][path]["post"]["requestBody"]["content"]
                content["application/json"]["examples"] = examples
            described.clear()  # of one at a time: a model is not kept for its description
            described[served] = schema
        return described[served]

    app.openapi = openapi  # type: ignore[method-assign]


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
