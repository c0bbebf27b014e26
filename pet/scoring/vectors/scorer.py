"""Texts as vectors on a backbone: examples in, label scores out, by a linear classifier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from pet.backbone import LanguageModel
from pet.backbone.sentences import sentence_weights
from pet.encoding import Chunk
from pet.errors import memory_told
from pet.scoring.base import Scorer
from pet.scoring.labelled import Labelled
from pet.scoring.unseen import unseen_scores
from pet.scoring.vectors.linear import LinearClassifier
from pet.scoring.vectors.reading import Reading
from pet.scoring.view import PatternView
from pet.types import Fields, Ints, Scores


class VectorScorer(Scorer):
    """A reading of texts as vectors, and logistic regression on them.

    Parameters
    ----------
    reading : Reading
        Turns texts into vectors (N, F).
    labels : sequence of str
        Labels in the order of the scores' columns, C.
    backbone : LanguageModel
        The model.
    encoder : str, optional
        Sentence encoder that the backbone's weights start from; see `sentence_weights`.
    class_weight : {"balanced"}, optional
        Weights of the labels in the regression.
    """

    def __init__(
        self,
        reading: Reading,
        labels: Sequence[str],
        backbone: LanguageModel,
        encoder: str | None = None,
        class_weight: str | None = None,
    ) -> None:
        self.backbone = backbone
        self.labels = tuple(labels)
        self.offsets = None
        self.reading = reading
        self.title = reading.title
        self.learned: LinearClassifier = LinearClassifier(
            reading.size, len(labels), backbone.compute.device
        )
        self._encoder, self._class_weight = encoder, class_weight
        self._started: Sequence[str] = ()

    @property
    def needs_examples(self) -> bool:
        """Always: the regression is fitted to labelled examples."""
        return True

    @memory_told("Scoring")
    @torch.inference_mode()
    def score(self, chunk: Chunk) -> Scores:
        """Score a chunk of N examples: (1, N, C)."""
        scores: Scores = self.learned(self.reading.vectors(chunk)).float().cpu().numpy()[None]
        return scores

    def start(self, labelled: Labelled) -> Scores | None:
        """Put the sentence encoder's weights into the backbone, and fit; see `unseen`."""
        weights = sentence_weights(self.backbone, self._encoder)
        self.backbone.weights.put(weights)
        self._started = tuple(weights)
        return self.unseen(labelled)

    @torch.no_grad()
    def fit(self, labelled: Labelled) -> None:
        """Fit the regression to vectors of labelled examples, and of anchors if there are some."""
        everything = self.reading.with_anchors(labelled, len(self.labels))
        self._fit(self.reading.vectors(everything.chunk), everything)

    @torch.no_grad()
    def unseen(self, labelled: Labelled) -> Scores | None:
        """Score each labelled example by a regression on the other folds: (1, N, C).

        Afterwards the regression is fitted to all of them, with the same vectors. Anchors are in
        every fold's training set. None where nothing can be left out: of a single example, or,
        without anchors, of one example a label.
        """
        everything = self.reading.with_anchors(labelled, len(self.labels))
        vectors = self.reading.vectors(everything.chunk)
        anchors = np.arange(len(labelled.targets), len(everything.targets))

        def fit(rows: Ints) -> None:
            self._fit(vectors, everything, np.r_[rows, anchors])

        def score(rows: Ints) -> Scores:
            scores: Scores = self.learned(vectors[rows]).float().cpu().numpy()[None]
            return scores

        scores = unseen_scores(labelled, fit, score, beside=len(anchors) > 0)
        self._fit(vectors, everything)
        return scores

    def _fit(self, vectors: Tensor, labelled: Labelled, rows: Ints | None = None) -> None:
        reading = self.reading
        self.learned.fit(
            vectors, labelled, reading.importance, reading.strength, self._class_weight, rows
        )

    def take(self, names: Iterable[str]) -> dict[str, Tensor]:
        """Copy these weights of the backbone and those of the encoder, and the regression's."""
        return super().take(dict.fromkeys([*names, *self._started]))

    @torch.inference_mode()
    def view(self, texts: Fields) -> PatternView:
        """Score one example, and tell what its readable entries add to the likeliest label.

        An entry adds its weight times its distance from the examples' mean.
        """
        vector = self.reading.vectors(Chunk(self.backbone.tokenizer, [texts]))
        scores = self.learned(vector)[0].float()
        weight = self.learned.weight[:, int(scores.argmax())]
        shares = (vector[0] - self.learned.centre) * weight
        names = self.reading.names
        told = dict(zip(names, shares[: len(names)].tolist(), strict=True))
        return PatternView(
            self.reading.shown(texts),
            [{"": told} if told else {}],
            [dict(zip(self.labels, scores.tolist(), strict=True))],
        )
