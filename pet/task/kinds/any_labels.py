"""Tasks whose texts have any number of labels each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from pet.errors import DataError, quoted
from pet.task.kinds.base import Array, Kind
from pet.task.label_names import label_meant
from pet.task.label_questions import UNLABELLED, check_label_questions
from pet.task.labels import Label, UnknownLabel, known_label, names
from pet.types import Floats, Ints

if TYPE_CHECKING:
    from pet.task.task import Task


class AnyLabels(Kind):
    """Every text has any number of labels; those of a probability from 0.5 on are predicted."""

    accuracy_title = "test, all labels right"
    without_metrics = frozenset({"mean_absolute_error"})
    problem_type = "multi_label_classification"
    empty_label = ()
    unlabelled = UNLABELLED
    # Unlabelled text shows which labels are preferred to others, not how often one is true.
    has_prior = False

    def check_task(self, task: Task) -> None:
        """Refuse a task that does not ask about each label, or cannot tell labels apart."""
        check_label_questions(task)

    def read(self, where: str, value: Any, task: Task) -> Label:
        """Read a list of labels, or one text with the task's separator between them."""
        if isinstance(value, str):
            _check_separator(where, value, task)
            value = [name for name in value.split(task.label_separator) if name.strip()]
        if isinstance(value, dict) or not hasattr(value, "__iter__"):
            raise DataError(
                f"{where}: expected a list of labels, found {quoted(value)}.",
                f'Write ["one", "another"], or "one{task.label_separator}another".',
                kind=("no list of labels",),
            )
        named = list(value)
        try:
            given = {known_label(where, name, task) for name in named}
        except UnknownLabel as error:
            error.is_near |= any(label_meant(name, task.labels) for name in named)
            raise
        return tuple(label for label in task.labels if label in given)

    def label_list(self, labels: Any, task: Task) -> list[Any]:
        """Return a list of labels for each text, also from an array (N, C) of 0 and 1.

        The array may be sparse or a data frame.

        Raises
        ------
        DataError
            When an array has other numbers, or another number of columns.
        """
        if not self.is_indicator(labels, task):
            if getattr(labels, "ndim", 1) == 2:
                raise DataError(
                    f"Expected an array of 0 and 1 with {len(task.labels)} columns, one a label; "
                    f"found the shape {tuple(labels.shape)}."
                )
            return list(labels)
        table = _dense(labels)
        if not np.isin(table, (0, 1)).all():
            raise DataError("Expected an array of 0 and 1, found other numbers in it.")
        return [[task.labels[column] for column in np.flatnonzero(row).tolist()] for row in table]

    def is_indicator(self, labels: Any, task: Task) -> bool:
        """Tell whether labels are an array (N, C) of numbers, or lists of this shape."""
        try:
            table = _dense(labels)
        except ValueError:  # lists of different lengths
            return False
        shaped = table.ndim == 2 and table.shape[1] == len(task.labels)
        return shaped and table.dtype.kind in "biuf"

    def answers(self, predicted: Ints, known: Sequence[str], as_indicator: bool) -> Any:
        """Return tuples of names, or the array (N, C) of 0 and 1."""
        return predicted if as_indicator else super().answers(predicted, known, as_indicator)

    def label(self, predicted: Any, known: Sequence[str]) -> Label:
        """Return the names of the predicted labels."""
        return tuple(label for label, has in zip(known, predicted, strict=True) if has)

    def check_examples(self, labels: Sequence[Label | None], known: Sequence[str]) -> None:
        """Refuse examples that all have no label, or all labels."""
        label_sets = [set(names(label)) for label in labels]
        present = set[str]().union(*label_sets)
        if not present or all(len(label_set) == len(known) for label_set in label_sets):
            raise DataError(
                "Every labelled example has " + ("all labels." if present else "no label at all."),
                "Label examples that differ.",
            )

    def described(self, labels: Sequence[Label | None]) -> list[str]:
        """Describe the number of labels of a text."""
        counts = [len(names(label)) for label in labels]
        return [
            f"labels a text: {np.mean(counts or [0]):.1f} on average, at most "
            f"{max(counts, default=0)}; {counts.count(0)} texts have none"
        ]

    def targets(self, labels: Sequence[Label | None], known: Sequence[str]) -> Ints:
        """Return 1 where a text has a label, otherwise 0: (N, C)."""
        rows = [[label in names(given) for label in known] for given in labels]
        return np.array(rows, dtype=np.int64).reshape(len(labels), len(known))

    def alone(self, numbers: Ints, n_labels: int) -> Ints:
        """Return rows with a single 1, (N, C)."""
        return np.eye(n_labels, dtype=np.int64)[numbers]

    def truth(self, targets: Ints, n_labels: int) -> NDArray[np.bool_]:
        """Return the targets as booleans, (N, C)."""
        return targets.astype(bool)

    def confusion(self, targets: Ints, predicted: Ints, n_labels: int) -> list[list[int]]:
        """Return an empty table: texts with several labels have no place in one."""
        return []

    def alternatives(self, n_labels: int) -> int:
        """Return 2: no and yes."""
        return 2

    def decisions(self, scores: Array) -> Array:
        """Return (0, s) for every score s: (..., N C, 2)."""
        if isinstance(scores, np.ndarray):
            both = np.stack([np.zeros_like(scores), scores], axis=-1)
            return both.reshape(*scores.shape[:-2], -1, 2)
        import torch

        pairs = torch.stack([torch.zeros_like(scores), scores], dim=-1)
        return pairs.reshape(*scores.shape[:-2], -1, 2)

    def scores(self, decisions: Array, n_labels: int) -> Array:
        """Return the log-odds of yes, (..., N, C)."""
        odds = decisions[..., 1] - decisions[..., 0]
        by_text: Array = odds.reshape(*odds.shape[:-1], -1, n_labels)
        return by_text

    def decided(self, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the labels that were asked about, (N C,)."""
        return asked.reshape(-1)

    def outcomes(self, targets: Ints) -> Ints:
        """Return 0 for no and 1 for yes, (N C,)."""
        return targets.reshape(-1)

    def probabilities(self, scores: Floats) -> Floats:
        """Return the sigmoid of every score, (N, C)."""
        from scipy.special import expit

        return cast(Floats, expit(scores))

    def scores_of(self, probabilities: Floats) -> Floats:
        """Return the log-odds, (N, C)."""
        from scipy.special import logit

        return cast(Floats, logit(probabilities))

    def shares(self, probabilities: Floats) -> Floats:
        """Return the probabilities of no and yes, (N C, 2)."""
        return np.stack([1 - probabilities, probabilities], axis=-1).reshape(-1, 2)

    def predicted(self, probabilities: Floats) -> Ints:
        """Return 1 where a probability is at least 0.5, otherwise 0: (N, C)."""
        return (probabilities >= 0.5).astype(np.int64)

    def mean_scores(self, scores: Floats, targets: Ints) -> NDArray[np.float64]:
        """Return the midpoint between the mean scores of texts with a label and without it, (V, C).

        A label that all texts have, or none, gets the mean of the other labels' values.
        """
        truth = targets.astype(bool)
        sides = []
        for side in (truth, ~truth):
            sums = (scores * side).sum(axis=1, dtype=np.float64)
            sides.append(sums / np.maximum(side.sum(axis=0), 1))
        known = truth.any(axis=0) & ~truth.all(axis=0)
        means = (sides[0] + sides[1]) / 2
        others = means[:, known].mean(axis=1, keepdims=True) if known.any() else 0.0
        return np.where(known, means, others)

    def learner(self, classifier: Any) -> Any:
        """Return a classifier that learns every label against the rest."""
        from sklearn.multiclass import OneVsRestClassifier

        return OneVsRestClassifier(classifier)


def _check_separator(where: str, cell: str, task: Task) -> None:
    """Refuse a cell whose labels have another separator between them than the task's."""
    for separator in ";,|#/+ \t":
        parts = [part.strip() for part in cell.split(separator) if part.strip()]
        if (
            separator != task.label_separator
            and len(parts) > 1
            and cell.strip() not in task.labels
            and all(part in task.labels for part in parts)
        ):
            raise DataError(
                f"{where}: the labels in {quoted(cell)} are not separated by "
                f"{task.label_separator!r}.",
                f"Say label_separator={separator!r} in the task {task.name!r}.",
                kind=("separator", separator),
            )


def _dense(labels: Any) -> NDArray[Any]:
    return np.asarray(labels.toarray() if hasattr(labels, "toarray") else labels)
