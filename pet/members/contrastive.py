"""Contrastive members: texts of one label are pulled together, those of others pushed apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from pet.backbone import LanguageModel
from pet.members.losses import LabelLoss
from pet.members.parameters import rate_of
from pet.members.spec import Trainable
from pet.members.vector_spec import VectorSpec
from pet.members.work import Work
from pet.scoring.labelled import Labelled
from pet.scoring.readouts.base import States
from pet.scoring.vectors.scorer import VectorScorer
from pet.scoring.vectors.text_reading import Anchor, TextReading
from pet.task import Task
from pet.training import Group
from pet.training.loop import dropout
from pet.types import Ints

TEMPERATURE = 0.1
# Texts of a batch, in batches of a cloze member: a contrast needs several texts of each label.
_BATCHES = 4
_STEPS = {"full": 25, "bias": 50}  # the scopes that train the encoder
_PASSES = 2


@dataclass(frozen=True)
class ContrastiveSpec(VectorSpec):
    """A sentence encoder that is tuned by supervised contrast, and logistic regression.

    In every batch each text is pulled towards the others of its label and away from the rest; the
    labels' names and words are texts of their label too. With 25 batches of 32 texts it costs as
    much as two cloze members.

    Sources: the loss is that of Khosla et al. 2020 (2004.11362), the regression SetFit's (Tunstall
    et al. 2022, 2209.11055), the names FastFit's (Yehudai and Bandel 2024, 2404.12365).
    """

    kind = "contrastive"

    @classmethod
    def suits(cls, task: Task) -> bool:
        """Whether a task has another number of fields than two, which are better compared."""
        return len(task.fields) != 2

    @property
    def title(self) -> str:
        """The fields."""
        return f"{', '.join(self.task.fields)} as a vector"

    def reading(self, backbone: LanguageModel) -> TextReading:
        """Make the reading of texts on a backbone."""
        fields = self.task.fields
        return TextReading(fields, backbone, self.max_length, anchors_of(self.task))

    def steps(self, examples: int) -> int:
        """Return the number of optimiser steps: 25, or two passes where that is more.

        With the scope bias it is 50; with head, prompt and lora the encoder stays as it is: 0.
        """
        if self.training.scope not in _STEPS:
            return 0
        if self.training.max_steps is not None:
            return self.training.max_steps
        return max(_STEPS[self.training.scope], -(-_PASSES * examples // self._texts))

    @property
    def _texts(self) -> int:
        return _BATCHES * self.training.batch_size

    def trainable(
        self, scorer: VectorScorer, labelled: Labelled, work: Work, generator: np.random.Generator
    ) -> Trainable:
        """Train the encoder without its word vectors, or its biases, by the contrast of batches."""
        backbone, scope = scorer.backbone, self.training.scope
        body = {id(parameter) for parameter in backbone.body.parameters()}
        parameters = dict(backbone.model.named_parameters())
        names = [name for name in backbone.scope_names(scope) if id(parameters[name]) in body]
        weights = list(backbone.weights.trainable(names).values())
        rate = rate_of(
            self.training, scope, backbone.hidden_size, self.steps(len(labelled.targets))
        )
        return Trainable(names, [Group(weights)], rate, self._losses(scorer, labelled, generator))

    def _losses(
        self, scorer: VectorScorer, labelled: Labelled, generator: np.random.Generator
    ) -> Iterator[LabelLoss]:
        """Yield losses of batches without end; rows are drawn before a loss is yielded."""
        reading, backbone = scorer.reading, scorer.backbone
        assert isinstance(reading, TextReading)
        everything = reading.with_anchors(labelled, len(scorer.labels))
        encoded = reading.encode(everything.chunk)
        truth = everything.kind.truth(everything.targets, len(scorer.labels))

        def loss_of(rows: Ints, _: States | None) -> Tensor:
            with dropout(backbone.model, self.training.dropout):
                vectors = reading.read(encoded, rows)
            labels = torch.from_numpy(truth[rows]).to(vectors.device)
            return contrast(vectors, labels, TEMPERATURE)

        for rows in _batches(truth, self._texts, generator):
            yield LabelLoss({}, partial(loss_of, rows))


def anchors_of(task: Task) -> list[Anchor]:
    """Return the texts that stand for labels: their names, and their words in one text."""
    anchors = dict.fromkeys((label, number) for number, label in enumerate(task.labels))
    for pvp in task.pvps:
        for verbalizer in pvp.verbalizers:
            if list(verbalizer.words) == list(task.labels):
                anchors |= {
                    (", ".join(verbalizer.words[label]), number): None
                    for number, label in enumerate(task.labels)
                }
    return list(anchors)


def contrast(vectors: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Compute the supervised contrast of a batch.

    With s_ij the cosine over the temperature, the mean over texts i of
    ``-sum_j w_ij log(exp s_ij / sum_{k != i} exp s_ik)``, where w_ij is the share of labels that i
    and j have in common, normalised over j. Texts without a companion do not count.

    Parameters
    ----------
    vectors : Tensor (B, H)
        Unit vectors.
    labels : bool Tensor (B, C)
        Which labels a text has: one, or any number.
    temperature : float
        Divides the cosines.

    Source: Khosla et al. 2020, equation 2; shares of labels in common are ours.
    """
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    similarity = (vectors @ vectors.T / temperature).masked_fill(itself, -1e4)
    chances = similarity.log_softmax(dim=1)
    flags = labels.float()
    common = flags @ flags.T
    either = flags.sum(dim=1)[:, None] + flags.sum(dim=1) - common
    shares = (common / either.clamp_min(1)).masked_fill(itself, 0.0)
    total = shares.sum(dim=1)
    losses = -(shares * chances).sum(dim=1) / total.clamp_min(1e-6)
    return losses[total > 0].mean() if bool((total > 0).any()) else 0.0 * similarity.sum()


def _batches(truth: np.ndarray, size: int, generator: np.random.Generator) -> Iterator[Ints]:
    """Yield rows with equally many texts of each label, at least two; of random labels if many.

    Texts without any label count as one more: they have no companion, but others keep away from
    them.
    """
    by_label = [np.flatnonzero(column) for column in (*truth.T, ~truth.any(axis=1))]
    present = [rows for rows in by_label if len(rows)]
    while True:
        labels = present
        if 2 * len(present) > size:
            chosen = generator.choice(len(present), max(2, size // 2), replace=False)
            labels = [present[number] for number in chosen]
        each = max(2, size // len(labels))
        drawn = [generator.choice(rows, min(each, len(rows)), replace=False) for rows in labels]
        yield np.unique(np.concatenate(drawn))
