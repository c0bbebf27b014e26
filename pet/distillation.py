"""The artefact a user ships: a sequence classifier, distilled from soft labels or fine-tuned."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor, nn
from torch.nn import functional

from pet.backbone import kind_of, mean_states, model_inputs
from pet.checkpoints import Checkpoint, optimise_resumably
from pet.config import (
    BackboneConfig,
    DistillationConfig,
    TrainingConfig,
    default_learning_rate,
)
from pet.data import Example, Pool
from pet.device import Compute
from pet.encoding import Batch, Chunk, Encoded, Encoder
from pet.errors import BackboneError
from pet.kinds import accuracy, targets_of, task_kind
from pet.loading import EMBEDDED, load_config, load_pretrained, load_tokenizer, longest_input
from pet.pattern import input_parts
from pet.scoring import Scores
from pet.seeds import with_seed
from pet.task import Task
from pet.temperature import fit_temperature
from pet.training import (
    Fit,
    Group,
    Loss,
    Progress,
    Schedule,
    class_weights,
    shuffled_batches,
    silent,
)

log = logging.getLogger(__name__)

# A fresh classification head starts at random, the encoder does not: the head moves faster.
_HEAD_RATE_FACTOR = 10.0
_COMPARED = 2000


class SequenceClassifier:
    """A Hugging Face sequence classifier that scores texts in batches.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        With a sequence classification head.
    tokenizer : transformers.PreTrainedTokenizerBase
        Its tokenizer.
    task : Task
        Labels and fields.
    compute : Compute
        Device and precision.
    max_length : int
        Most tokens of an input.
    """

    def __init__(
        self, model: Any, tokenizer: Any, task: Task, compute: Compute, max_length: int
    ) -> None:
        self.model = model.to(compute.device).eval()
        self.hf_tokenizer = tokenizer
        self.task: Task = task
        self.compute = compute
        self.max_length = min(max_length, longest_input(model))
        self.tokenizer = kind_of(model.config).text_tokenizer(tokenizer)
        if model.config.pad_token_id is None:  # models without a [CLS] look for the last token
            model.config.pad_token_id = self.tokenizer.pad_id
        parts = input_parts(list(task.fields))
        self.encoder = Encoder(self.tokenizer, parts, self.max_length)

    @classmethod
    def fresh(
        cls, config: BackboneConfig, task: Task, seed: int
    ) -> tuple[SequenceClassifier, set[str]]:
        """Start from a backbone with a new head; also return the names of the new parameters."""
        from transformers import AutoModelForSequenceClassification

        compute = Compute.choose(config.device, config.precision)
        torch.manual_seed(seed)
        model, report = load_pretrained(
            AutoModelForSequenceClassification,
            config.backbone,
            attn_implementation=compute.attention,
            num_labels=len(task.labels),
            problem_type=f"{'multi' if task.is_multi_label else 'single'}_label_classification",
            id2label=dict(enumerate(task.labels)),
            label2id={label: number for number, label in enumerate(task.labels)},
        )
        tokenizer = load_tokenizer(config.backbone)
        classifier = cls(model, tokenizer, task, compute, config.max_length)
        return classifier, set(report["missing_keys"])

    @classmethod
    def load(cls, folder: Path, task: Task, config: BackboneConfig) -> SequenceClassifier:
        """Load a saved one."""
        from transformers import AutoModelForSequenceClassification

        compute = Compute.choose(config.device, config.precision)
        model, _ = load_pretrained(
            AutoModelForSequenceClassification, str(folder), attn_implementation=compute.attention
        )
        return cls(model, load_tokenizer(str(folder)), task, compute, config.max_length)

    def save(self, folder: Path) -> None:
        """Write a plain Hugging Face folder."""
        self.model.save_pretrained(folder)
        self.hf_tokenizer.save_pretrained(folder)

    @torch.no_grad()
    def cool(self, temperature: float) -> None:
        """Divide all scores by a temperature, in the weights of the last layer.

        So whoever loads the saved folder, with pet or without, gets the same probabilities.
        """
        size = len(self.task.labels)
        layers = [m for m in self.model.modules() if isinstance(m, nn.Linear)]
        last = [layer for layer in layers if layer.out_features == size]
        if not last:
            raise BackboneError(
                f"{type(self.model).__name__} has no last layer that could be calibrated.",
                "Do without --calibrate.",
            )
        last[-1].weight.div_(temperature)
        if last[-1].bias is not None:
            last[-1].bias.div_(temperature)

    def logits(self, batch: Batch) -> Tensor:
        """Class logits, (B, C), in fp32."""
        with self.compute.autocast():
            logits: Tensor = self.model(**model_inputs(batch)).logits
        return logits.float()

    def mean_states(self, batch: Batch) -> Tensor:
        """Encoder output averaged over the tokens that are no padding: (B, H), in fp32."""
        return mean_states(self.model, self.compute, batch)

    @torch.inference_mode()
    def scores(self, texts: Sequence[Mapping[str, str]]) -> Scores:
        """Score examples: (N, C)."""
        encoded = self.encoder.encode(Chunk(self.tokenizer, texts))
        scores = torch.empty(len(encoded), len(self.task.labels))
        for rows in encoded.batches(self.compute.token_budget):
            batch = encoded.batch(rows, self.compute.device)
            scores[torch.from_numpy(rows)] = self.logits(batch).cpu()
        return scores.numpy()


def distil(
    config: BackboneConfig,
    task: Task,
    pool: Pool,
    scores_of: Callable[[], Iterator[Scores]],
    how: DistillationConfig,
    seed: int,
    progress: Progress = silent,
    checkpoint: Checkpoint | None = None,
) -> tuple[SequenceClassifier, Fit]:
    """Train a classifier on soft labels with the loss t^2 KL(soft || student) (PET, section 3.3).

    Parameters
    ----------
    config : BackboneConfig
        The student starts from this backbone, unless ``how`` names another.
    task : Task
        Labels and fields.
    pool : Pool
        Unlabelled text, streamed again in every epoch.
    scores_of : callable
        Returns an iterator over the ensemble's scores (n, C), chunk by chunk as ``pool.chunks()``.
    how : DistillationConfig
        Temperature, epochs, rate.
    seed : int
        Of the head and the order of examples.
    progress : callable
        Told "distilled", steps done and total.
    checkpoint : Checkpoint, optional
        Where a training that was cut off goes on from.
    """
    start = replace(config, backbone=how.student or _student_of(config.backbone))
    student, new_names = SequenceClassifier.fresh(start, task, seed)
    generator = with_seed(seed)
    t, kind = how.temperature, task_kind(task)

    def loss_of(encoded: Encoded, soft: Tensor, rows: NDArray[np.int64]) -> Tensor:
        logits = student.logits(encoded.batch(rows, student.compute.device))
        wanted = (kind.decisions(soft[torch.from_numpy(rows)]) / t).softmax(dim=1)
        found = (kind.decisions(logits) / t).log_softmax(dim=1)
        return t * t * functional.kl_div(found, wanted, reduction="batchmean")

    def losses() -> Iterator[Loss]:
        while True:
            for examples, scores in zip(pool.chunks(), scores_of(), strict=True):
                encoded = student.encoder.encode(_chunk(student, examples))
                soft = torch.from_numpy(scores).to(student.compute.device)
                size = how.distill_batch_size
                for rows in _mixed_batches(encoded.ids.lengths, size, generator):
                    yield partial(loss_of, encoded, soft, rows)

    per_epoch = sum(-(-len(examples) // how.distill_batch_size) for examples in pool.chunks())
    steps = min(how.distill_max_steps, how.distill_epochs * per_epoch)
    width = int(student.model.config.hidden_size)
    rate = how.distill_learning_rate or 4 * default_learning_rate(width)
    fit = optimise_resumably(
        _groups(student.model, new_names),
        losses(),
        Schedule(steps, rate),
        student.compute,
        progress=lambda done, total: progress("distilled", done, total),
        checkpoint=checkpoint,
    )
    return student, fit


def _student_of(backbone: str) -> str:
    """The backbone itself where transformers has a classifier of its architecture."""
    from transformers import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING

    if type(load_config(backbone)) in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        return backbone
    log.warning("%s has no classifier; %s is the student", backbone, EMBEDDED)
    return EMBEDDED


def student_temperature(
    student: SequenceClassifier, pool: Pool, calibrated: Iterator[Scores]
) -> float:
    """Find the temperature under which a student says what calibrated scores (n, C) say.

    A student learns the soft labels of one temperature, and not exactly; so its own probabilities
    are compared with the calibrated ensemble's, on some 2,000 of the unlabelled texts.
    """
    step, kind = max(1, len(pool) // _COMPARED), task_kind(student.task)
    own, wanted = [], []
    for examples, scores in zip(pool.chunks(), calibrated, strict=True):
        found = student.scores([example.texts for example in examples[::step]])
        own.append(kind.decisions(found))
        wanted.append(softmax(kind.decisions(scores[::step]), axis=1))
    return fit_temperature(np.concatenate(own), np.concatenate(wanted))


def fine_tune(
    config: BackboneConfig,
    task: Task,
    examples: Sequence[Example],
    training: TrainingConfig,
    seed: int,
    dev: Sequence[Example] = (),
    progress: Progress = silent,
    checkpoint: Checkpoint | None = None,
) -> tuple[SequenceClassifier, Fit]:
    """Train a classifier on the labelled examples alone: the baseline without patterns."""
    model, new_names = SequenceClassifier.fresh(config, task, seed)
    generator = with_seed(seed)
    encoded = model.encoder.encode(_chunk(model, examples))
    kind, n_labels = task_kind(task), len(task.labels)
    targets = targets_of(task, [example.label for example in examples])
    weights = class_weights(
        kind.outcomes(targets), kind.alternatives(n_labels), training.class_weight
    )
    weights = None if weights is None else weights.to(model.compute.device)

    def loss_of(rows: NDArray[np.int64]) -> Tensor:
        model.model.train(training.dropout)
        logits = model.logits(encoded.batch(rows, model.compute.device))
        model.model.eval()
        own = torch.from_numpy(kind.outcomes(targets[rows])).to(model.compute.device)
        return functional.cross_entropy(kind.decisions(logits), own, weights)

    batches = shuffled_batches(len(targets), training.batch_size, generator)
    dev_texts = [example.texts for example in dev]
    dev_targets = targets_of(task, [example.label for example in dev])
    width = int(model.model.config.hidden_size)
    fit = optimise_resumably(
        _groups(model.model, new_names),
        (partial(loss_of, rows) for rows in batches),
        Schedule(
            training.steps_for(len(examples), least=200),
            training.learning_rate or 2 * default_learning_rate(width),
            training.accumulation,
            training.weight_decay,
            training.warmup,
            training.clip_norm,
            training.eval_every,
            training.patience,
        ),
        model.compute,
        (lambda: accuracy(task, model.scores(dev_texts), dev_targets)) if dev else None,
        lambda done, total: progress("fine-tuned", done, total),
        checkpoint,
    )
    return model, fit


def _chunk(model: SequenceClassifier, examples: Sequence[Example]) -> Chunk:
    return Chunk(model.tokenizer, [example.texts for example in examples])


def _groups(model: nn.Module, new_names: set[str]) -> list[Group]:
    words = model.get_input_embeddings().weight  # type: ignore[operator]
    named = [(n, p) for n, p in model.named_parameters() if p is not words]
    words.requires_grad_(False)
    old = [parameter for name, parameter in named if name not in new_names]
    new = [parameter for name, parameter in named if name in new_names]
    return [Group(old), Group(new, _HEAD_RATE_FACTOR)]


def _mixed_batches(
    lengths: NDArray[np.int64], size: int, generator: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Random batches of texts of similar length: sorted within random groups of 16 batches."""
    order = generator.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), 16 * size):
        group = order[start : start + 16 * size]
        group = group[np.argsort(lengths[group], kind="stable")]
        batches += [group[at : at + size] for at in range(0, len(group), size)]
    for index in generator.permutation(len(batches)):
        yield batches[index]
