"""Answers: predictions and explanations as JSON values; see `pet.serving.schemas`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pet.evaluation.explanation import MemberView
from pet.members import MemberSpec, PatternSpec
from pet.model import Prediction
from pet.serving.explaining import Explaining, Explanations, can_change
from pet.serving.served import Served
from pet.task import Task
from pet.task.kinds import task_kind
from pet.task.labels import Label

# Questions of a pattern that names a label, and words of a question, that an answer shows.
_MOST_QUESTIONS = 20
_MOST_WORDS = 50


def prediction_json(task: str, prediction: Prediction, threshold: float = 0.0) -> dict[str, Any]:
    """Return a prediction; below the threshold without its label."""
    label = prediction.label if prediction.probability >= threshold else None
    return {
        "task": task,
        "label": _label(label),
        "probability": prediction.probability,
        "probabilities": dict(prediction.probabilities),
    }


def explanation_json(task: Task, name: str, explained: Explanations) -> dict[str, Any]:
    """Return an explanation, with the views of all members."""
    return {
        "prediction": prediction_json(name, explained.prediction),
        "members_together": prediction_json(name, explained.together),
        "members": [
            _member(task, spec, view)
            for spec, view in zip(explained.specs, explained.views.members, strict=True)
        ],
    }


def _member(task: Task, spec: MemberSpec, view: MemberView) -> dict[str, Any]:
    kind, shares = task_kind(task), np.array([[*view.probabilities.values()]])
    return {
        "name": view.name,
        "weight": view.weight,
        "pattern": spec.title,
        "text": view.text,
        "label": _label(kind.label(kind.predicted(shares)[0], task.labels)),
        "probabilities": dict(view.probabilities),
        "words": [_words(spec, number, asked) for number, asked in enumerate(view.words)],
        "calibration": view.offsets,
        "notes": view.notes,
    }


def _words(
    spec: MemberSpec, number: int, asked: Mapping[str, Mapping[str, float]]
) -> list[dict[str, Any]]:
    """Return the words of one verbalizer with their scores, the best ones first."""
    owners: dict[str, str] = {}
    if isinstance(spec, PatternSpec) and number < len(spec.pvp.verbalizers):
        for label, words in spec.pvp.verbalizers[number].words.items():
            owners |= dict.fromkeys(words, label)
    return [
        {"word": word, "label": owners.get(word, ""), "score": score, "question": question}
        for question, scores in list(asked.items())[:_MOST_QUESTIONS]
        for word, score in sorted(scores.items(), key=lambda item: -item[1])[:_MOST_WORDS]
    ]


def tasks_json(served: Served) -> list[dict[str, Any]]:
    """Return the tasks that are served, with their members' patterns and words."""
    return [
        {
            "name": name,
            "description": task.description,
            "kind": task.kind,
            "fields": list(task.fields),
            "labels": list(task.labels),
            "members": _members(served.explaining.get(name)),
        }
        for name, task in served.tasks.items()
    ]


def _members(explaining: Explaining | None) -> list[dict[str, Any]]:
    specs: Sequence[MemberSpec] = ()
    if explaining is not None:
        specs = explaining.explained.ensemble.members.specs
    return [
        {
            "name": spec.name,
            "pattern": spec.title,
            "can_change": can_change(spec),
            "words": [
                {label: list(words) for label, words in verbalizer.words.items()}
                for verbalizer in spec.pvp.verbalizers
            ]
            if isinstance(spec, PatternSpec)
            else [],
        }
        for spec in specs
    ]


def _label(label: Label | None) -> str | list[str] | None:
    return list(label) if isinstance(label, tuple) else label
