"""The examples that a run keeps for people to look at: see `pet report`."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pet.config import SuggestConfig
from pet.data import Data, Example
from pet.evaluation.explanation import look
from pet.model import EnsembleModel
from pet.runs import RunFolder
from pet.search.panel import Panel
from pet.search.suggestion import suggest
from pet.task import Task
from pet.task.kinds import confidence, right, targets_of, task_kind
from pet.task.labels import names
from pet.types import Scores

KEPT = 8
_EXPLAINED = 2  # of every kind


@dataclass(frozen=True)
class Mistake:
    """A test example whose label was not found, and what was found in its place.

    ``confidence`` is the probability that was given to the wrong prediction.
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
        Those of the chunks before.
    chunk : sequence of Example
        With their true labels.
    scores : array (N, C)
        Of the chunk.
    task : Task
        Its labels and its kind.
    most : int
        How many are kept in all.
    """
    kind, truth = task_kind(task), targets_of(task, [example.label for example in chunk])
    shares = kind.probabilities(scores.astype(np.float64))
    sure = np.where(right(kind.predicted(shares), truth), -1, confidence(kind, shares))
    rows = [row for row in np.argsort(-sure, kind="stable")[:most].tolist() if sure[row] >= 0]
    own = [
        Mistake(
            chunk[row], dict(zip(task.labels, shares[row].tolist(), strict=True)), float(sure[row])
        )
        for row in rows
    ]
    return heapq.nlargest(most, [*earlier, *own], key=lambda mistake: mistake.confidence)


def keep_examples(
    folder: RunFolder,
    data: Data,
    ensemble: EnsembleModel | None,
    mistakes: Sequence[Mistake],
    most: int = KEPT,
) -> None:
    """Write what a page shows: counts of labels, and examples worth a look.

    These are the unlabelled texts of which the ensemble is least sure and about which its members
    agree least (where they scored the pool, which is streamed), the surest mistakes on test
    examples, and of each kind, and of the labelled examples, some with every member's view.

    Parameters
    ----------
    folder : RunFolder
        Of a finished run.
    data : Data
        What it learned from.
    ensemble : EnsembleModel, optional
        Its members; a method without patterns has none.
    mistakes : sequence of Mistake
        Of the final model.
    most : int
        How many of every kind.
    """
    kept: dict[str, Any] = {
        "labels": dict(Counter(label for example in data.train for label in names(example.label))),
        "mistakes": [
            {"texts": dict(own.example.texts), "label": _text(own.example),
             "probabilities": own.probabilities}
            for own in mistakes
        ],
    }  # fmt: skip
    if ensemble is not None:
        kept |= _unsure(folder, data, ensemble, most)
        first = {example.label: example for example in reversed(data.train)}
        labelled = [{"texts": dict(e.texts), "label": _text(e)} for e in first.values()]
        chosen = {"labelled": labelled, **{kind: kept.get(kind, []) for kind in _KINDS}}
        named = [(kind, own) for kind, some in chosen.items() for own in some[:_EXPLAINED]]
        views = look(ensemble, [own["texts"] for _, own in named])
        kept["explained"] = [
            {"kind": kind, "texts": own["texts"], "label": own.get("label"), **asdict(seen)}
            for (kind, own), seen in zip(named, views, strict=True)
        ]
    folder.write_json(folder.examples, kept)


def _text(example: Example) -> str:
    return ", ".join(names(example.label))


_KINDS = ("uncertain", "disputed", "mistakes")


def _unsure(
    folder: RunFolder, data: Data, ensemble: EnsembleModel, most: int
) -> dict[str, list[dict[str, Any]]]:
    names = [spec.name for spec in ensemble.members.specs]
    if data.pool is None or not all(folder.has(folder.member(name).scores) for name in names):
        return {}
    panel, found = Panel(ensemble, folder), {}
    measures = {"uncertain": "entropy"} | ({"disputed": "disagreement"} if len(names) > 1 else {})
    for kind, by in measures.items():
        how = SuggestConfig(by, candidates=1)
        found[kind] = [
            {"texts": dict(own.example.texts), "value": own.value,
             "probabilities": dict(own.probabilities)}
            for own in suggest(panel, data.pool, most, how, seed=0)
        ]  # fmt: skip
    return found
