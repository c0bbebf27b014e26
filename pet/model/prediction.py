"""Predictions: scores turned into a label, probabilities and a confidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pet.data import Example, Fault, chunked
from pet.model.base import Scoring
from pet.task import Task
from pet.task.kinds import confidence, task_kind
from pet.task.labels import Label
from pet.types import Floats, Scores

T = TypeVar("T")
CHUNK = 1024
FIRST_CHUNK = 16


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
    return predictions_from(task, task_kind(task).probabilities(scores), threshold)


def predictions_from(
    task: Task, probabilities: Floats, threshold: float = 0.0
) -> Iterator[Prediction]:
    """Turn probabilities (N, C) into N predictions; see `predict_stream`."""
    kind = task_kind(task)
    predicted, confidences = kind.predicted(probabilities), confidence(kind, probabilities)
    for row in range(len(probabilities)):
        by_label = dict(zip(task.labels, probabilities[row].tolist(), strict=True))
        label = kind.label(predicted[row], task.labels) if confidences[row] >= threshold else None
        yield Prediction(label, by_label, float(confidences[row]))


def predict_stream(
    model: Scoring, examples: Iterable[Example], chunk_size: int = CHUNK, threshold: float = 0.0
) -> Iterator[tuple[Example, Prediction]]:
    """Label examples one chunk at a time; memory does not grow with their number.

    A prediction whose probability is below ``threshold`` has no label.
    """
    for chunk in chunked(examples, chunk_size):
        yield from zip(chunk, predict_examples(model, chunk, threshold), strict=True)


def predict_examples(
    model: Scoring, examples: Sequence[Example], threshold: float = 0.0
) -> Iterator[Prediction]:
    """Label some examples at once; see `predict_stream`."""
    scores = model.scores([example.texts for example in examples])
    return predictions(model.task, scores, threshold)


def predict_among_faults(
    rows: Iterable[T | Fault], predict: Callable[[list[T]], Iterable[Prediction]]
) -> Iterator[list[tuple[T | Fault, Prediction | None]]]:
    """Label the rows that could be read, and yield chunk after chunk; faults keep their places.

    The first chunk has `FIRST_CHUNK` rows and the next ones more, up to `CHUNK`: on a slow stream
    the first predictions come early.

    Parameters
    ----------
    rows : iterable
        Rows and faults, as `pet.data.faults.with_faults` yields them.
    predict : callable
        Labels a list of rows.
    """
    for chunk in chunked(rows, CHUNK, FIRST_CHUNK):
        readable = [row for row in chunk if not isinstance(row, Fault)]
        labelled = iter(predict(readable) if readable else ())
        yield [(row, None if isinstance(row, Fault) else next(labelled)) for row in chunk]
