"""Evidence: the examples that a run keeps for people to look at; see `pet report`."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pet.config import SuggestConfig
from pet.data import Data, Example
from pet.evaluation.explanation import view_members
from pet.model import EnsembleModel
from pet.runs import RunFolder
from pet.search.panel import Panel
from pet.search.suggestion import suggest
from pet.task import Task
from pet.task.kinds import confidence, right, targets_of, task_kind
from pet.task.labels import names
from pet.types import Scores

KEPT = 8
_EXPLAINED = 2  # of every group


@dataclass(frozen=True)
class Mistake:
    """A test example with a wrong prediction, and its probabilities by label.

    ``confidence`` is the probability of the wrong prediction.
    """

    example: Example
    probabilities: dict[str, float]
    confidence: float


def surest_mistakes(
    earlier: Iterable[Mistake],
    chunk: Sequence[Example],
    scores: Scores,
    task: Task,
    most: int = KEPT,
) -> list[Mistake]:
    """Add a chunk of test examples to the mistakes that were made with the highest confidence.

    Parameters
    ----------
    earlier : iterable of Mistake
        Mistakes of the chunks before.
    chunk : sequence of Example
        N test examples with their true labels.
    scores : array (N, C)
        Label scores of the chunk.
    task : Task
        The task: its labels and its kind are used.
    most : int
        Most mistakes that are kept in all.
    """
    kind, truth = task_kind(task), targets_of(task, [example.label for example in chunk])
    shares = kind.probabilities(scores.astype(np.float64))
    sure = np.where(right(kind.predicted(shares), truth), -1, confidence(kind, shares))
    rows = [row for row in np.argsort(-sure, kind="stable")[:most].tolist() if sure[row] >= 0]
    mistakes = [
        Mistake(
            chunk[row], dict(zip(task.labels, shares[row].tolist(), strict=True)), float(sure[row])
        )
        for row in rows
    ]
    return heapq.nlargest(most, [*earlier, *mistakes], key=lambda mistake: mistake.confidence)


def keep_examples(
    folder: RunFolder,
    data: Data,
    ensemble: EnsembleModel | None,
    mistakes: Sequence[Mistake],
    most: int = KEPT,
) -> None:
    """Write the examples of a page: counts of labels, and examples worth a look.

    There are four groups: unlabelled texts of which the ensemble is least sure, those on which its
    members agree least (both only if the members scored the pool), the surest mistakes on test
    examples, and labelled examples. Some of each group are explained with every member's view.

    Parameters
    ----------
    folder : RunFolder
        Folder of a finished run.
    data : Data
        The examples that the run learned from.
    ensemble : EnsembleModel, optional
        The run's members; a method without patterns has none.
    mistakes : sequence of Mistake
        The surest mistakes of the final model.
    most : int
        Most examples of every group.
    """
    kept: dict[str, Any] = {
        "labels": dict(Counter(label for example in data.train for label in names(example.label))),
        "mistakes": [
            {"texts": dict(mistake.example.texts), "label": _label(mistake.example),
             "probabilities": mistake.probabilities}
            for mistake in mistakes
        ],
    }  # fmt: skip
    if ensemble is not None:
        kept |= _unsure(folder, data, ensemble, most)
        first = {example.label: example for example in reversed(data.train)}
        labelled = [{"texts": dict(e.texts), "label": _label(e)} for e in first.values()]
        groups = {"labelled": labelled, **{group: kept.get(group, []) for group in _GROUPS}}
        chosen = [(group, shown) for group in groups for shown in groups[group][:_EXPLAINED]]
        views = view_members(ensemble, [shown["texts"] for _, shown in chosen])
        kept["explained"] = [
            {"kind": group, "texts": shown["texts"], "label": shown.get("label"), **asdict(view)}
            for (group, shown), view in zip(chosen, views, strict=True)
        ]
    folder.write_json(folder.examples, kept)


def _label(example: Example) -> str:
    return ", ".join(names(example.label))


_GROUPS = ("uncertain", "disputed", "mistakes")


def _unsure(
    folder: RunFolder, data: Data, ensemble: EnsembleModel, most: int
) -> dict[str, list[dict[str, Any]]]:
    names = [spec.name for spec in ensemble.members.specs]
    if data.pool is None or not all(folder.has(folder.member(name).scores) for name in names):
        return {}
    panel, unsure = Panel(ensemble, folder), {}
    measures = {"uncertain": "entropy"} | ({"disputed": "disagreement"} if len(names) > 1 else {})
    for group, measure in measures.items():
        config = SuggestConfig(measure, candidates=1)
        unsure[group] = [
            {"texts": dict(suggestion.example.texts), "value": suggestion.value,
             "probabilities": dict(suggestion.probabilities)}
            for suggestion in suggest(panel, data.pool, most, config, seed=0)
        ]  # fmt: skip
    return unsure
