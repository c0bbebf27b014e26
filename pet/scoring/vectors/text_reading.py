"""A text as one vector: the mean state of its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from pet.backbone import LanguageModel
from pet.backbone.pooling import unit
from pet.encoding import Chunk, Encoded, Encoder
from pet.scoring.labelled import Labelled
from pet.scoring.vectors.reading import Reading
from pet.types import Fields

# An anchor: a text that stands for a label, and the label's number.
Anchor = tuple[str, int]


class TextReading(Reading):
    """The mean state of a text's tokens, as a vector of length 1: (N, H).

    Anchors are texts such as the label's name. They count as examples, so that one example of a
    label, or none, is enough to start from (as in FastFit, Yehudai and Bandel 2024).

    Parameters
    ----------
    fields : sequence of str
        Fields of the task, read one after the other.
    backbone : LanguageModel
        The model.
    max_length : int
        Most tokens of an input.
    anchors : sequence of (str, int)
        Texts that stand for labels; only for tasks with one field.
    """

    title = "texts"

    def __init__(
        self,
        fields: Sequence[str],
        backbone: LanguageModel,
        max_length: int,
        anchors: Sequence[Anchor] = (),
    ) -> None:
        self._backbone, self._fields, self._anchors = backbone, tuple(fields), tuple(anchors)
        longest = min(max_length, backbone.max_length)
        self._encoder = Encoder.plain(backbone.tokenizer, fields, longest)
        self.size = backbone.hidden_size

    def encode(self, chunk: Chunk) -> Encoded:
        """Encode texts once, for all batches."""
        return self._encoder.encode(chunk)

    def read(self, encoded: Encoded, rows: np.ndarray | None = None) -> Tensor:
        """Read encoded texts, or the B rows that are given, with gradients: (B, H)."""
        compute = self._backbone.compute
        if rows is not None:
            return unit(self._backbone.text_states(encoded.batch(rows, compute.device)))
        means = encoded.each(compute, self._backbone.text_states)
        return unit(means.reshape(len(encoded), self.size).to(compute.device))

    def vectors(self, chunk: Chunk) -> Tensor:
        """Read N texts: (N, H), fp32."""
        return self.read(self.encode(chunk))

    def shown(self, texts: Fields) -> str:
        """Return the fields, one after the other."""
        return " ".join(texts[name] for name in self._fields)

    def with_anchors(self, labelled: Labelled, n_labels: int) -> Labelled:
        """Add the anchors, each with weight 1."""
        if not self._anchors or len(self._fields) > 1:
            return labelled
        texts = [{self._fields[0]: text} for text, _ in self._anchors]
        numbers = np.array([number for _, number in self._anchors])
        targets = labelled.kind.alone(numbers, n_labels)
        weights = labelled.weights
        return replace(
            labelled,
            chunk=Chunk(self._backbone.tokenizer, [*labelled.chunk.texts, *texts]),
            targets=np.concatenate([labelled.targets, targets]),
            weights=None if weights is None else np.append(weights, np.ones(len(texts))),
        )
