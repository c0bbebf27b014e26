"""Predictions: scores turned into a label, probabilities and a confidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pet.data import Example, chunked
from pet.model.ensemble_model import Scoring
from pet.task import Task
from pet.task.kinds import confidence, task_kind
from pet.task.labels import Label
from pet.types import Scores


@dataclass(frozen=True)
class Prediction:
    """A label (in multi-label tasks a tuple of labels), and every label's probability.

    ``probability`` is that of the likeliest label, or of exactly this set of labels if they were
    independent. The label is None if ``probability`` is below the threshold.

    Examples
    --------
    >>> from pet import Prediction
    >>> prediction = Prediction("positive", {"negative": 0.1, "positive": 0.9}, 0.9)
    >>> prediction.label, prediction.probabilities["negative"]
    ('positive', 0.1)
    """

    label: Label | None
    probabilities: Mapping[str, float]
    probability: float


def predictions(task: Task, scores: Scores, threshold: float = 0.0) -> Iterator[Prediction]:
    """Turn label scores (N, C) into N predictions; see `predict_stream`."""
    kind = task_kind(task)
    probabilities = kind.probabilities(scores)
    predicted, confidences = kind.predicted(probabilities), confidence(kind, probabilities)
    for row in range(len(scores)):
        by_label = dict(zip(task.labels, probabilities[row].tolist(), strict=True))
        label = kind.label(predicted[row], task.labels) if confidences[row] >= threshold else None
        yield Prediction(label, by_label, float(confidences[row]))


def predict_stream(
    model: Scoring, examples: Iterable[Example], chunk_size: int = 1024, threshold: float = 0.0
) -> Iterator[tuple[Example, Prediction]]:
    """Label examples one chunk at a time; memory does not grow with their number.

    A prediction whose probability is below ``threshold`` has no label.
    """
    for chunk in chunked(examples, chunk_size):
        scores = model.scores([example.texts for example in chunk])
        yield from zip(chunk, predictions(model.task, scores, threshold), strict=True)
