"""The prompt bank: several tasks on one frozen backbone, each row of a batch with its prompt.

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
from pet.config.files import Reading
from pet.data import Columns, Example, chunked
from pet.encoding import Chunk, TextTokenizer
from pet.errors import DataError, UsageError
from pet.model.bank_folder import (
    change_bank,
    check_name,
    prompt_folders,
    read_prompt,
    stored_prompts,
    unknown_task,
)
from pet.model.bank_rows import bank_rows
from pet.model.ensemble_model import EnsembleModel
from pet.model.prediction import Prediction, predictions
from pet.model.task_prompt import TaskPrompt, backbone_of, place_of, refuse_other_backbone
from pet.runs.finding import require_bank
from pet.scoring import PVPScorer, score_mixed
from pet.task import Task
from pet.types import Scores

# A row of a batch: the name of its task and its texts, by field.
BankRow = tuple[str, Mapping[str, str]]


class PromptBank:
    """Tasks that share a frozen backbone, which is loaded once and never changed.

    Parameters
    ----------
    backbone : LanguageModel
        The backbone that all prompts were made for.

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
        """Load the prompts of a folder, and the backbone that they name or a given copy of it.

        Raises
        ------
        RunError
            When there is no prompt.
        BackboneError
            When the backbone cannot be loaded, or the prompts were made for another.
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
        """Write the prompts into a folder, then remove all others from it."""
        others = [name for name in prompt_folders(folder) if name not in self._prompts]
        change_bank(folder, others, list(self._prompts.items()), replace=True)

    @property
    def tokenizer(self) -> TextTokenizer:
        """Tokenizer of the backbone."""
        return self.backbone.tokenizer

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks, by their names in the bank."""
        return {name: model.task for name, model in tuple(self._models.items())}

    def ensemble(self, name: str) -> EnsembleModel:
        """Return the members of a task, on the bank's backbone.

        Raises
        ------
        UsageError
            When the bank has no such task.
        """
        return self._model(name)

    def add(self, prompt: TaskPrompt | str | Path, name: str | None = None) -> str:
        """Add a task; the others do not change.

        Parameters
        ----------
        prompt : TaskPrompt, str or Path
            A prompt, its folder, or a run or saved ensemble that contains it.
        name : str, optional
            Name of the task in the bank; the task's name by default.

        Returns
        -------
        str
            The name of the task in the bank.

        Raises
        ------
        BackboneError
            When the prompt was made for another backbone.
        UsageError
            When the name is taken, or there is no prompt because the backbone was trained.
        """
        if not isinstance(prompt, TaskPrompt):
            prompt = read_prompt(prompt, "cpu")  # for a run, its whole ensemble is loaded
        name = prompt.name if name is None else name
        check_name(name)
        if name in self._prompts:
            raise UsageError(f"The bank has a task {name!r} already.", "Drop it, or name this one.")
        refuse_other_backbone(name, prompt, self.backbone.name, self.fingerprint)
        with self.backbone.turn:
            model = prompt.on(self.backbone)
            for spec, scorer in zip(model.members.specs, model.members.scorers, strict=True):
                scorer.put(prompt.weights[spec.name])
        # A saved bank names its backbone, not the copy that a prompt was made on.
        self._prompts[name] = replace(prompt, backbone=place_of(self.backbone))
        self._models[name] = model
        return name

    def drop(self, name: str) -> None:
        """Remove a task from the bank.

        Raises
        ------
        UsageError
            When the bank has no such task.
        """
        if name not in self._prompts:
            raise unknown_task(name, self._prompts)
        del self._prompts[name], self._models[name]

    def scores(self, rows: Sequence[BankRow]) -> list[NDArray[np.float32]]:
        """Score each row's labels, rows of all tasks in one forward pass.

        On a CPU rows of very different lengths have separate passes, which cost less than padding.

        Parameters
        ----------
        rows : sequence of (str, mapping)
            Name of the task, and texts by field.

        Returns
        -------
        list of array (C,)
            Scores of the labels of the row's task, in their order. Their softmax is probabilities
            (of multi-label tasks, their sigmoid).

        Raises
        ------
        UsageError
            When a task is not in the bank.
        DataError
            When a row is not such a pair, or lacks a text; names the first one.
        """
        examples = [self._read(place, row) for place, row in enumerate(rows)]
        row_scores: dict[int, NDArray[np.float32]] = {}
        for _, places, scores in self._by_task(examples):
            row_scores |= zip(places, scores, strict=True)
        return [row_scores[place] for place in range(len(rows))]

    def predict(self, rows: Sequence[BankRow], threshold: float = 0.0) -> list[Prediction]:
        """Label rows of any tasks; see `scores`. Below ``threshold`` a row gets no label."""
        return self.predict_examples(
            [self._read(place, row) for place, row in enumerate(rows)], threshold
        )

    def predict_examples(
        self, rows: Sequence[tuple[str, Example]], threshold: float = 0.0
    ) -> list[Prediction]:
        """Label examples of any tasks, each with the name of its task."""
        labelled: dict[int, Prediction] = {}
        for task, places, scores in self._by_task(rows):
            labelled |= zip(places, predictions(task, scores, threshold), strict=True)
        return [labelled[place] for place in range(len(rows))]

    def _by_task(
        self, rows: Sequence[tuple[str, Example]]
    ) -> Iterator[tuple[Task, list[int], Scores]]:
        """Score all rows together; yield each task, the places of its rows, and scores (N, C)."""
        places_of: dict[str, list[int]] = {}
        for place, (name, _) in enumerate(rows):
            places_of.setdefault(name, []).append(place)
        # Looked up once: another thread may drop a task meanwhile.
        models = {name: self._model(name) for name in places_of}
        scored = []
        for name, places in places_of.items():
            chunk = Chunk(self.backbone.tokenizer, [rows[place][1].texts for place in places])
            scorers = models[name].members.scorers
            scored += [(one, chunk) for one in scorers if isinstance(one, PVPScorer)]
        with self.backbone.turn:
            self.backbone.weights.put({})  # other users of the backbone may have left weights
            scores = iter(score_mixed(scored) if scored else ())
        for name, places in places_of.items():
            model = models[name]
            member_scores = list(islice(scores, len(model.members.scorers)))
            yield model.task, places, model.ensemble(member_scores)

    def _model(self, name: str) -> EnsembleModel:
        model = self._models.get(name)
        if model is None:
            raise unknown_task(name, tuple(self._models))
        return model

    def _read(self, place: int, row: BankRow) -> tuple[str, Example]:
        match row:
            case (str(name), Mapping() as fields):
                columns = Columns(self._model(name).task, {}, "ignored")
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
        """Label rows one chunk at a time; memory does not grow with their number."""
        for chunk in chunked(rows, chunk_size):
            labelled = self.predict_examples(chunk, threshold)
            for (name, example), prediction in zip(chunk, labelled, strict=True):
                yield name, example, prediction

    def examples(
        self,
        source: Any,
        task_column: str = "task",
        mapping: Mapping[str, str] | None = None,
        reading: Reading | None = None,
    ) -> Iterator[tuple[str, Example]]:
        """Yield each row's task and example; labels are ignored.

        Parameters
        ----------
        source, reading
            As for `pet.data.examples_from`.
        task_column : str
            Column with the name of the row's task.
        mapping : mapping, optional
            Field to column, for all tasks with the field.

        Raises
        ------
        DataError
            When a row has no task, an unknown task, or no text; names the first one.
        UsageError
            When the mapping has a field of no task.
        """
        rows = bank_rows(self.tasks, source, task_column, mapping or {}, reading)
        return (named for named, _ in rows)
