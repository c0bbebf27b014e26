"""A plain Hugging Face sequence classifier that scores texts: the model that users ship."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pet.backbone import backbone_class, in_parts, model_inputs
from pet.backbone.direct.reading import read_classifier
from pet.backbone.loading import (
    load_config,
    load_pretrained,
    load_tokenizer,
    longest_input,
    some_of,
    too_large,
)
from pet.backbone.narrowing import only_first
from pet.config import BackboneConfig
from pet.data import Example
from pet.device import Compute
from pet.encoding import Batch, Chunk, Encoded, Encoder, TextTokenizer
from pet.errors import BackboneError, RunError, memory_told
from pet.model.about import About
from pet.model.base import finite, save_weights
from pet.model.portable import portable_tokenizer
from pet.task import Task
from pet.task.kinds import task_kind
from pet.types import Scores, Texts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from pet.training import Group

# A new classification head starts at random, the encoder does not: the head learns faster.
_HEAD_RATE_FACTOR = 10.0


class SequenceClassifier:
    """A Hugging Face sequence classifier that scores texts in batches.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Model with a sequence classification head.
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
        self,
        model: Any,  # half of the methods of PreTrainedModel have no types
        tokenizer: PreTrainedTokenizerBase,
        task: Task,
        compute: Compute,
        max_length: int,
    ) -> None:
        self.model = model.to(compute.device).eval()
        only_first(model)
        self.hf_tokenizer = tokenizer
        self.task: Task = task
        self.compute = compute
        self.about = About()
        self.max_length = min(max_length, longest_input(model))
        self.tokenizer: TextTokenizer = backbone_class(model.config).text_tokenizer(tokenizer)
        if model.config.pad_token_id is None:  # models without a [CLS] look for the last token
            model.config.pad_token_id = self.tokenizer.pad_id
        self.encoder = Encoder.plain(self.tokenizer, task.fields, self.max_length)

    @classmethod
    def fresh(
        cls,
        config: BackboneConfig,
        task: Task,
        seed: int,
        learned: Mapping[str, Tensor] | None = None,
    ) -> tuple[SequenceClassifier, set[str]]:
        """Give a backbone a new head; also return the names of the new parameters.

        ``learned`` has weights to start from instead of the backbone's, such as a member's; those
        that the classifier has no place for are left out.
        """
        from transformers import AutoModelForSequenceClassification

        compute = Compute.choose(config.device, config.precision)
        torch.manual_seed(seed)
        with memory_told(*too_large(config.backbone)):
            model, report = load_pretrained(
                AutoModelForSequenceClassification,
                config.backbone,
                attn_implementation=compute.attention,
                num_labels=len(task.labels),
                problem_type=task_kind(task).problem_type,
                id2label=dict(enumerate(task.labels)),
                label2id={label: index for index, label in enumerate(task.labels)},
            )
            tokenizer = load_tokenizer(config.backbone)
            classifier = cls(model, tokenizer, task, compute, config.max_length)
        classifier.about = About(base=config.backbone)
        classifier._put(learned or {})
        return classifier, set(report["missing_keys"])

    @classmethod
    def load(
        cls, folder: Path, task: Task, config: BackboneConfig, only_scores: bool = False
    ) -> SequenceClassifier:
        """Load a saved classifier; one that ``only_scores`` is read without transformers if it can.

        Raises
        ------
        RunError
            When its configuration names other labels than the task, or its weights are not those
            of the model that the configuration describes.
        BackboneError
            When it cannot be loaded.
        """
        compute = Compute.choose(config.device, config.precision)
        with memory_told(*too_large(str(folder))):
            if only_scores and (directly := read_classifier(folder, task.labels)):
                return cls(*directly, task, compute, config.max_length)
        from transformers import AutoModelForSequenceClassification

        _refuse_other_labels(folder, task)
        attention = compute.attention
        with memory_told(*too_large(str(folder))):
            model, report = load_pretrained(
                AutoModelForSequenceClassification, str(folder), attn_implementation=attention
            )
            _refuse_other_weights(folder, report)
            return cls(model, load_tokenizer(str(folder)), task, compute, config.max_length)

    def save(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        """Write a plain Hugging Face folder, whose tokenizer reads texts as this model does."""
        save_weights(self.model, folder, dtype)
        portable_tokenizer(self.hf_tokenizer, self.tokenizer, self.max_length).save_pretrained(
            folder
        )

    def record(self) -> dict[str, Any]:
        """Return the most tokens of an input, as JSON values."""
        return {"kind": "sequence-classifier", "max_length": self.max_length}

    @torch.no_grad()
    def cool(self, temperature: float) -> None:
        """Divide all scores by a temperature, in the weights of the last layer.

        So the saved folder gives the same probabilities with pet and without.

        Raises
        ------
        BackboneError
            When the model has no last linear layer of one output for each label.
        """
        size = len(self.task.labels)
        layers = [m for m in self.model.modules() if isinstance(m, nn.Linear)]
        last = [layer for layer in layers if layer.out_features == size]
        if not last:
            raise BackboneError(
                f"{type(self.model).__name__} has no last layer that could be calibrated.",
                "Use `--temper none`.",
            )
        last[-1].weight.div_(temperature)
        if last[-1].bias is not None:
            last[-1].bias.div_(temperature)

    @torch.no_grad()
    def _put(self, weights: Mapping[str, Tensor]) -> None:
        """Copy the weights that are among the classifier's, by name and shape."""
        for name, parameter in self.model.named_parameters():
            weight = weights.get(name)
            if weight is not None and weight.shape == parameter.shape:
                parameter.copy_(weight)

    def encode(self, examples: Sequence[Example]) -> Encoded:
        """Encode examples without a pattern."""
        return self.encoder.encode(Chunk(self.tokenizer, [example.texts for example in examples]))

    def groups(self, new_names: Collection[str]) -> list[Group]:
        """Group the parameters to train: all but word embeddings, new ones at a higher rate."""
        from pet.training import Group  # late: a process that only scores needs none

        words = self.model.get_input_embeddings().weight
        words.requires_grad_(False)
        named = [(n, p) for n, p in self.model.named_parameters() if p is not words]
        old = [parameter for name, parameter in named if name not in new_names]
        new = [parameter for name, parameter in named if name in new_names]
        return [Group(old), Group(new, _HEAD_RATE_FACTOR)]

    def logits(self, batch: Batch) -> Tensor:
        """Return class logits (B, C) in fp32."""
        (logits,) = in_parts(
            lambda batches: [self._logits(*batches)], [batch], self.compute, self.model
        )
        return logits

    def _logits(self, batch: Batch) -> Tensor:
        with self.compute.autocast():
            logits: Tensor = self.model(**model_inputs(batch)).logits
        return logits.float()

    @memory_told("Scoring")
    @torch.inference_mode()
    def scores(self, texts: Texts) -> Scores:
        """Score N texts: (N, C)."""
        encoded = self.encoder.encode(Chunk(self.tokenizer, texts))
        put, device = self.compute.put, self.compute.device
        scores = torch.empty(len(encoded), len(self.task.labels), device=device)
        for rows in encoded.batches(self.compute.token_budget):
            scores[put(rows)] = self.logits(encoded.batch(rows, device))
        return finite(scores.cpu().numpy(), "classifier")


def _refuse_other_weights(folder: Path, report: Mapping[str, Any]) -> None:
    """Refuse weights to which transformers gave random values, or of which it left some out."""
    for fault, names in (
        ("lack", report["missing_keys"]),
        ("have, without a place for it,", report["unexpected_keys"]),
    ):
        if names:
            raise RunError(
                f"{folder}: this model is damaged: its weights {fault} {some_of(sorted(names))}.",
                "Copy the whole folder again, or train it again.",
            )


def _refuse_other_labels(folder: Path, task: Task) -> None:
    """Compare the task's labels with those that the model's own configuration names."""
    named: dict[int, str] = load_config(str(folder)).id2label or {}  # type: ignore[assignment]
    found = [label for _, label in sorted(named.items())]
    if found != list(task.labels):
        raise RunError(
            f"{folder}: its config.json names the labels {_listed(found)}, and its pet.json "
            f"{_listed(task.labels)}, in this order.",
            "One of the two files was changed or comes from another model. Copy the whole folder "
            "again, or train it again.",
        )


def _listed(labels: Sequence[str]) -> str:
    """List the first labels, and count the others."""
    shown = ", ".join(repr(label) for label in labels[:5])
    return f"{shown} and {len(labels) - 5} more" if len(labels) > 5 else shown
