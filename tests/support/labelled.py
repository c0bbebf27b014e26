"""Labellings of made-up texts, read by a reader that needs no model: words are the vector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from toy import toy_task

from pet.config import LabelConfig
from pet.data import Example
from pet.labelling.labelling import Labelling
from pet.labelling.quick_model import Evidence
from pet.labelling.session import Session
from pet.runs import LabellingFolder
from pet.task import Task

NOUNS = ("film", "food", "room", "train", "phone", "soup", "song", "hotel", "book", "game")
GOOD, BAD = ("fine", "great", "warm", "lovely"), ("sad", "awful", "cold", "dull")
LABELS = ("negative", "positive")


def pool(count: int = 60) -> list[Example]:
    """Texts that differ, every second one of each label."""
    return [
        Example({"text": f"{(BAD, GOOD)[n % 2][n // 2 % 4]} {NOUNS[n % 10]} number {n}"})
        for n in range(count)
    ]


def truth(text: str) -> str:
    """Return the label of a made-up text."""
    return LABELS[text.split()[0] in GOOD]


class WordReader:
    """Reads texts as counts of known words; its one pattern has no idea."""

    members = 1

    def __init__(self) -> None:
        self.read_texts = 0

    def read(self, examples: Sequence[Example]) -> Evidence:
        words = (*GOOD, *BAD, *NOUNS)
        counts = np.array(
            [[e.texts["text"].split().count(word) for word in words] for e in examples], float
        )
        self.read_texts += len(examples)
        vectors = counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)
        shares = np.full((1, len(examples), len(LABELS)), 0.5)
        return Evidence(vectors, shares, np.ones(1))


def new_labelling(
    path: Path, examples: Sequence[Example] | None = None, task: Task | None = None
) -> Labelling:
    """Start a labelling in a folder, or go on with it."""
    known = task or toy_task()
    asked = {"task": known.to_dict(), "model": None, "backbone": {"backbone": "pet-mini"}}
    labelling = Labelling(LabellingFolder.start(path, asked), known)
    rows = pool() if examples is None else examples
    labelling.add_pool(((e, {"id": str(n), **e.texts}) for n, e in enumerate(rows)), 13)
    return labelling


def session_of(labelling: Labelling, **config: object) -> Session:
    """Return a session whose learner works when a test says so: ``session.learner.work()``."""
    return labelling.session(WordReader, LabelConfig(**config), 13)  # type: ignore[arg-type]


def work(session: Session) -> None:
    """Let the learner do all there is to do."""
    while session.learner.work():
        pass


def label_some(session: Session, count: int, tab: str = "tab-of-anna", who: str = "anna") -> None:
    """Label texts rightly, one after the other, while the learner keeps up."""
    for _ in range(count):
        shown = session.next(tab, who)
        assert shown is not None
        session.answer(shown.text.number, tab, who, truth(shown.text.fields["text"]))
        work(session)
