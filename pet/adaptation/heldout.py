"""The masked-LM loss, and its figures on held-out text."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pet.backbone import MaskedLM
from pet.encoding import Batch, Encoded, Ragged
from pet.encoding.masking import Flags, Masking
from pet.progress import Progress, counted, silent
from pet.types import Ints

_MASKS_SEED = 0  # the same masks in every run
_TOKENS_AT_ONCE = 4096


@dataclass(frozen=True)
class HeldOutFigures:
    """Cross entropy in nats, and accuracy, at the masked tokens of held-out text."""

    tokens: int
    loss: float
    accuracy: float

    @property
    def perplexity(self) -> float:
        """Exponential of the loss: the number of equally likely words."""
        return math.exp(min(self.loss, 700.0))


def masked_lm_loss(backbone: MaskedLM, ids: Ints, seen: Ints, chosen: Flags) -> Tensor:
    """Return the mean cross entropy (nats) of the tokens ``ids[chosen]``.

    The model reads ``seen``; all three are (B, L). Only the chosen positions go through the head.
    """
    put = backbone.compute.put
    rows, columns = put(np.stack(chosen.nonzero()))
    inputs = put(seen)
    segments = torch.zeros_like(inputs) if backbone.tokenizer.has_segments else None
    batch = Batch(inputs, None, segments, inputs.new_zeros((len(inputs), 0)))
    return functional.cross_entropy(backbone.logits_at(batch, rows, columns), put(ids[chosen]))


class HeldOut:
    """Held-out rows under masks that never change: 15 % of the tokens, all by the mask token.

    Parameters
    ----------
    backbone : MaskedLM
        Gives the special tokens.
    rows : Ragged
        Token ids of held-out text.
    """

    def __init__(self, backbone: MaskedLM, rows: Ragged) -> None:
        self._columns: list[Ints] = []
        seen = rows.flat.copy()
        masking = Masking.from_tokenizer(backbone.tokenizer, 0.15, 1.0, 0.0)
        for index, (start, end) in enumerate(zip(rows.starts, rows.starts[1:], strict=False)):
            generator = np.random.default_rng([_MASKS_SEED, index])
            hidden, chosen = masking(rows.flat[None, start:end], generator)
            seen[start:end] = hidden[0]
            self._columns.append(chosen[0].nonzero()[0])
        segments = np.zeros_like(seen) if backbone.tokenizer.has_segments else None
        empty = np.zeros((len(rows.starts) - 1, 0), np.int64)
        self._truth = rows
        self.rows = Encoded(Ragged(seen, rows.starts), segments, empty, backbone.tokenizer.pad_id)

    @torch.inference_mode()
    def measure(self, backbone: MaskedLM, progress: Progress = silent) -> HeldOutFigures | None:
        """Predict the masked tokens, and return the figures; None if there are no tokens."""
        put = backbone.compute.put
        backbone.model.eval()
        tokens = 0
        # Summed on the device, so that only the end waits for a GPU.
        sums = torch.zeros(2, dtype=torch.float64, device=backbone.compute.device)
        batches = self.rows.batches(_TOKENS_AT_ONCE)
        for indices in counted(batches, progress, "held-out text", len(self.rows), len):
            masked = [self._columns[index] for index in indices]
            row = np.repeat(np.arange(len(indices)), [len(columns) for columns in masked])
            column = np.concatenate(masked)
            truth = self._truth.flat[self._truth.starts[indices][row] + column]
            batch = self.rows.batch(indices, backbone.compute.device)
            logits = backbone.logits_at(batch, put(row), put(column))
            targets = put(truth)
            loss = functional.cross_entropy(logits, targets, reduction="sum")
            sums += torch.stack([loss, (logits.argmax(dim=1) == targets).sum()])
            tokens += len(truth)
        if not tokens:
            return None
        loss_of_all, right = sums.tolist()
        return HeldOutFigures(tokens, loss_of_all / tokens, right / tokens)
