"""Panel: the models that judge unlabelled text, a run's members or a classifier alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pet.backbone import load_backbone
from pet.backbone.embedding import mean_embeddings
from pet.config import Settings
from pet.data import Data, Example, Pool, labelled_in
from pet.encoding import Encoder
from pet.errors import UsageError
from pet.members import MemberSet, specs_of
from pet.members.stored import pool_scores
from pet.model import Ensemble, EnsembleModel, SequenceClassifier, load_model
from pet.model.run_members import keeps_members, trained_members
from pet.progress import Progress, counted, silent
from pet.runs import RunFolder
from pet.task import Task
from pet.task.kinds import task_kind
from pet.types import Floats, Scores, Texts

Probabilities = Floats


@dataclass(frozen=True)
class Judgement:
    """A panel's probabilities for n texts.

    Parameters
    ----------
    members : array (M, n, C)
        Each member's probabilities; a classifier alone is its only member.
    weights : array (M,)
        Weights of the members; they sum to 1.
    together : array (n, C)
        Probabilities of the ensemble.
    """

    members: Probabilities
    weights: NDArray[np.float64]
    together: Probabilities


@dataclass(frozen=True)
class Panel:
    """A model that judges texts, and the run folder it comes from, if any."""

    model: EnsembleModel | SequenceClassifier
    folder: RunFolder | None = None

    @classmethod
    def load(cls, path: str | Path, device: str = "auto", precision: str = "auto") -> Panel:
        """Load a run folder's members, or a saved classifier, ensemble or prompt.

        Raises
        ------
        RunError
            When the folder is none of these, or not finished.
        """
        folder = RunFolder(Path(path))
        if RunFolder.is_at(path) and keeps_members(folder):
            return cls(trained_members(folder, device, precision), folder)
        model = load_model(path, device, precision)
        if not isinstance(model, EnsembleModel | SequenceClassifier):
            raise UsageError(f"{path}: a {type(model).__name__} cannot judge texts.")
        return cls(model, folder if RunFolder.is_at(path) else None)

    @classmethod
    def untrained(cls, task: Task, settings: Settings, pool: Pool | None = None) -> Panel:
        """Make a panel of a task's untrained patterns, with offsets from the unlabelled pool."""
        backbone = load_backbone(settings.backbone)
        specs = specs_of(task, replace(settings, method="zero-shot"))
        members = MemberSet.untrained(backbone, task, specs, pool)
        return cls(EnsembleModel(members, Ensemble.uniform(len(specs))))

    @property
    def task(self) -> Task:
        """The task: its labels and fields."""
        return self.model.task

    @property
    def size(self) -> int:
        """Number M of members."""
        return len(self.model.members.specs) if isinstance(self.model, EnsembleModel) else 1

    def labelled(self) -> Data:
        """Return the labelled examples of the run; none if they are unknown."""
        return (self.folder and labelled_in(self.folder)) or Data([])

    def judge(
        self, pool: Pool, progress: Progress = silent
    ) -> Iterator[tuple[list[Example], Judgement]]:
        """Judge a pool chunk by chunk; scores that the run has stored for this pool are read."""
        stored = self._stored_scores(pool)
        for chunk in counted(pool.chunks(), progress, "texts judged", len(pool), len):
            if stored is not None:
                judgement = self._combined(next(stored))
            elif isinstance(self.model, EnsembleModel):
                judgement = self._combined(self.model.members.scores([e.texts for e in chunk]))
            else:
                shares = self._shares(self.model.scores([e.texts for e in chunk]))
                judgement = Judgement(shares[None], np.ones(1), shares)
            yield chunk, judgement

    def embed(self, texts: Texts) -> NDArray[np.float32]:
        """Return mean states of the backbone, or of the classifier: (N, H)."""
        if isinstance(self.model, SequenceClassifier):
            return mean_embeddings(self.model, self.model.encoder, texts)
        backbone = self.model.members.backbone
        backbone.weights.put({})
        longest = min(self.model.members.specs[0].max_length, backbone.max_length)
        encoder = Encoder.plain(backbone.tokenizer, self.task.fields, longest)
        return mean_embeddings(backbone, encoder, texts)

    def _combined(self, scores: list[Scores]) -> Judgement:
        assert isinstance(self.model, EnsembleModel)
        ensemble = self.model.ensemble
        weights = np.asarray(ensemble.weights) / sum(ensemble.weights)
        return Judgement(
            self._shares(ensemble.member_scores(scores)), weights, self._shares(ensemble(scores))
        )

    def _stored_scores(self, pool: Pool) -> Iterator[list[Scores]] | None:
        if self.folder is None or not isinstance(self.model, EnsembleModel):
            return None
        names = [spec.name for spec in self.model.members.specs]
        if self.folder.asked()["data"]["unlabeled"] != pool.fingerprint or not all(
            self.folder.has(self.folder.member(name).scores) for name in names
        ):
            return None
        return pool_scores(self.folder, names)

    def _shares(self, scores: Scores) -> Probabilities:
        return task_kind(self.task).probabilities(scores.astype(np.float64))
