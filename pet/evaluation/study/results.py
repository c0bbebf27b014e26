"""Values that a study returns and its folder keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pet.config import StudyConfig


@dataclass(frozen=True)
class StudyResult:
    """All cells of a study, and how many rows each task's pool shared with its test examples."""

    config: StudyConfig
    cells: tuple[CellResult, ...]
    overlap: Mapping[str, int]


@dataclass(frozen=True)
class ModelFigures:
    """How one model did on the test examples.

    ``metrics`` has those of `pet.evaluation.metrics.METRICS` that have a meaning for the task, and
    the task's own. ``right`` has a 1 for every
    test example, in order, whose label was found, and a 0 for the others. ``confusion`` and
    ``reliability`` are those of `pet.evaluation.Evaluation`; empty in cells of
    earlier versions.
    """

    metrics: Mapping[str, float]
    right: str
    confusion: Sequence[Sequence[int]] = ()
    reliability: Sequence[Mapping[str, float]] = ()

    @property
    def accuracy(self) -> float:
        """Share of test examples whose label was found."""
        return self.metrics["accuracy"]


@dataclass(frozen=True)
class CellResult:
    """What came of a cell.

    ``models`` holds the figures of the final model under the method's name and those of what it
    came from under "<method> generation <number>" (ensembles of iPET's generations but the last)
    and "<method> ensemble"; ``patterns`` the accuracy of every single member. ``seconds`` is the
    time of training alone; memory is in MiB; ``trained`` is the mean number of parameters that a
    member trained, None for methods without members.
    """

    task: str
    method: str
    shots: int
    seed: int
    models: Mapping[str, ModelFigures]
    patterns: Mapping[str, float]
    train: int
    dev: int
    unlabeled: int
    seconds: float
    memory: float
    gpu_memory: float | None
    trained: int | None = None

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> CellResult:
        """Rebuild a result from `dataclasses.asdict`."""
        models = {name: ModelFigures(**figures) for name, figures in plain["models"].items()}
        return cls(**{**plain, "models": models})
