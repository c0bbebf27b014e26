"""A package as a stranger would write it: one thing of every kind, for test_plug_in to install."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pet import PVP, Example, Settings, Task, Verbalizer
from pet.data.formats import Format, SourceRow, decoded_lines
from pet.evaluation.metrics import Metric, Predictions
from pet.evaluation.study.baselines import BASELINES
from pet.members.kinds import MEMBER_KINDS
from pet.members.objectives import OBJECTIVES
from pet.model import Scoring
from pet.model.combiners import COMBINERS
from pet.scoring.readouts import READOUTS, Readout, ReadoutSite
from pet.scoring.soft import KINDS, SoftTemplate
from pet.search.suggestion import MEASURES, Judgement
from pet.task.kinds.one_label import OneLabel
from pet.types import Scores


def used(name: str) -> None:
    """Note that something of this package was used."""
    with Path(os.environ["GUEST_BOOK"]).open("a", encoding="utf-8") as book:
        book.write(f"{name}\n")


class GuestKind(KINDS["prompt-tuning"]):  # type: ignore[misc]
    """Free vectors."""

    def begin(self) -> SoftTemplate:
        """Return it."""
        used("guest-kind")
        template: SoftTemplate = super().begin()
        return template


class GuestMember(MEMBER_KINDS["contrastive"]):  # type: ignore[misc]
    """Texts as vectors."""

    kind = "guest-member"

    def reading(self, backbone: Any) -> Any:
        """Return the reading of texts."""
        used("guest-member")
        return super().reading(backbone)


class GuestObjective(OBJECTIVES["pet"]):  # type: ignore[misc]
    """The verbalizer's loss."""

    def prepare(self, *batch: Any) -> Any:
        """Return the loss of a batch."""
        used("guest-objective")
        return super().prepare(*batch)


def guest_readout(site: ReadoutSite) -> list[Readout]:
    """Read the label words."""
    used("guest-readout")
    return READOUTS["words"](site)


def guest_combiner(scores: Scores, weights: NDArray[np.float64]) -> Scores:
    """Mean of the scores."""
    used("guest-combiner")
    return COMBINERS["logits"](scores, weights)


def guest_measure(judgement: Judgement) -> Any:
    """Entropy."""
    used("guest-measure")
    return MEASURES["entropy"](judgement)


def guest_baseline(task: Task, examples: Sequence[Example], settings: Settings) -> Scoring:
    """TF-IDF."""
    used("guest-baseline")
    return BASELINES["tfidf"](task, examples, settings)


def brier(predictions: Predictions) -> float:
    """Mean squared distance of probabilities and truth (Brier 1950)."""
    truth = predictions.kind.truth(predictions.targets, len(predictions.task.labels))
    return float(((predictions.probabilities - truth) ** 2).sum(axis=1).mean())


guest_metric = Metric(brier, "Brier score", is_share=False)


def read_lines(name: str, stream: IO[bytes]) -> Iterator[SourceRow]:
    """Yield "label | text" as a row."""
    for number, line in enumerate(decoded_lines(name, stream), 1):
        label, _, text = line.strip().partition(" | ")
        yield f"{name}, line {number}", {"label": label, "text": text}


guest_format = Format(read_lines)


class GuestSort(OneLabel):
    """Tasks of one label a text."""

    accuracy_title = "guest accuracy"

    def check_task(self, task: Task) -> None:
        """Note the task."""
        used("guest-sort")


guest_sort = GuestSort()
_WORDS = Verbalizer({"negative": ["bad", "terrible"], "positive": ["good", "great"]})
guest_task = Task(
    name="guest-task",
    labels=["negative", "positive"],
    fields=["text"],
    description="Sentiment, from outside.",
    pvps=[PVP("{text} It was {mask}.", _WORDS), PVP("Just {mask}! {text}", _WORDS)],
    metrics=["guest-metric", "accuracy"],
    kind="guest-sort",
)
