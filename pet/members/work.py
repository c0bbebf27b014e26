"""A task and its data, which every training is handed beside its own settings."""

from __future__ import annotations

from dataclasses import dataclass

from pet.data import Data
from pet.progress import Progress, silent
from pet.task import Task


@dataclass(frozen=True)
class Work:
    """A task, the data it is learned from, and who is told of progress."""

    task: Task
    data: Data
    progress: Progress = silent
