"""A run's task, data and folder, which every step is handed beside its own settings."""

from __future__ import annotations

from dataclasses import dataclass

from pet.data import Data
from pet.progress import Progress, silent
from pet.runs import RunFolder
from pet.task import Task


@dataclass(frozen=True)
class Work:
    """A task, the data it is learned from, the folder for results, and who is told of progress."""

    task: Task
    data: Data
    folder: RunFolder
    progress: Progress = silent
