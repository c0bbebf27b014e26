"""Trained slots for people to look at: the nearest words, and the change since the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pet.backbone import LanguageModel
from pet.scoring.soft.template import SoftTemplate

# Words of the vocabulary and their cosines, the nearest first.
Near = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class SlotView:
    """One slot: the nearest words at its ``start`` and ``now``, and its relative change ``moved``.

    ``now`` is empty for a prefix, which learns no vectors in the places of words. ``moved`` is the
    norm of the change of everything learned for the slot, over the norm of the start.
    """

    start: Near
    now: Near
    moved: float


@torch.no_grad()
def slot_views(template: SoftTemplate, backbone: LanguageModel, count: int = 3) -> list[SlotView]:
    """Describe the slots of a template in order, with ``count`` words each."""
    prompt = template()
    start = nearest(backbone, template.start, count)
    now = nearest(backbone, prompt.vectors, count) if prompt.attended is None else [()] * len(start)
    moved = template.moved().tolist()
    return [SlotView(*slot) for slot in zip(start, now, moved, strict=True)]


@torch.no_grad()
def nearest(backbone: LanguageModel, vectors: Tensor, count: int) -> Sequence[Near]:
    """Find the words whose embeddings have the highest cosines with each of T vectors (T, E)."""
    table = backbone.model.get_input_embeddings().weight[: backbone.tokenizer.vocabulary_size]
    cosines = functional.normalize(vectors) @ functional.normalize(table.float()).T
    best = cosines.topk(min(count, len(table)), dim=1)
    return [
        tuple(
            (_token_text(backbone, token), cosine) for token, cosine in zip(ids, row, strict=True)
        )
        for ids, row in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def _token_text(backbone: LanguageModel, token_id: int) -> str:
    text = str(backbone.hf_tokenizer.decode([token_id])).strip()
    return text or str(backbone.hf_tokenizer.convert_ids_to_tokens(token_id))
