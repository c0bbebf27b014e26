"""Tasks whose texts have one label each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from pet.errors import DataError, quoted
from pet.task.kinds.base import Array, Kind
from pet.task.labels import Label, known_label, label_numbers
from pet.types import Floats, Ints

if TYPE_CHECKING:
    from pet.task.task import Task


class OneLabel(Kind):
    """Every text has one label: the likeliest in a softmax over the labels."""

    has_one_label = True

    accuracy_title = "test accuracy"
    # Micro F1 equals the accuracy here; labels without order have no distance.
    without_metrics = frozenset({"micro_f1", "mean_absolute_error"})
    problem_type = "single_label_classification"

    def read(self, where: str, value: Any, task: Task) -> Label:
        """Read a label's name; a list of one is that label."""
        if isinstance(value, list | tuple) and len(value) == 1:
            (value,) = value
        if isinstance(value, list | tuple):
            raise DataError(
                f"{where}: expected one label, found {quoted(value)}.",
                f"Say kind='multi-label' in the task {task.name!r} if a text may have several.",
                kind=("several labels",),
            )
        return known_label(where, value, task)

    def label_list(self, labels: Any, task: Task) -> list[Any]:
        """Return the labels, one by one."""
        return list(labels)

    def answers(self, predicted: Ints, known: Sequence[str], as_indicator: bool) -> Any:
        """Return an array of names, (N,)."""
        return np.asarray(np.array(known)[predicted])

    def label(self, predicted: Any, known: Sequence[str]) -> Label:
        """Return the label's name."""
        return known[int(predicted)]

    def check_examples(self, labels: Sequence[Label | None], known: Sequence[str]) -> None:
        """Refuse examples that all have one label, or that are fewer than the labels."""
        present = set(labels)
        missing = [label for label in known if label not in present]
        if len(present) == 1:
            raise DataError(
                f"All {len(labels)} labelled examples have the label {present.pop()!r}; a "
                "classifier needs at least two.",
                "Label some examples of " + ", ".join(map(repr, missing[:5])) + ".",
            )
        if len(labels) < len(known):
            raise DataError(
                f"{len(labels)} labelled examples are fewer than the task's {len(known)} "
                f"labels; {', '.join(map(repr, missing[:5]))} have none.",
                "Label at least one example of every label.",
            )

    def targets(self, labels: Sequence[Label | None], known: Sequence[str]) -> Ints:
        """Return label numbers, (N,)."""
        return label_numbers(labels, known)

    def alone(self, numbers: Ints, n_labels: int) -> Ints:
        """Return the numbers, (N,)."""
        return numbers

    def truth(self, targets: Ints, n_labels: int) -> NDArray[np.bool_]:
        """Return one-hot rows, (N, C)."""
        return cast(NDArray[np.bool_], targets[:, None] == np.arange(n_labels))

    def confusion(self, targets: Ints, predicted: Ints, n_labels: int) -> list[list[int]]:
        """Return the confusion matrix, (C, C) with true labels in rows."""
        from sklearn.metrics import confusion_matrix

        counts: list[list[int]] = confusion_matrix(
            targets, predicted, labels=list(range(n_labels))
        ).tolist()
        return counts

    def strata(self, targets: Ints) -> Ints | None:
        """Return the label numbers."""
        return targets

    def alternatives(self, n_labels: int) -> int:
        """Return the number of labels."""
        return n_labels

    def decisions(self, scores: Array) -> Array:
        """Return the scores: every text is one decision."""
        return scores

    def scores(self, decisions: Array, n_labels: int) -> Array:
        """Return the decisions, which are the scores."""
        return decisions

    def decided(self, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return True for all: a label that was not asked about is only no candidate."""
        return np.ones(len(asked), dtype=bool)

    def outcomes(self, targets: Ints) -> Ints:
        """Return the label numbers."""
        return targets

    def probabilities(self, scores: Floats) -> Floats:
        """Return the softmax of every row."""
        # scipy's function, whose import takes longer than labelling a text.
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return cast(Floats, shares / shares.sum(axis=-1, keepdims=True))

    def scores_of(self, probabilities: Floats) -> Floats:
        """Return the log-probabilities."""
        with np.errstate(divide="ignore"):
            return cast(Floats, np.log(probabilities))

    def shares(self, probabilities: Floats) -> Floats:
        """Return the probabilities."""
        return probabilities

    def predicted(self, probabilities: Floats) -> Ints:
        """Return the number of the likeliest label, (N,)."""
        return cast(Ints, probabilities.argmax(axis=-1))

    def mean_scores(self, scores: Floats, targets: Ints) -> NDArray[np.float64]:
        """Return the mean of the labels' mean scores, (V, C)."""
        by_label = [scores[:, targets == label].mean(axis=1) for label in np.unique(targets)]
        means: NDArray[np.float64] = np.stack(by_label).mean(axis=0, dtype=np.float64)
        return means


class OrderedLabels(OneLabel):
    """Every text has one label of an ordered list: being off by one is better than by two."""

    without_metrics = frozenset({"micro_f1"})
