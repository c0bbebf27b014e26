"""What slots have become, for people to look at: the words next to them, and how far they went."""

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
    """One slot: the words next to it when it started and ``now``, and how far it has ``moved``.

    ``now`` is empty where a template learns no vectors in the places of words, as a prefix does.
    ``moved`` is the norm of the change of all that is learned of the slot, relative to that of the
    start.
    """

    start: Near
    now: Near
    moved: float


@torch.no_grad()
def slot_views(template: SoftTemplate, backbone: LanguageModel, count: int = 3) -> list[SlotView]:
    """Look at the slots of a template, one after the other, with ``count`` words each."""
    prompt = template()
    start = nearest(backbone, template.start, count)
    now = nearest(backbone, prompt.vectors, count) if prompt.attended is None else [()] * len(start)
    parts = zip(start, now, template.moved().tolist(), strict=True)
    return [SlotView(*own) for own in parts]


@torch.no_grad()
def nearest(backbone: LanguageModel, vectors: Tensor, count: int) -> Sequence[Near]:
    """Find the words whose embeddings have the highest cosines with vectors (T, E): T of them."""
    table = backbone.model.get_input_embeddings().weight[: backbone.tokenizer.vocabulary_size]
    cosines = functional.normalize(vectors) @ functional.normalize(table.float()).T
    best = cosines.topk(min(count, len(table)), dim=1)
    return [
        tuple((_shown(backbone, number), value) for number, value in zip(ids, row, strict=True))
        for ids, row in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def _shown(backbone: LanguageModel, number: int) -> str:
    text: str = backbone.hf_tokenizer.decode([number]).strip()
    return text or str(backbone.hf_tokenizer.convert_ids_to_tokens(number))
