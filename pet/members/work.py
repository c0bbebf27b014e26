"""The work of a training besides its settings: task, data, progress, executor."""

from __future__ import annotations

from dataclasses import dataclass, field

from pet.data import Data
from pet.execution import Executor, InProcess
from pet.progress import Progress, silent
from pet.task import Task


@dataclass(frozen=True)
class Work:
    """A task, the data to learn it from, the receiver of progress, and the executor.

    The executor runs independent specs: members, folds and shards.
    """

    task: Task
    data: Data
    progress: Progress = silent
    executor: Executor = field(default_factory=InProcess)

    @property
    def subject(self) -> Work:
        """Task and data alone, for a spec of an executor."""
        return Work(self.task, self.data)
