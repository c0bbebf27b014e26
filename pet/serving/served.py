"""The served model or bank, as it was loaded at one moment; it never changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pet.config import ServingConfig
from pet.data import Example
from pet.model import EnsembleModel, Prediction
from pet.runs.finding import model_folder
from pet.serving.explaining import Explained, Explaining
from pet.serving.queue import Work
from pet.task import Task

# The name of a row's task, and its texts.
Row = tuple[str, Example]


@dataclass(frozen=True, eq=False)
class _Predicting:
    """Work on rows of any tasks: a prediction each."""

    predict: Callable[[Sequence[Row]], Sequence[Prediction]]
    most: int

    def run(self, items: Sequence[Row]) -> Sequence[Prediction]:
        return self.predict(items)


@dataclass(frozen=True, eq=False)
class Served:
    """Tasks by name, and what predicts and explains their rows.

    Requests hold on to the one that they were checked for, so that what is loaded meanwhile changes
    nothing for them.

    Attributes
    ----------
    name : str
        Name of its folder.
    tasks : mapping
        The tasks, by the names that requests give.
    predicting : Work
        On rows of all tasks together.
    explaining : mapping
        Task to its work on explanations; without the tasks that have no patterns.
    loaded : float
        Seconds since 1970 when it was loaded.
    """

    name: str
    tasks: Mapping[str, Task]
    predicting: Work
    explaining: Mapping[str, Explaining]
    loaded: float = field(default_factory=time.time)


def load_served(
    path: str | Path, device: str, precision: str, config: ServingConfig | None = None
) -> Served:
    """Load a run, a saved model, a prompt, or a bank with all its tasks.

    A run predicts with its classifier and explains with the members that it was distilled from.

    Raises
    ------
    RunError
        When it is none of these, or damaged.
    BackboneError
        When a backbone cannot be loaded.
    """
    from pet.runs import PromptFiles, RunFolder

    config = config or ServingConfig()
    if PromptFiles.in_bank(path) and not RunFolder.is_at(Path(path)):
        return _bank(path, device, precision, config)
    return _model(path, device, precision, config)


def _bank(path: str | Path, device: str, precision: str, config: ServingConfig) -> Served:
    from pet.model import PromptBank

    bank = PromptBank.load(path, device=device, precision=precision)

    tasks = dict(bank.tasks)
    explaining = {
        name: Explaining(Explained(bank.ensemble(name)), config.explained_texts)
        for name in (tasks if config.explain else ())
    }
    return Served(
        Path(path).resolve().name,
        tasks,
        _Predicting(bank.predict_examples, config.batch_texts),
        explaining,
    )


def _model(path: str | Path, device: str, precision: str, config: ServingConfig) -> Served:
    from pet.model import load_model
    from pet.model.prediction import predict_examples
    from pet.model.run_members import keeps_members, trained_members
    from pet.runs import RunFolder

    model_folder(path)
    model = load_model(path, device, precision, only_scores=True)
    ensemble: EnsembleModel | None = None
    if not config.explain:
        pass
    elif isinstance(model, EnsembleModel):
        ensemble = model
    elif keeps_members(folder := RunFolder(Path(path))):
        ensemble = trained_members(folder, device, precision, only_scores=True)

    def predict(examples: Sequence[Example]) -> list[Prediction]:
        return list(predict_examples(model, examples))

    def predict_rows(rows: Sequence[Row]) -> list[Prediction]:
        return predict([example for _, example in rows])

    name, explaining = model.task.name, {}
    if ensemble is not None:
        explained = Explained(ensemble, None if ensemble is model else predict)
        explaining[name] = Explaining(explained, config.explained_texts)
    return Served(
        Path(path).resolve().name,
        {name: model.task},
        _Predicting(predict_rows, config.batch_texts),
        explaining,
    )
