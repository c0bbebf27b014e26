"""PETClassifier: the whole pipeline as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted

from pet.adaptation.adapt import adaptation_of
from pet.classifier.classes import Classes
from pet.classifier.drafted import drafted
from pet.classifier.label_column import own_labels
from pet.classifier.lines import Lines
from pet.classifier.parameters import Parameters, described
from pet.classifier.weights import weighted
from pet.config import METHODS
from pet.data import Data, Example, Pool, chunked
from pet.data.given import given_examples, labelled
from pet.drafting.refining import SAMPLE, refined_draft
from pet.errors import DataError, UsageError
from pet.model import load_model, save_model
from pet.pipeline import asked, drop_leftovers, finished, run
from pet.progress import Progress, silent
from pet.runs import RunFolder
from pet.task import Task, load_task
from pet.task.kinds import is_indicator, targets_of, task_kind
from pet.task.labels import Label


class PETClassifier(ClassifierMixin, Parameters):  # type: ignore[misc, unused-ignore]
    """Few-shot text classifier trained with Pattern-Exploiting Training.

    Parameters
    ----------
    task : Task or str, optional
        A task, the name of a built-in one, or the path of a file that defines one. By default `fit`
        drafts one from texts and labels: label names are the first label words, more are found on
        the examples, and generic patterns are chosen by them; see `task_`.
    labels : sequence of str, optional
        The classes of a drafted task; by default those of y.
    label_map : mapping, optional
        Every class of y to its label, such as ``{0: "negative", 1: "positive"}``, for a y that
        does not hold the labels themselves. `predict` returns these classes.
    verbose : int, default 0
        1 prints a line for every finished stage of `fit`, 2 also some in between.
    {settings}

    Attributes
    ----------
    adaptation_ : Adaptation or None
        With ``adapt``, the figures of the backbone's adaptation in `fit`: steps, and loss and
        accuracy on held-out text before and after (see `pet.adaptation.adapt.Adaptation`).
    classes_ : array (K,)
        The different values of y, sorted, in y's type: the columns of `predict_proba`. For a
        multi-label task, and without y, the task's labels: in the task's order for the first, as
        the columns of y are, and sorted for others.
    indicator_ : bool
        Whether `fit` was given the labels of a multi-label task as rows of 0 and 1 rather than as
        lists of names; `predict` returns labels in the same form.
    model_ : Model
        The fitted model.
    task_ : Task
        The task, drafted or given; `pet.task.source.task_source` writes it as a file to edit.

    Examples
    --------
    >>> from pet import PETClassifier
    >>> texts = ["A joy from start to finish.", "It broke on day two.", "Warm.", "Never again."]
    >>> labels = ["positive", "negative", "positive", "negative"]
    >>> model = PETClassifier("reviews", method="single", max_steps=3)
    >>> model.fit(texts, labels).predict(["A joy from start to finish.", "Never again."]).tolist()
    ['positive', 'negative']
    """

    def fit(
        self,
        X: Iterable[Any],
        y: Any = None,
        *,
        sample_weight: Any = None,
        unlabeled: Iterable[Any] | None = None,
        dev: tuple[Iterable[Any], Any] | None = None,
        run_folder: str | Path | None = None,
        progress: Progress = silent,
    ) -> PETClassifier:
        """Train on a few labelled texts and many unlabelled ones.

        Parameters
        ----------
        X : iterable or table
            Texts, or mappings of the task's fields for tasks with several; or a table of pandas,
            polars, pyarrow or Hugging Face with the fields as columns.
        y : array, list, series or table with one column, optional
            Labels of X. Without them the label column of a table is taken; the methods "zero-shot"
            and "ipet" then learn from no labels. A label may be given as
            text, number or truth value, such as 1, 1.0 or True for the labels "1" and "true". Whole
            numbers that are no labels need ``label_map``, unless the task lists its labels in
            sorted order. In a clone, which meta-estimators fit, an array of them holds places among
            the sorted labels. For a multi-label task a list of labels for each text, or an array
            (N, C) of 0 and 1 with the task's labels as columns.
        sample_weight : sequence (N,) of float, optional
            Weights of the labelled texts: one of weight 2 is met in training twice as often as one
            of weight 1, one of weight 0 never. ``class_weight`` may be a mapping, which multiplies
            them: a class, or a label of the task, to its weight.
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
        settings = self.settings()
        draft = None
        if self.task is None:
            X = list(X) if isinstance(X, Iterator) else X
            draft, y = drafted(X, y, self.labels, self.label_map)
            task = draft.task
        elif self.labels is not None:
            raise UsageError("labels names those of a drafted task; a task has its own.")
        else:
            task = load_task(self.task)
        if y is None and METHODS[settings.method].needs_labels:
            y = own_labels(X, task, settings.method)
        train = [] if y is None else list(given_examples(task, X, "ignored"))
        classes = _classes(y, task, self.label_map, self._is_clone)
        if y is not None:
            train = labelled(task, train, _labels(y, task, classes))
            if not train and not METHODS[settings.method].needs_labels:
                raise DataError(
                    "X and y are empty.", "Give some texts and their labels, or leave y out."
                )
            train = weighted(train, classes, task, sample_weight, self.class_weight)
        pool = None
        if unlabeled is not None:
            kept = list(unlabeled) if isinstance(unlabeled, Iterator) else unlabeled
            pool = Pool(partial(given_examples, task, kept, "ignored"), exclude=train)
        held_out: list[Example] = []
        if dev:
            held_out = list(given_examples(task, dev[0], "ignored"))
            held_out = labelled(task, held_out, _labels(dev[1], task, classes))
        if draft is not None:
            sample = [example.texts for example in islice(pool or (), SAMPLE)]
            task = refined_draft(draft, train, sample, settings.backbone).task
        data = Data(train, held_out, pool)
        progress = Lines(self.verbose, progress) if self.verbose else progress
        with TemporaryDirectory() as temporary:
            target = run_folder if run_folder is not None else temporary
            folder = RunFolder.start(target, asked(task, settings, data))
            if finished(folder):
                drop_leftovers(folder)
                self.model_ = load_model(folder.path, self.device, self.precision)
            else:
                self.model_ = run(task, settings, data, folder, progress)
            self.adaptation_ = adaptation_of(folder)
        self.indicator_ = y is not None and is_indicator(y, task)
        self._classes, self.classes_, self.task_ = classes, classes.values, task
        return self

    def predict_proba(self, X: Iterable[Any]) -> NDArray[np.float64]:
        """Return probabilities, (N, K), with columns as in ``classes_``.

        Rows sum to 1, over the labels that y had; for multi-label tasks they do not, as each label
        is decided separately.
        """
        return self._probabilities(X)[:, self._classes.order(self.model_.task)[1]]

    def predict_log_proba(self, X: Iterable[Any]) -> NDArray[np.float64]:
        """Return the logarithms of `predict_proba`, (N, K)."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Iterable[Any]) -> NDArray[Any] | list[Label]:
        """Return the classes of the highest probability, (N,), in y's type.

        For a multi-label task, return all labels of probability 0.5 or more: a list of N tuples of
        names, or an array (N, C) of 0 and 1 if `fit` was given one.
        """
        probabilities = self._probabilities(X)
        task = self.model_.task
        kind = task_kind(task)
        predicted = kind.predicted(probabilities)
        if not kind.has_one_label:
            answers: list[Label] = kind.answers(predicted, task.labels, self.indicator_)
            return answers
        # From a column in the task's order to the class that stands there.
        return self.classes_[np.argsort(self._classes.order(task)[1])[predicted]]

    def score(self, X: Iterable[Any], y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of texts all of whose labels are right."""
        check_is_fitted(self, "model_")
        task = self.model_.task
        examples = list(given_examples(task, X, "ignored"))
        examples = labelled(task, examples, _labels(y, task, self._classes))
        targets = targets_of(task, [example.label for example in examples])
        columns, _ = self._classes.order(task)
        predicted = task_kind(task).predicted(self._probabilities([e.texts for e in examples]))
        if task_kind(task).has_one_label:
            predicted = columns[predicted]
        return float(accuracy_score(targets, predicted, sample_weight=sample_weight))

    def _probabilities(self, X: Iterable[Any]) -> NDArray[np.float64]:
        """Return probabilities with the labels that y had as columns, in the task's order."""
        check_is_fitted(self, "model_")
        kind = task_kind(self.model_.task)
        columns, _ = self._classes.order(self.model_.task)
        chunks = [
            kind.probabilities(
                self.model_.scores([e.texts for e in chunk]).astype(np.float64)[:, columns]
            )
            for chunk in chunked(given_examples(self.model_.task, X, "ignored"), 4096)
        ]
        return np.concatenate(chunks) if chunks else np.zeros((0, len(columns)))

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn should know: X holds texts, not numbers."""
        tags = super().__sklearn_tags__()
        tags.no_validation = True
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        several = isinstance(self.task, Task) and not task_kind(self.task).has_one_label
        tags.classifier_tags.multi_label = several
        tags.target_tags.multi_output = several
        known = METHODS.get(self.method) if isinstance(self.method, str) else None
        tags.target_tags.required = known is None or known.needs_labels
        return tags

    def save_pretrained(self, folder: str | Path) -> None:
        """Write a self-contained folder; a distilled model is a plain Hugging Face classifier."""
        check_is_fitted(self, "model_")
        save_model(self.model_, Path(folder), self.save_precision)

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, device: str = "auto", precision: str = "auto"
    ) -> PETClassifier:
        """Load a saved classifier, the classifier of a run folder, or a prompt of a bank."""
        model = load_model(folder, device, precision)
        classifier = cls(model.task, device=device, precision=precision)
        classifier.model_ = model
        classifier._classes = _classes(None, model.task)
        classifier.classes_ = classifier._classes.values
        classifier.indicator_, classifier.task_ = False, model.task
        classifier.adaptation_ = None
        return classifier


def _labels(y: Any, task: Task, classes: Classes) -> Any:
    """Return y as the task's labels."""
    return classes.read(y, task) if task_kind(task).has_one_label else y


def _classes(
    y: Any, task: Task, label_map: Mapping[Any, str] | None = None, in_clone: bool = False
) -> Classes:
    if not task_kind(task).has_one_label:
        return Classes(np.array(task.labels), task.labels)
    return Classes.of_task(task) if y is None else Classes.of(y, task, label_map, in_clone)


if PETClassifier.__doc__:  # not with python -OO
    PETClassifier.__doc__ = described(PETClassifier.__doc__)
