"""The masked-LM loss of unlabelled text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pet.data import Pool
from pet.encoding import Batch, Chunk
from pet.encoding.masking import Flags, Masking
from pet.scoring import PVPScorer
from pet.training import Loss
from pet.types import Ints


def lm_losses_on(
    scorer: PVPScorer, pool: Pool, size: int, generator: np.random.Generator
) -> Iterator[Loss]:
    """Yield masked-LM losses of unlabelled pattern inputs without end.

    A loss is of ``size`` inputs, of which 15 % of the tokens are hidden, never the label's slot.
    """
    backbone = scorer.backbone
    masking = Masking.from_tokenizer(backbone.tokenizer, 0.15, 0.8, 0.1)

    def loss_of(batch: Batch, seen: Ints, chosen: Flags) -> Tensor:
        if not chosen.any():  # empty texts in a pattern without words
            return torch.zeros((), device=batch.ids.device)
        noisy = scorer.prompted(replace(batch, ids=torch.from_numpy(seen).to(batch.ids)))
        rows, columns = torch.from_numpy(chosen).to(batch.ids.device).nonzero(as_tuple=True)
        logits = backbone.logits_at(noisy, rows, columns)
        return functional.cross_entropy(logits, batch.ids[rows, columns])

    while True:
        for examples in pool.chunks():
            chunk = Chunk(backbone.tokenizer, [example.texts for example in examples])
            encoded = next(iter(scorer.encode(chunk).values()))
            order = generator.permutation(len(encoded))
            for start in range(0, len(order), size):
                batch = encoded.batch(order[start : start + size], backbone.compute.device)
                ids = batch.words(masking.mask_id)
                seen, chosen = masking(ids, generator)
                yield partial(loss_of, batch, seen, chosen)
