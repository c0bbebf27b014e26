"""Two texts compared: how alike they are as a whole, and word by word."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from pet.backbone import LanguageModel
from pet.backbone.pooling import mean_state, unit
from pet.encoding import Batch, Chunk, Encoder, within_budget
from pet.scoring.vectors.reading import Reading
from pet.types import Fields, Ints

_WEAKEST = 3
_STATISTICS = ("on average", "at the least", f"at the {_WEAKEST} least")


class PairReading(Reading):
    """Comparisons of the two fields of a task, each read alone.

    The first entries are the cosine of the two mean states, and how well the words of each text
    are met by the other: every word's largest cosine with a word of the other text, once by the
    vectors of the vocabulary and once by the states, averaged over the words, at the least, and
    over the three least. They are symmetric in neither text: a hypothesis may be met by a longer
    premise, and not the premise by the hypothesis. The other entries are the two mean states, their
    distance entry by entry, and their product.

    Sources: the largest cosines are the late interaction of ColBERT (Khattab and Zaharia 2020) and
    the alignment of decomposable attention (Parikh et al. 2016); distance and product are those of
    InferSent (Conneau et al. 2017).

    Parameters
    ----------
    fields : sequence of str
        The two fields.
    backbone : LanguageModel
        The model.
    max_length : int
        Most tokens of a field.
    """

    title: ClassVar[str] = "pairs of texts"
    strength: ClassVar[float] = 0.3

    def __init__(self, fields: Sequence[str], backbone: LanguageModel, max_length: int) -> None:
        self._backbone, self._fields = backbone, tuple(fields)
        longest = min(max_length, backbone.max_length)
        self._encoders = [Encoder.plain(backbone.tokenizer, [name], longest) for name in fields]
        first, second = self._fields
        self.names = (
            "both alike",
            *(
                f"{one} met by {other}, {kind}, {statistic}"
                for kind in ("words", "states")
                for one, other in ((first, second), (second, first))
                for statistic in _STATISTICS
            ),
        )
        width = backbone.hidden_size
        self.size = len(self.names) + 4 * width
        # The many entries of the states together count half as much as the few comparisons.
        share = math.sqrt(len(self.names) / 2 / (4 * width))
        self.importance = np.r_[np.ones(len(self.names)), np.full(4 * width, share)]
        special = backbone.hf_tokenizer.all_special_ids
        self._special = torch.tensor(special, device=backbone.compute.device)

    def vectors(self, chunk: Chunk) -> Tensor:
        """Compare N pairs: (N, F), fp32."""
        compute = self._backbone.compute
        encoded = [encoder.encode(chunk) for encoder in self._encoders]
        lengths: Ints = encoded[0].lengths + encoded[1].lengths
        vectors = torch.empty(len(chunk), self.size, device=compute.device)
        for rows in within_budget(lengths, compute.token_budget):
            batches = [one.batch(rows, compute.device) for one in encoded]
            vectors[compute.put(rows)] = self._compared(*batches)
        return vectors

    def shown(self, texts: Fields) -> str:
        """Return the two texts."""
        return " | ".join(texts[name] for name in self._fields)

    def _compared(self, first: Batch, second: Batch) -> Tensor:
        """Compare B pairs: (B, F)."""
        states = [self._backbone.token_states(batch) for batch in (first, second)]
        means = [
            unit(mean_state(hidden, batch.attention))
            for hidden, batch in zip(states, (first, second), strict=True)
        ]
        real = [self._words(batch) for batch in (first, second)]
        words = self._backbone.model.get_input_embeddings()
        vectors = [words(batch.ids).float() for batch in (first, second)]
        one, other = means
        return torch.cat(
            [
                (one * other).sum(dim=1, keepdim=True),
                *_met(vectors, real),
                *_met(states, real),
                one,
                other,
                (one - other).abs(),
                one * other,
            ],
            dim=1,
        )

    def _words(self, batch: Batch) -> Tensor:
        """Tell which tokens (B, L) are words: neither special nor padding."""
        words = ~torch.isin(batch.ids, self._special)
        return words if batch.attention is None else words & batch.attention.bool()


def _met(vectors: Sequence[Tensor], real: Sequence[Tensor]) -> list[Tensor]:
    """Measure how well the tokens of each text are met by the other: two tensors (B, 3).

    ``vectors`` are those of the tokens, (B, L, E) a text; ``real`` (B, L) tells which are words.
    A text without words is met by 0.
    """
    cosines = unit(vectors[0]) @ unit(vectors[1]).transpose(1, 2)
    measured = []
    for turned, mine, others in (
        (cosines, real[0], real[1]),
        (cosines.transpose(1, 2), real[1], real[0]),
    ):
        best = turned.masked_fill(~others[:, None], -1.0).amax(dim=2)
        best = torch.where(others.any(dim=1, keepdim=True), best, 0.0)
        count = mine.sum(dim=1)
        mean = (best * mine).sum(dim=1) / count.clamp_min(1)
        ranked = best.masked_fill(~mine, math.inf).sort(dim=1).values[:, :_WEAKEST]
        taken = torch.where(ranked.isinf(), 0.0, ranked)
        least = taken.sum(dim=1) / count.clamp(1, _WEAKEST)
        measured.append(torch.stack([mean, taken[:, 0], least], dim=1))
    return measured
