"""The prompt bank: several tasks on one frozen backbone, each row of a batch with its own prompt.

Source: Lester et al. 2021 (EMNLP), section 1: one frozen model serves many tasks, whose prompts
stand in the inputs of one batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pet.backbone import LanguageModel, fingerprint, load_backbone
from pet.data import Columns, Example, chunked
from pet.data.readers import rows_of
from pet.encoding import Chunk
from pet.errors import DataError, UsageError, did_you_mean
from pet.model.bank_folder import (
    change_bank,
    check_name,
    prompt_folders,
    read_prompt,
    stored_prompts,
    unknown_task,
    write_prompt,
)
from pet.model.ensemble_model import EnsembleModel
from pet.model.prediction import Prediction, predictions
from pet.model.task_prompt import TaskPrompt, backbone_of, place_of, refuse_other_backbone
from pet.runs.finding import require_bank
from pet.scoring import score_mixed
from pet.task import Task
from pet.types import Scores

# A row of a batch: the name of its task and its texts, by field.
BankRow = tuple[str, Mapping[str, str]]


class PromptBank:
    """Tasks that share a frozen backbone, which is loaded once and never changed.

    Parameters
    ----------
    backbone : LanguageModel
        What all prompts were made for.

    Examples
    --------
    >>> from pet import PETClassifier, PromptBank, load_backbone
    >>> model = PETClassifier("reviews", method="zero-shot", patterns="0").fit([])
    >>> model.save_pretrained("reviews")
    >>> bank = PromptBank(load_backbone("pet-mini"))
    >>> bank.add("reviews")
    'reviews'
    >>> (prediction,) = bank.predict([("reviews", {"text": "A joy from start to finish."})])
    >>> prediction.label
    'positive'
    """

    def __init__(self, backbone: LanguageModel) -> None:
        self.backbone = backbone
        self.fingerprint = fingerprint(backbone)
        self._prompts: dict[str, TaskPrompt] = {}
        self._models: dict[str, EnsembleModel] = {}

    @classmethod
    def load(
        cls,
        folder: str | Path,
        backbone: str | None = None,
        device: str = "auto",
        precision: str = "auto",
    ) -> Self:
        """Load the prompts of a folder, and the backbone that they name or another copy of it.

        Raises
        ------
        RunError
            When there is no prompt.
        BackboneError
            When the backbone cannot be loaded or is not that of the prompts.
        """
        require_bank(folder)
        prompts = stored_prompts(folder)
        if backbone is None:
            first = next(iter(prompts.values()))
            bank = cls(backbone_of(folder, first, device, precision))
        else:
            bank = cls(load_backbone(backbone, device, precision))
        for name, prompt in prompts.items():
            bank.add(prompt, name)
        return bank

    def save(self, folder: str | Path) -> None:
        """Write the prompts into a folder, from which others are removed at the end."""
        others = [name for name in prompt_folders(folder) if name not in self._prompts]
        for name, prompt in self._prompts.items():
            write_prompt(folder, name, prompt)
        change_bank(folder, others)

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks by the names that they have here."""
        return {name: model.task for name, model in self._models.items()}

    def add(self, prompt: TaskPrompt | str | Path, name: str | None = None) -> str:
        """Add a task; what is in the bank already stays as it is.

        Parameters
        ----------
        prompt : TaskPrompt, str or Path
            A prompt, its folder, or a run or saved classifier to take it from.
        name : str, optional
            What the task is called here; by default its own name.

        Returns
        -------
        str
            The name.

        Raises
        ------
        BackboneError
            When it was made for another backbone.
        UsageError
            When the name is taken, or there is no prompt because the backbone was trained too.
        """
        if not isinstance(prompt, TaskPrompt):
            prompt = read_prompt(prompt, "cpu")  # a run's whole ensemble is loaded to take it out
        name = prompt.name if name is None else name
        check_name(name)
        if name in self._prompts:
            raise UsageError(f"The bank has a task {name!r} already.", "Drop it, or name this one.")
        refuse_other_backbone(name, prompt, self.backbone.name, self.fingerprint)
        with self.backbone.turn:
            model = prompt.on(self.backbone)
            for spec, scorer in zip(model.members.specs, model.members.scorers, strict=True):
                scorer.put(prompt.weights[spec.name])
        # What is saved names the backbone that is here, not the copy that a prompt was made on.
        self._prompts[name] = replace(prompt, backbone=place_of(self.backbone))
        self._models[name] = model
        return name

    def drop(self, name: str) -> None:
        """Forget a task."""
        if name not in self._prompts:
            raise unknown_task(name, self._prompts)
        del self._prompts[name], self._models[name]

    def scores(self, rows: Sequence[BankRow]) -> list[NDArray[np.float32]]:
        """Score the labels of every row's own task, rows of any tasks in one forward pass.

        On a CPU rows of very different lengths take a pass each, which costs less than padding.

        Parameters
        ----------
        rows : sequence of (str, mapping)
            Names of tasks, and texts by field.

        Returns
        -------
        list of array (C,)
            Columns as the labels of the row's task; softmax of them are probabilities (of
            multi-label tasks, the sigmoid).

        Raises
        ------
        UsageError
            When a task is not in the bank.
        DataError
            Names the first row that is not such a pair, or lacks a text.
        """
        examples = [self._read(place, row) for place, row in enumerate(rows)]
        found: dict[int, NDArray[np.float32]] = {}
        for _, places, scores in self._by_task(examples):
            found |= zip(places, scores, strict=True)
        return [found[place] for place in range(len(rows))]

    def predict(self, rows: Sequence[BankRow], threshold: float = 0.0) -> list[Prediction]:
        """Label rows of any tasks; see `scores`. Below ``threshold`` a row gets no label."""
        return self._labelled([self._read(place, row) for place, row in enumerate(rows)], threshold)

    def _labelled(
        self, rows: Sequence[tuple[str, Example]], threshold: float = 0.0
    ) -> list[Prediction]:
        found: dict[int, Prediction] = {}
        for task, places, scores in self._by_task(rows):
            found |= zip(places, predictions(task, scores, threshold), strict=True)
        return [found[place] for place in range(len(rows))]

    def _by_task(
        self, rows: Sequence[tuple[str, Example]]
    ) -> Iterator[tuple[Task, list[int], Scores]]:
        """Score all rows together; yield each task with its rows' places and scores (N, C)."""
        places: dict[str, list[int]] = {}
        for place, (name, _) in enumerate(rows):
            places.setdefault(name, []).append(place)
        parts = []
        for name, own in places.items():
            chunk = Chunk(self.backbone.tokenizer, [rows[place][1].texts for place in own])
            parts += [(scorer, chunk) for scorer in self._models[name].members.scorers]
        with self.backbone.turn:
            self.backbone.weights.put({})  # who else uses the backbone may have left others there
            found = iter(score_mixed(parts) if parts else ())
        for name, own in places.items():
            model = self._models[name]
            members = list(islice(found, len(model.members.scorers)))
            yield model.task, own, model.ensemble(members)

    def _read(self, place: int, row: BankRow) -> tuple[str, Example]:
        match row:
            case (str(name), Mapping() as fields):
                if name not in self._models:
                    raise unknown_task(name, self._models)
                columns = Columns(self._models[name].task, {}, "ignored")
                return name, columns.example(f"row {place + 1}", fields)
        raise DataError(
            f"row {place + 1}: expected a task's name and its texts by field, found {row!r}.",
            'Such as ("reviews", {"text": "Cold soup."}).',
        )

    def predict_stream(
        self,
        rows: Iterable[tuple[str, Example]],
        chunk_size: int = 1024,
        threshold: float = 0.0,
    ) -> Iterator[tuple[str, Example, Prediction]]:
        """Label rows one chunk at a time, so that any number of them takes the same memory."""
        for chunk in chunked(rows, chunk_size):
            found = self._labelled(chunk, threshold)
            for (name, example), prediction in zip(chunk, found, strict=True):
                yield name, example, prediction

    def examples(
        self,
        source: Any,
        task_column: str = "task",
        mapping: Mapping[str, str] | None = None,
        file_format: str | None = None,
    ) -> Iterator[tuple[str, Example]]:
        """Yield each row's task and example; labels in it are ignored.

        Parameters
        ----------
        source, file_format
            As `pet.data.examples_from` takes them.
        task_column : str
            The column that names the row's task.
        mapping : mapping, optional
            Field to column, for the tasks that have the field.

        Raises
        ------
        DataError
            Names the first row that has no task, one that is not in the bank, or no text.
        """
        mapping = mapping or {}
        known = dict.fromkeys(name for task in self.tasks.values() for name in task.fields)
        for field in mapping:
            if field not in known:
                raise UsageError(
                    f"Column mapping: no task of the bank has a field {field!r}.",
                    did_you_mean(field, known),
                )
        columns = {
            name: Columns(task, {k: v for k, v in mapping.items() if k in task.fields}, "ignored")
            for name, task in self.tasks.items()
        }
        for where, row in rows_of(source, task_column, file_format):
            if task_column not in row:
                raise DataError(
                    f"{where}: no column {task_column!r} that names the row's task; found "
                    f"{', '.join(map(repr, row)) or 'nothing'}.",
                    "Name the right column with `--task-column COLUMN`.",
                )
            name = "" if row[task_column] is None else str(row[task_column]).strip()
            if not name:
                raise DataError(
                    f"{where}: column {task_column!r} names no task.",
                    f"Expected one of {', '.join(columns)}.",
                )
            if name not in columns:
                raise DataError(
                    f"{where}: the bank has no task {name!r}.", did_you_mean(name, columns)
                )
            yield name, columns[name].example(where, row)
