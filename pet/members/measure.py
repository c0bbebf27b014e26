"""Accuracy of a member on labelled examples, and the spread of its scores."""

from __future__ import annotations

from collections.abc import Sequence

from pet.backbone import LanguageModel
from pet.data import Example
from pet.encoding import Chunk
from pet.scoring import Scorer
from pet.task import Task
from pet.task.kinds import accuracy, targets_of, task_kind
from pet.types import Scores

# Accuracy, and the standard deviation of scores around their mean over the labels.
MemberFigures = tuple[float | None, float | None]


class Measure:
    """Accuracy on some examples and the spread of their scores; both None without examples."""

    def __init__(self, examples: Sequence[Example], task: Task, backbone: LanguageModel) -> None:
        self._task = task
        self._chunk = Chunk(backbone.tokenizer, [example.texts for example in examples])
        self._targets = targets_of(task, [example.label for example in examples])

    def __call__(self, scorer: Scorer) -> MemberFigures:
        """Score the examples, and return the figures."""
        return self.figures(scorer.score(self._chunk)) if len(self._chunk) else (None, None)

    def figures(self, scores: Scores) -> MemberFigures:
        """Return the figures of scores (V, N, C) of the examples."""
        if not len(self._chunk):
            return None, None
        means = scores.mean(axis=0)
        decisions = task_kind(self._task).decisions(means)
        around = decisions - decisions.mean(axis=1, keepdims=True)
        return accuracy(self._task, means, self._targets), float(around.std())
