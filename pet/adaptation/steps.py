"""The steps of continued masked-LM training: losses, parameters, number and rates."""

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
# Multiples of the rate for a few labels: masked-LM training on whole rows bears a higher rate, and
# adapters, which start at zero, a still higher one.
_RATE_FACTOR, _LORA_RATE_FACTOR = 4.0, 20.0
_UNLIMITED = 10**9  # steps, where the clock ends the training
_SAMPLED = 256  # documents


class Beside(Protocol):
    """Another loss to learn in the same steps."""

    @property
    def asked(self) -> Mapping[str, Any]:
        """Everything that decides the losses, as JSON values."""

    def __call__(self, backbone: MaskedLM, done: int) -> Iterator[Loss]:
        """Yield losses without end, after the first ``done``."""


def adaptation_losses(
    backbone: MaskedLM,
    stream: RowStream,
    config: LMConfig,
    seed: int,
    done: int,
    beside: Beside | None = None,
) -> Iterator[Loss]:
    """Yield the losses of batches after the first ``done``, each with one of ``beside`` added."""
    losses = _masked_lm_losses(backbone, stream, config, seed, done)
    if beside is not None:
        losses = map(_sum_of, losses, beside(backbone, done))
    return (partial(_dropped_out, backbone, loss) for loss in losses) if config.dropout else losses


def _masked_lm_losses(
    backbone: MaskedLM, stream: RowStream, config: LMConfig, seed: int, done: int
) -> Iterator[Loss]:
    rate, masked, random = config.mask_rate, config.mask_share, config.random_share
    masking = Masking.from_tokenizer(backbone.tokenizer, rate, masked, random)
    while True:
        # All random draws of a batch follow from its number, so none has to be saved.
        generator = with_seed(derived_seed(seed, AdaptationStream.BATCH, done))
        done += 1
        rows = stream.draw(config.batch_size, generator)
        ids, marks = rows[:, 0].astype(np.int64), rows[:, 1]
        seen, chosen = masking(ids, generator, marks & STARTS > 0, marks & ASKED > 0)
        yield partial(masked_lm_loss, backbone, ids, seen, chosen)


def _dropped_out(backbone: MaskedLM, loss: Loss) -> Tensor:
    with dropout(backbone.model, wanted=True):
        return loss()


def _sum_of(*losses: Loss) -> Loss:
    return lambda: torch.stack([loss() for loss in losses]).sum()


def trained_parameters(backbone: MaskedLM, config: LMConfig) -> list[nn.Parameter]:
    """Return the parameters to train, and freeze the others.

    With LoRA those are the adapters and a new head; word embeddings are then frozen.
    """
    words = backbone.model.get_input_embeddings().weight
    for name, parameter in backbone.model.named_parameters():
        chosen = config.lora is None or "lora_" in name or name in backbone.untrained
        frozen = parameter is words and (config.freeze_words or config.lora is not None)
        parameter.requires_grad_(chosen and not frozen)
    return [p for p in backbone.model.parameters() if p.requires_grad]


def limited(config: LMConfig, corpus: Corpus, packer: Packer) -> LMConfig:
    """Limit the steps so that the text is read at most ``passes`` times.

    Its tokens are estimated from its first documents.
    """
    if config.passes is None:
        return config
    first = list(islice(corpus.epoch(0), _SAMPLED))
    tokens = packer.tokens(first).shape[1] / sum(map(len, first)) * corpus.characters
    tokens_per_step = config.batch_size * config.accumulation * packer.room
    most = math.ceil(config.passes * tokens / tokens_per_step)
    steps = config.max_steps
    if steps is None and config.minutes is None:
        steps = DEFAULT_STEPS
    return replace(config, max_steps=most if steps is None else min(steps, most))


def schedule_of(config: LMConfig, width: int) -> Schedule:
    """Return steps and rates; the rate follows from the backbone's width if none is set."""
    steps, rate = config.max_steps, config.learning_rate
    if steps is None:
        steps = DEFAULT_STEPS if config.minutes is None else _UNLIMITED
    if rate is None:
        factor = _RATE_FACTOR if config.lora is None else _LORA_RATE_FACTOR
        rate = factor * default_learning_rate(width)
    return Schedule(
        steps,
        rate,
        config.accumulation,
        config.weight_decay,
        config.warmup,
        config.clip_norm,
        decay="cosine",
        max_seconds=None if config.minutes is None else max(1e-9, 60 * config.minutes),
    )
