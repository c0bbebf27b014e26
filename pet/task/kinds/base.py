"""Kind: the base class of kinds of tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from numpy.typing import NDArray

from pet.task.labels import Label
from pet.types import Floats, Ints

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from pet.task.task import Task

Array = TypeVar("Array", Floats, "Tensor")


class Kind(ABC):
    """A kind of task: the meaning of the scores (N, C) and the labels of N texts.

    Scores are laid out as D decisions between A alternatives each.

    Attributes
    ----------
    accuracy_title : str
        Title of columns of test accuracies.
    without_metrics : set of str
        Names of metrics that make no sense for the kind.
    problem_type : str
        Name of such classifiers in transformers.
    empty_label : Label or None
        Label of an empty cell; None if an empty cell is an error.
    unlabelled : str
        Cell of a text that nobody has labelled yet.
    has_prior : bool
        Whether mean scores of unlabelled text show which labels are preferred to others.
    """

    accuracy_title: ClassVar[str]
    without_metrics: ClassVar[frozenset[str]] = frozenset()
    problem_type: ClassVar[str]
    empty_label: ClassVar[Label | None] = None
    unlabelled: ClassVar[str] = ""
    has_prior: ClassVar[bool] = True
    # Whether each text has exactly one label, as some methods need it.
    has_one_label: ClassVar[bool] = False

    def check_task(self, task: Task) -> None:  # noqa: B027 (most kinds refuse none)
        """Refuse a task that does not fit this kind, with a `TaskError`; by default none."""

    # Labels as people write them.

    @abstractmethod
    def read(self, where: str, value: Any, task: Task) -> Label:
        """Read the label of one text from a row; ``where`` is its place, for messages."""

    @abstractmethod
    def label_list(self, labels: Any, task: Task) -> list[Any]:
        """Return the labels of several texts as a list, each as `read` takes it."""

    def is_indicator(self, labels: Any, task: Task) -> bool:
        """Tell whether labels of several texts are given as numbers (N, C)."""
        return False

    def answers(self, predicted: Ints, known: Sequence[str], as_indicator: bool) -> Any:
        """Return predictions in the form in which labels were given."""
        return [self.label(row, known) for row in predicted]

    @abstractmethod
    def label(self, predicted: Any, known: Sequence[str]) -> Label:
        """Return the label of one text's prediction."""

    @abstractmethod
    def check_examples(self, labels: Sequence[Label | None], known: Sequence[str]) -> None:
        """Refuse labelled examples that nothing can be learned from.

        Raises
        ------
        DataError
            Names the missing labels.
        """

    def described(self, labels: Sequence[Label | None]) -> list[str]:
        """Return lines about labelled examples, besides the counts of labels."""
        return []

    # Labels as numbers.

    @abstractmethod
    def targets(self, labels: Sequence[Label | None], known: Sequence[str]) -> Ints:
        """Return labels as numbers: (N,), or (N, C) with 1 where a text has a label."""

    @abstractmethod
    def alone(self, numbers: Ints, n_labels: int) -> Ints:
        """Return the targets of texts that have one label each, given by its number (N,)."""

    @abstractmethod
    def truth(self, targets: Ints, n_labels: int) -> NDArray[np.bool_]:
        """Tell which labels are true, (N, C)."""

    @abstractmethod
    def confusion(self, targets: Ints, predicted: Ints, n_labels: int) -> list[list[int]]:
        """Count predictions, (C, C) with true labels in rows; [] if texts have several labels."""

    def strata(self, targets: Ints) -> Ints | None:
        """Return groups (N,) for stratified splits; None if there are too many."""
        return None

    # Scores and probabilities.

    @abstractmethod
    def alternatives(self, n_labels: int) -> int:
        """Return the number of alternatives of each decision, A."""

    @abstractmethod
    def decisions(self, scores: Array) -> Array:
        """Lay out scores (..., N, C) as (..., D, A)."""

    @abstractmethod
    def scores(self, decisions: Array, n_labels: int) -> Array:
        """Return the inverse of `decisions`, up to a constant for each decision."""

    @abstractmethod
    def decided(self, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which decisions (D,) can be made after some questions (N, Q) were asked."""

    @abstractmethod
    def outcomes(self, targets: Ints) -> Ints:
        """Return the true alternative of each decision, (D,)."""

    @abstractmethod
    def probabilities(self, scores: Floats) -> Floats:
        """Turn scores into probabilities, both (N, C)."""

    @abstractmethod
    def scores_of(self, probabilities: Floats) -> Floats:
        """Turn probabilities into scores, both (N, C)."""

    @abstractmethod
    def shares(self, probabilities: Floats) -> Floats:
        """Lay out probabilities (N, C) as those of alternatives, (D, A)."""

    @abstractmethod
    def predicted(self, probabilities: Floats) -> Ints:
        """Return the predicted labels as numbers, as `targets` does."""

    @abstractmethod
    def mean_scores(self, scores: Floats, targets: Ints) -> NDArray[np.float64]:
        """Return mean scores (V, C) of labelled examples (V, N, C); all labels count the same."""

    def learner(self, classifier: Any) -> Any:
        """Return a scikit-learn classifier for targets of this kind, from a multi-class one."""
        return classifier
