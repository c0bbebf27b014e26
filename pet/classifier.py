"""PETClassifier: the whole pipeline as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted

from pet.adaptation.adapt import adaptation_of
from pet.config import (
    CONFIGS,
    AdaptConfig,
    BackboneConfig,
    DistillationConfig,
    EnsembleConfig,
    IpetConfig,
    Settings,
    TemplateConfig,
    TrainingConfig,
)
from pet.config.explained import numpydoc_parameters
from pet.config.settings import flat_today
from pet.data import Data, Pool, chunked
from pet.data.given import given_examples, given_labelled
from pet.model import load_model, save_model
from pet.pipeline import asked, drop_leftovers, finished, run
from pet.progress import Progress, silent
from pet.runs import RunFolder
from pet.runs.writing import let_read
from pet.task import Task, load_task
from pet.task.kinds import is_indicator, targets_of, task_kind
from pet.task.labels import Label
from pet.types import Ints


def _earlier_names_too(init: Callable[..., None]) -> Callable[..., None]:
    """Make a constructor also accept earlier names of settings, hidden from its signature."""

    @wraps(init)
    def accept_earlier_names(self: Any, *arguments: Any, **parameters: Any) -> None:
        init(self, *arguments, **flat_today(parameters))

    return accept_earlier_names


class PETClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc, unused-ignore]
    """Few-shot text classifier trained with Pattern-Exploiting Training.

    Parameters
    ----------
    task : Task or str
        A task, the name of a built-in one, or the path of a Python file that defines one.
    {settings}

    Attributes
    ----------
    adaptation_ : Adaptation or None
        With ``adapt``, the figures of the backbone's adaptation in `fit`: steps, and loss and
        accuracy on held-out text before and after (see `pet.adaptation.adapt.Adaptation`).
    classes_ : array (C,)
        Labels, in the column order of `predict_proba`.
    indicator_ : bool
        Whether `fit` was given the labels of a multi-label task as rows of 0 and 1 rather than as
        lists of names; `predict` returns labels in the same form.
    model_ : Model
        The fitted model.

    Examples
    --------
    >>> from pet import PETClassifier
    >>> texts = ["A joy from start to finish.", "It broke on day two.", "Warm.", "Never again."]
    >>> labels = ["positive", "negative", "positive", "negative"]
    >>> model = PETClassifier("reviews", method="single", max_steps=3)
    >>> model.fit(texts, labels).predict(["A joy from start to finish.", "Never again."]).tolist()
    ['positive', 'negative']
    """

    @_earlier_names_too
    def __init__(
        self,
        task: Task | str = "reviews",
        *,
        method: str = Settings.method,
        patterns: str | Sequence[int] | None = Settings.patterns,
        seed: int = Settings.seed,
        jobs: int = Settings.jobs,
        backbone: str = BackboneConfig.backbone,
        device: str = BackboneConfig.device,
        precision: str = BackboneConfig.precision,
        max_length: int = BackboneConfig.max_length,
        max_steps: int | None = TrainingConfig.max_steps,
        batch_size: int = TrainingConfig.batch_size,
        accumulation: int = TrainingConfig.accumulation,
        learning_rate: float | None = TrainingConfig.learning_rate,
        weight_decay: float = TrainingConfig.weight_decay,
        warmup: float = TrainingConfig.warmup,
        clip_norm: float = TrainingConfig.clip_norm,
        scope: str = TrainingConfig.scope,
        lora_rank: int = TrainingConfig.lora_rank,
        objective: str = TrainingConfig.objective,
        demonstrations: int = TrainingConfig.demonstrations,
        prompt_rate: float | None = TrainingConfig.prompt_rate,
        class_weight: str = TrainingConfig.class_weight,
        negatives: int = TrainingConfig.negatives,
        lm_weight: float = TrainingConfig.lm_weight,
        dropout: bool = TrainingConfig.dropout,
        offsets: str = TrainingConfig.offsets,
        readout_rate: float | None = TrainingConfig.readout_rate,
        eval_every: int = TrainingConfig.eval_every,
        patience: int = TrainingConfig.patience,
        soft: str | Sequence[str] = TemplateConfig.soft,
        soft_slots: int = TemplateConfig.soft_slots,
        soft_text: str | None = TemplateConfig.soft_text,
        soft_start: str = TemplateConfig.soft_start,
        soft_deep: str = TemplateConfig.soft_deep,
        soft_deep_layers: str = TemplateConfig.soft_deep_layers,
        soft_mixture: int | None = TemplateConfig.soft_mixture,
        soft_from_words: bool = TemplateConfig.soft_from_words,
        readout: str | Sequence[str] = EnsembleConfig.readout,
        repetitions: int = EnsembleConfig.repetitions,
        combine_verbalizers: str = EnsembleConfig.combine_verbalizers,
        combine_members: str = EnsembleConfig.combine_members,
        weighting: str = EnsembleConfig.weighting,
        temper: str = EnsembleConfig.temper,
        folds: int = EnsembleConfig.folds,
        generations: int | None = IpetConfig.generations,
        growth: int = IpetConfig.growth,
        labeller_share: float = IpetConfig.labeller_share,
        distill_student: str | None = DistillationConfig.distill_student,
        distill_temperature: float = DistillationConfig.distill_temperature,
        distill_epochs: int = DistillationConfig.distill_epochs,
        distill_max_steps: int = DistillationConfig.distill_max_steps,
        distill_batch_size: int = DistillationConfig.distill_batch_size,
        distill_learning_rate: float | None = DistillationConfig.distill_learning_rate,
        adapt: bool = AdaptConfig.adapt,
        adapt_steps: int = AdaptConfig.adapt_steps,
    ) -> None:
        # scikit-learn's contract: __init__ stores its arguments and does nothing else.
        for name, value in list(locals().items()):
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    def set_params(self, **parameters: Any) -> PETClassifier:
        """Set parameters, as scikit-learn does; earlier names are understood too."""
        super().set_params(**flat_today(parameters))
        return self

    def settings(self) -> Settings:
        """Return the parameters as validated settings."""
        values = self.get_params(deep=False)
        values.pop("task")
        return Settings.from_flat(values)

    def fit(
        self,
        X: Iterable[Any],
        y: Any = None,
        *,
        unlabeled: Iterable[Any] | None = None,
        dev: tuple[Iterable[Any], Any] | None = None,
        run_folder: str | Path | None = None,
        progress: Progress = silent,
    ) -> PETClassifier:
        """Train on a few labelled texts and many unlabelled ones.

        Parameters
        ----------
        X : iterable
            Texts, or mappings of the task's fields for tasks with several.
        y : sequence of str, optional
            Labels of X; None only for the methods "zero-shot" and "ipet". For a multi-label task a
            list of labels for each text, or an array (N, C) of 0 and 1 with the task's labels as
            columns.
        unlabeled : iterable, optional
            Unlabelled texts, in the form of X. They are read several times.
        dev : tuple (X, y), optional
            Development examples for early stopping.
        run_folder : str or Path, optional
            Folder that keeps members and scores; an interrupted run in it is resumed.
        progress : callable
            Called with every `pet.progress.Event`; if it returns True, the training ends early.

        Returns
        -------
        PETClassifier
            The fitted classifier, self.

        Raises
        ------
        PetError
            When parameters or data are wrong; the message says what to change.
        """
        task = load_task(self.task)
        settings = self.settings()
        self.indicator_ = y is not None and is_indicator(y, task)
        train = [] if y is None else given_labelled(task, X, y)
        pool = None
        if unlabeled is not None:
            again = isinstance(unlabeled, Sequence | Mapping) or hasattr(unlabeled, "columns")
            kept = unlabeled if again else list(unlabeled)
            pool = Pool(partial(given_examples, task, kept, "ignored"), exclude=train)
        data = Data(train, given_labelled(task, *dev) if dev else (), pool)
        with TemporaryDirectory() as temporary:
            target = run_folder if run_folder is not None else temporary
            folder = RunFolder.start(target, asked(task, settings, data))
            if finished(folder):
                drop_leftovers(folder)
                self.model_ = load_model(folder.path, self.device, self.precision)
            else:
                self.model_ = run(task, settings, data, folder, progress)
            self.adaptation_ = adaptation_of(folder)
        self.classes_ = np.array(task.labels)
        return self

    def predict_proba(self, X: Iterable[Any]) -> NDArray[np.float64]:
        """Return probabilities, (N, C), with columns as in ``classes_``.

        Rows sum to 1; for multi-label tasks they do not, as each label is decided separately.
        """
        check_is_fitted(self, "model_")
        kind = task_kind(self.model_.task)
        chunks = [
            kind.probabilities(self.model_.scores([e.texts for e in chunk]).astype(np.float64))
            for chunk in chunked(given_examples(self.model_.task, X, "ignored"), 4096)
        ]
        return np.concatenate(chunks) if chunks else np.zeros((0, len(self.classes_)))

    def predict(self, X: Iterable[Any]) -> NDArray[Any] | list[Label]:
        """Return the labels of the highest probability, (N,).

        For a multi-label task, return all labels of probability 0.5 or more: a list of N tuples of
        names, or an array (N, C) of 0 and 1 if `fit` was given one.
        """
        predicted = self._predicted(X)
        task = self.model_.task
        answers: NDArray[Any] | list[Label] = task_kind(task).answers(
            predicted, task.labels, self.indicator_
        )
        return answers

    def score(self, X: Iterable[Any], y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of texts all of whose labels are right."""
        X = list(X)
        check_is_fitted(self, "model_")
        task = self.model_.task
        targets = targets_of(task, [example.label for example in given_labelled(task, X, y)])
        return float(accuracy_score(targets, self._predicted(X), sample_weight=sample_weight))

    def _predicted(self, X: Iterable[Any]) -> Ints:
        probabilities = self.predict_proba(X)
        return task_kind(self.model_.task).predicted(probabilities)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write a self-contained folder; a distilled model is a plain Hugging Face classifier."""
        check_is_fitted(self, "model_")
        save_model(self.model_, Path(folder))
        let_read(Path(folder))

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, device: str = "auto", precision: str = "auto"
    ) -> PETClassifier:
        """Load a saved classifier, the classifier of a run folder, or a prompt of a bank."""
        model = load_model(folder, device, precision)
        classifier = cls(model.task, device=device, precision=precision)
        classifier.model_ = model
        classifier.classes_ = np.array(model.task.labels)
        classifier.indicator_ = False
        classifier.adaptation_ = None
        return classifier


if PETClassifier.__doc__:  # not with python -OO
    _SETTINGS = "\n".join(map(numpydoc_parameters, (Settings, *CONFIGS.values())))
    PETClassifier.__doc__ = PETClassifier.__doc__.replace("    {settings}", _SETTINGS)
