"""A labelling: its folder, opened, with all parts that work on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pet.config import LabelConfig
from pet.data import Example
from pet.errors import DataError
from pet.labelling.clicks import Click, Clicks
from pet.labelling.drawing import GIVEN
from pet.labelling.evidence_files import EvidenceFiles
from pet.labelling.learner import Learner
from pet.labelling.reader import TextReader
from pet.labelling.rounds import Rounds
from pet.labelling.schema import Database
from pet.labelling.session import Session
from pet.labelling.texts import Texts
from pet.runs import LabellingFolder
from pet.task import Task
from pet.task.kinds import task_kind

Row = tuple[Example, Mapping[str, Any]]
GIVEN_BY = "given"


class Labelling:
    """A labelling folder that is open.

    Parameters
    ----------
    folder : LabellingFolder
        The folder.
    task : Task
        The task; every text has one label.

    Raises
    ------
    DataError
        When the task has texts with several labels.
    """

    def __init__(self, folder: LabellingFolder, task: Task) -> None:
        if not task_kind(task).has_one_label:
            raise DataError(
                f"Task {task.name!r} gives a text several labels; the page asks for one.",
                "Label such texts in a file: pet suggest --help",
            )
        self.folder, self.task = folder, task
        self.database = Database(folder.file(folder.labels))
        self.texts = Texts(self.database)
        self.clicks = Clicks(self.database)

    @classmethod
    def of_folder(cls, path: str) -> Labelling:
        """Open an existing folder to read it.

        Raises
        ------
        RunError
            When it is none.
        """
        folder = LabellingFolder.open(path)
        return cls(folder, Task.from_dict(folder.asked()["task"]))

    def add_given(self, rows: Sequence[Row], seed: int) -> None:
        """Add texts that have a label already; labels that people gave here stay."""
        self.texts.add(rows, seed)
        known = self.clicks.answered()
        clicks = []
        for example, _ in rows:
            number = self.texts.number_of(example)
            if number is not None and number not in known and isinstance(example.label, str):
                known.add(number)
                clicks.append(Click(number, GIVEN_BY, "files", example.label, drawn=GIVEN))
        self.clicks.add(clicks)

    def add_pool(self, rows: Iterable[Row], seed: int) -> None:
        """Add texts to label; those that are known stay as they are."""
        self.texts.add(rows, seed)

    def session(
        self, make_reader: Callable[[], TextReader], config: LabelConfig, seed: int
    ) -> Session:
        """Return a session, whose learner is not started yet."""
        size = min(len(self.texts), config.limit)
        evidence = EvidenceFiles(self.folder, self.database, size)
        rounds = Rounds(
            self.database, self.texts, self.clicks, evidence, self.task.labels, config,
            seed,
        )  # fmt: skip
        learner = Learner(self.texts, self.clicks, evidence, rounds, make_reader, config.every)
        return Session(self.task, self.texts, self.clicks, learner)

    @property
    def labelled(self) -> int:
        """Number of texts that somebody has labelled."""
        return len(self.clicks.answered())
