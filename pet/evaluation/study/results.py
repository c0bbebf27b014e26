"""Results of a study, as it returns them and its folder keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pet.config import StudyConfig
from pet.evaluation.run_metrics import row_name


@dataclass(frozen=True)
class StudyResult:
    """All cells of a study, and by task the number of pool rows whose texts are test texts."""

    config: StudyConfig
    cells: tuple[CellResult, ...]
    overlap: Mapping[str, int]


@dataclass(frozen=True)
class ModelFigures:
    """Figures of one model on the test examples.

    ``metrics`` has the metrics in `pet.evaluation.metrics.METRICS` that have a meaning for the
    task, and those that the task names. ``right`` has one character for every test example, in
    order: 1 if the prediction is right, otherwise 0. ``confusion`` and ``reliability`` are those
    of `pet.evaluation.metrics.Evaluation`; cells of earlier versions have none.
    """

    metrics: Mapping[str, float]
    right: str
    confusion: Sequence[Sequence[int]] = ()
    reliability: Sequence[Mapping[str, float]] = ()

    @property
    def accuracy(self) -> float:
        """Share of test examples with a right prediction."""
        return self.metrics["accuracy"]


@dataclass(frozen=True)
class CellResult:
    """Result of a cell.

    ``models`` has the figures of the final model under the method's name, and those of earlier
    models under "<method> generation <number>" (ensembles of all generations but the last) and
    "<method> ensemble". ``patterns`` has the accuracy of every member by its name, ``templates``
    its template. ``seconds`` is the time of training; memory is in MiB; ``trained`` is the mean
    number of parameters that a member trained, None for methods without members.
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
    templates: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> CellResult:
        """Rebuild a result from `dataclasses.asdict`."""
        values = dict(plain)
        values["models"] = {
            name: ModelFigures(**figures) for name, figures in plain["models"].items()
        }
        if "templates" not in plain:  # earlier versions: "pattern-0  {text} It was {mask}."
            titles = plain["patterns"]
            values["patterns"] = {row_name(title): titles[title] for title in titles}
            values["templates"] = {row_name(title): title.partition("  ")[2] for title in titles}
        return cls(**values)
