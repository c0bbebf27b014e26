"""The steps of continued masked-LM training: how many, at which rates, and their losses."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from pet.adaptation.corpus import Corpus
from pet.adaptation.heldout import masked_lm_loss
from pet.adaptation.packing import ASKED, STARTS, Packer, RowStream
from pet.backbone import MaskedLM
from pet.config import LMConfig, default_learning_rate
from pet.encoding.masking import Masking
from pet.seeds import AdaptationStream, derived_seed, with_seed
from pet.training import Loss, Schedule
from pet.training.loop import dropout

DEFAULT_STEPS = 1000
# A masked LM learns from whole rows, not from a few labels, and bears a higher rate; adapters,
# which start at nothing, a still higher one.
_RATE_FACTOR, _LORA_RATE_FACTOR = 4.0, 20.0
_UNLIMITED = 10**9  # steps, where the clock ends the training
_SAMPLED = 256  # documents


class Beside(Protocol):
    """Something else to learn in the same steps."""

    @property
    def asked(self) -> Mapping[str, Any]:
        """Everything that decides it, as JSON values."""

    def __call__(self, backbone: MaskedLM, done: int) -> Iterator[Loss]:
        """Yield losses without end, from the one after ``done`` others."""


def adaptation_losses(
    backbone: MaskedLM,
    stream: RowStream,
    how: LMConfig,
    seed: int,
    done: int,
    beside: Beside | None = None,
) -> Iterator[Loss]:
    """Losses of one batch after another, ``done`` of which were drawn before; with those beside."""
    losses = _masked_lm_losses(backbone, stream, how, seed, done)
    if beside is not None:
        losses = map(_sum_of, losses, beside(backbone, done))
    return (partial(_dropped_out, backbone, loss) for loss in losses) if how.dropout else losses


def _masked_lm_losses(
    backbone: MaskedLM, stream: RowStream, how: LMConfig, seed: int, done: int
) -> Iterator[Loss]:
    masking = Masking.from_tokenizer(
        backbone.tokenizer, how.mask_rate, how.mask_share, how.random_share
    )
    while True:
        # All that is random in a batch follows from its number: nothing of it has to be saved.
        generator = with_seed(derived_seed(seed, AdaptationStream.BATCH, done))
        done += 1
        rows = stream.take(how.batch_size, generator)
        ids, marks = rows[:, 0].astype(np.int64), rows[:, 1]
        seen, chosen = masking(ids, generator, marks & STARTS > 0, marks & ASKED > 0)
        yield partial(masked_lm_loss, backbone, ids, seen, chosen)


def _dropped_out(backbone: MaskedLM, loss: Loss) -> Tensor:
    with dropout(backbone.model, wanted=True):
        return loss()


def _sum_of(*losses: Loss) -> Loss:
    return lambda: torch.stack([loss() for loss in losses]).sum()


def trained_parameters(backbone: MaskedLM, how: LMConfig) -> list[nn.Parameter]:
    """Choose what is trained: all, or adapters and a new head; words only where they may be."""
    words = backbone.model.get_input_embeddings().weight
    for name, parameter in backbone.model.named_parameters():
        chosen = how.lora is None or "lora_" in name or name in backbone.untrained
        frozen = parameter is words and (how.freeze_words or how.lora is not None)
        parameter.requires_grad_(chosen and not frozen)
    return [p for p in backbone.model.parameters() if p.requires_grad]


def limited(how: LMConfig, corpus: Corpus, packer: Packer) -> LMConfig:
    """Fewer steps where the text, by its first documents' tokens, would be read too often."""
    if how.passes is None:
        return how
    first = list(islice(corpus.epoch(0), _SAMPLED))
    tokens = packer.tokens(first).shape[1] / sum(map(len, first)) * corpus.characters
    most = math.ceil(how.passes * tokens / (how.batch_size * how.accumulation * packer.room))
    steps = DEFAULT_STEPS if how.max_steps is None and how.minutes is None else how.max_steps
    return replace(how, max_steps=most if steps is None else min(steps, most))


def schedule_of(how: LMConfig, width: int) -> Schedule:
    """Steps and rates; the rate follows from the backbone's width where none is given."""
    steps, rate = how.max_steps, how.learning_rate
    if steps is None:
        steps = DEFAULT_STEPS if how.minutes is None else _UNLIMITED
    if rate is None:
        factor = _RATE_FACTOR if how.lora is None else _LORA_RATE_FACTOR
        rate = factor * default_learning_rate(width)
    return Schedule(
        steps,
        rate,
        how.accumulation,
        how.weight_decay,
        how.warmup,
        how.clip_norm,
        decay="cosine",
        max_seconds=None if how.minutes is None else max(1e-9, 60 * how.minutes),
    )
