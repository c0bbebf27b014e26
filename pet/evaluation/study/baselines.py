"""Baselines: methods without patterns from well-kept libraries, to compare PET with.

A baseline is a function of the task, the labelled examples and the settings; it returns a fitted
model. Of the settings it uses seed, backbone, longest input and class weights. Development examples
and unlabelled texts are not used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pet.backbone import load_backbone
from pet.backbone.embedding import mean_embeddings
from pet.backbone.loading import resolve_backbone
from pet.config import Settings
from pet.data import Example
from pet.encoding import Encoder
from pet.errors import BackboneError, DataError
from pet.model import Scoring
from pet.registry import Registry
from pet.seeds import RunStream, derived_seed
from pet.task import Task
from pet.task.kinds import refuse_multi_label, targets_of, task_kind
from pet.types import Ints, Scores, Texts

Baseline = Callable[[Task, Sequence[Example], Settings], Scoring]

_MOST_ITERATIONS = 10_000


@dataclass(frozen=True)
class FittedBaseline:
    """A fitted scikit-learn classifier with its features, as a model of a task.

    For multi-label tasks the classifier predicts the probability of every label.
    """

    task: Task
    features: Callable[[Texts], Any]
    classifier: Any

    def scores(self, texts: Texts) -> Scores:
        """Return log-probabilities, for multi-label tasks log-odds: (N, C).

        Labels without a training example get -inf.
        """
        predicted = np.asarray(self.classifier.predict_proba(self.features(texts)), np.float32)
        # A label without an example has no column.
        shares = np.zeros((len(texts), len(self.task.labels)), np.float32)
        shares[:, np.asarray(self.classifier.classes_, np.int64)] = predicted
        return np.asarray(task_kind(self.task).scores_of(shares), np.float32)


def tfidf(task: Task, examples: Sequence[Example], settings: Settings) -> Scoring:
    """Train logistic regression on TF-IDF of words and word pairs (scikit-learn)."""
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+")
    classifier = make_pipeline(vectors, _regression(settings, task))
    texts, targets = _training_set(task, examples)
    try:
        classifier.fit(_joined(texts), targets)
    except ValueError as error:
        raise DataError(f"TF-IDF finds nothing to learn from: {error}.") from error
    return FittedBaseline(task, _joined, classifier)


def embedding(task: Task, examples: Sequence[Example], settings: Settings) -> Scoring:
    """Train logistic regression on the frozen backbone's mean states, standardised."""
    backbone = load_backbone(settings.backbone)
    longest = min(settings.backbone.max_length, backbone.max_length)
    encoder = Encoder.plain(backbone.tokenizer, task.fields, longest)

    def features(texts: Texts) -> NDArray[np.float32]:
        return mean_embeddings(backbone, encoder, texts)

    texts, targets = _training_set(task, examples)
    classifier = make_pipeline(StandardScaler(), _regression(settings, task))
    classifier.fit(features(texts), targets)
    return FittedBaseline(task, features, classifier)


def setfit(task: Task, examples: Sequence[Example], settings: Settings) -> Scoring:
    """Train SetFit (Tunstall et al. 2022): tune the encoder on text pairs, then a regression.

    The encoder makes one pass over SetFit's sample of pairs, in batches of ``batch_size``;
    ``max_steps`` ends it earlier. Other settings of the training are SetFit's defaults.

    Raises
    ------
    BackboneError
        When the extra is not installed, or the backbone is not a folder on this machine.
    """
    require("setfit")
    refuse_multi_label(task, "Method 'setfit'", "Use tfidf or embedding.")
    from datasets import Dataset, disable_progress_bars
    from sentence_transformers import SentenceTransformer
    from setfit import SetFitModel, Trainer, TrainingArguments
    from transformers.utils import logging as transformers_logging

    from pet.device import Compute

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    disable_progress_bars()
    folder = resolve_backbone(settings.backbone.backbone)
    if not Path(folder).is_dir():
        raise BackboneError(
            f"Method 'setfit' needs the backbone as a folder; {folder!r} is none.",
            "Download the model and give `--backbone FOLDER`.",
        )
    device = str(Compute.choose(settings.backbone.device).device)
    seed = derived_seed(settings.seed, RunStream.FINE_TUNING)
    torch.manual_seed(seed)
    # Built from its parts: SetFitModel.from_pretrained would unpickle a head it finds there.
    body = SentenceTransformer(
        folder, device=device, local_files_only=True, model_kwargs={"use_safetensors": True}
    )
    body.max_seq_length = min(settings.backbone.max_length, body.max_seq_length or 512)
    model = SetFitModel(model_body=body, model_head=_regression(settings, task))
    texts, targets = _training_set(task, examples)

    def features(texts: Texts) -> Any:
        return body.encode(_joined(texts), show_progress_bar=False)

    if settings.training.max_steps == 0:
        model.model_head.fit(features(texts), targets)
        return FittedBaseline(task, features, model.model_head)
    with TemporaryDirectory() as temporary:
        arguments = TrainingArguments(
            output_dir=temporary,
            batch_size=settings.training.batch_size,
            num_epochs=1,
            max_steps=settings.training.max_steps or -1,
            seed=seed,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            show_progress_bar=False,
        )
        rows = Dataset.from_dict({"text": _joined(texts), "label": targets.tolist()})
        Trainer(model=model, args=arguments, train_dataset=rows).train()
    return FittedBaseline(task, features, model.model_head)


BASELINES: Registry[Baseline] = Registry(
    "baselines",
    "baseline",
    {"tfidf": tfidf, "embedding": embedding, "setfit": setfit},
    arguments=("task", "examples", "settings"),
)


def require(method: str) -> None:
    """Check, before anything is run, that a method's package is installed.

    Raises
    ------
    BackboneError
        When it is missing; the message has the command that installs it.
    """
    from importlib.util import find_spec

    if method == "setfit" and find_spec("setfit") is None:
        raise BackboneError(
            "Method 'setfit' needs the package setfit.",
            "Install it with: pip install 'pet-fewshot[setfit]' (from a checkout: '.[setfit]').",
        )


def _regression(settings: Settings, task: Task) -> Any:
    weights = settings.training.class_weight
    regression = LogisticRegression(
        max_iter=_MOST_ITERATIONS, class_weight=None if weights == "none" else weights
    )
    return task_kind(task).learner(regression)


def _training_set(task: Task, examples: Sequence[Example]) -> tuple[Texts, Ints]:
    targets = targets_of(task, [example.label for example in examples])
    if task_kind(task).strata(targets) is not None and len(np.unique(targets)) < 2:
        raise DataError(
            f"Logistic regression needs examples of two labels; found {len(examples)} examples "
            f"of {len(np.unique(targets))}."
        )
    return [example.texts for example in examples], targets


def _joined(texts: Texts) -> list[str]:
    return ["\n".join(fields.values()) for fields in texts]
