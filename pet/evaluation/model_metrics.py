"""Evaluate a model on labelled examples, or probabilities on true labels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from pet.data import Columns, Example, examples_from
from pet.errors import UsageError
from pet.evaluation.metrics import Evaluation
from pet.evaluation.metrics import evaluate as evaluate_arrays
from pet.model import Scoring
from pet.model.prediction import predict_stream
from pet.task import Task
from pet.task.kinds import targets_of
from pet.types import Ints


@overload
def evaluate(model: Scoring, examples: str | Path | Iterable[Example], /) -> Evaluation: ...


@overload
def evaluate(probabilities: NDArray[Any], targets: Ints, task: Task, /) -> Evaluation: ...


def evaluate(predicted: Any, truth: Any, task: Task | None = None, /) -> Evaluation:
    """Measure how good predictions are: ``evaluate(model, examples)``.

    Parameters
    ----------
    predicted : model or array (N, C)
        A fitted `PETClassifier` or a model that `load_model` returned; or probabilities, whose
        columns are in the order of the task's labels.
    truth : iterable of Example, str, Path or array
        For a model, labelled examples or the file that holds them (.jsonl, .csv or .tsv). For
        probabilities, the indices of the true labels, (N,); of multi-label tasks 0 and 1, (N, C).
    task : Task, optional
        The task of the probabilities; not needed for a model.

    Returns
    -------
    Evaluation
        Accuracy, F1, expected calibration error, figures of each label and more.

    Raises
    ------
    DataError
        When there are no examples, or one has no label.
    UsageError
        When probabilities come without a task.

    Examples
    --------
    >>> import numpy as np
    >>> from pet import evaluate, load_task
    >>> probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    >>> figures = evaluate(probabilities, np.array([0, 1, 1, 1]), load_task("reviews"))
    >>> figures.accuracy
    0.75
    >>> figures.confusion
    [[1, 0], [1, 2]]
    """
    model = getattr(predicted, "model_", predicted)  # a PETClassifier holds its model
    if not hasattr(model, "scores"):
        if task is None:
            raise UsageError(
                "evaluate(probabilities, targets) was given no task.",
                "Call evaluate(model, examples), or evaluate(probabilities, targets, task).",
            )
        return evaluate_arrays(np.asarray(predicted), np.asarray(truth), task)
    if isinstance(truth, str | Path):
        truth = examples_from(truth, Columns(model.task, {}))
    labels, probabilities = [], []
    for example, prediction in predict_stream(model, truth):
        labels.append(example.label)
        probabilities.append(list(prediction.probabilities.values()))
    return evaluate_arrays(np.array(probabilities), targets_of(model.task, labels), model.task)
