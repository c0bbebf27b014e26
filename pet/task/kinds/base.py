"""Kind: everything that the kind of a task decides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from numpy.typing import NDArray

from pet.task.labels import Label
from pet.types import Ints

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from pet.task.task import Task

Array = TypeVar("Array", NDArray[Any], "Tensor")


class Kind(ABC):
    """How scores (N, C) and labels of N texts are understood. D decisions, A alternatives each.

    Attributes
    ----------
    accuracy_title : str
        Heads columns of test accuracies.
    without_metrics : set of str
        Names of the metrics that have no meaning for the kind.
    problem_type : str
        Name that transformers has for such classifiers.
    empty_label : Label or None
        Label that an empty cell stands for; None where it stands for none.
    has_prior : bool
        Whether mean scores of unlabelled text tell which labels are preferred to others.
    """

    accuracy_title: ClassVar[str]
    without_metrics: ClassVar[frozenset[str]] = frozenset()
    problem_type: ClassVar[str]
    empty_label: ClassVar[Label | None] = None
    has_prior: ClassVar[bool] = True

    def check_task(self, task: Task) -> None:  # noqa: B027 (most kinds refuse none)
        """Refuse a task that this kind cannot be, with a `TaskError`."""

    # Labels as people write them.

    @abstractmethod
    def read(self, where: str, value: Any, task: Task) -> Label:
        """Read what a row has for one text; ``where`` is its place, for messages."""

    @abstractmethod
    def label_list(self, labels: Any, task: Task) -> list[Any]:
        """Return the labels of several texts as `read` takes them, one after the other."""

    def is_indicator(self, labels: Any, task: Task) -> bool:
        """Tell whether labels of several texts are given as numbers (N, C)."""
        return False

    def answers(self, predicted: Ints, known: Sequence[str], as_indicator: bool) -> Any:
        """Return predictions in the form in which people give labels."""
        return [self.label(row, known) for row in predicted]

    @abstractmethod
    def label(self, predicted: Any, known: Sequence[str]) -> Label:
        """Name one text's prediction."""

    @abstractmethod
    def check_examples(self, labels: Sequence[Label | None], known: Sequence[str]) -> None:
        """Refuse labelled examples that nothing can be learned from.

        Raises
        ------
        DataError
            Says which labels are missing.
        """

    def described(self, labels: Sequence[Label | None]) -> list[str]:
        """Say in lines what is worth knowing of labelled examples, beside the counts of labels."""
        return []

    # Labels as numbers.

    @abstractmethod
    def targets(self, labels: Sequence[Label | None], known: Sequence[str]) -> Ints:
        """Return labels as numbers: (N,), or (N, C) with 1 for every label that a text has."""

    @abstractmethod
    def truth(self, targets: Ints, n_labels: int) -> NDArray[np.bool_]:
        """Tell which labels are true, (N, C)."""

    @abstractmethod
    def confusion(self, targets: Ints, predicted: Ints, n_labels: int) -> list[list[int]]:
        """Count predictions, true labels in rows; [] where a text has several labels."""

    def strata(self, targets: Ints) -> Ints | None:
        """Return the groups, (N,), whose shares splits keep; None where there are too many."""
        return None

    # Scores and probabilities.

    @abstractmethod
    def alternatives(self, n_labels: int) -> int:
        """Return how many there are in each decision, A."""

    @abstractmethod
    def decisions(self, scores: Array) -> Array:
        """Lay out scores (..., N, C) as (..., D, A)."""

    @abstractmethod
    def scores(self, decisions: Array, n_labels: int) -> Array:
        """Undo `decisions`, up to what does not change probabilities."""

    @abstractmethod
    def decided(self, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which decisions (D,) can be made where only some questions (N, Q) were asked."""

    @abstractmethod
    def outcomes(self, targets: Ints) -> Ints:
        """Return the true alternative of each decision, (D,)."""

    @abstractmethod
    def probabilities(self, scores: NDArray[Any]) -> NDArray[Any]:
        """Turn scores into probabilities, both (N, C)."""

    @abstractmethod
    def scores_of(self, probabilities: NDArray[Any]) -> NDArray[Any]:
        """Turn probabilities into scores, both (N, C)."""

    @abstractmethod
    def shares(self, probabilities: NDArray[Any]) -> NDArray[Any]:
        """Lay out probabilities (N, C) as those of alternatives, (D, A)."""

    @abstractmethod
    def predicted(self, probabilities: NDArray[Any]) -> Ints:
        """Decide: targets as `targets` gives them."""

    @abstractmethod
    def mean_scores(self, scores: NDArray[Any], targets: Ints) -> NDArray[np.float64]:
        """Mean scores (V, C) over labelled examples (V, N, C), every label counting the same."""

    def learner(self, classifier: Any) -> Any:
        """Make a scikit-learn classifier of one label a text learn targets of this kind."""
        return classifier
