"""A task and its data, which every training is handed beside its own settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from pet.data import Data
from pet.execution import Executor, InProcess
from pet.progress import Progress, silent
from pet.task import Task


@dataclass(frozen=True)
class Work:
    """A task, the data it is learned from, and who is told of progress.

    ``executor`` works off what is independent: members, folds and shards.
    """

    task: Task
    data: Data
    progress: Progress = silent
    executor: Executor = field(default_factory=InProcess)

    @property
    def subject(self) -> Work:
        """Task and data alone, as a spec for an executor carries them."""
        return Work(self.task, self.data)
