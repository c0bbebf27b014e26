"""Soft scorers on tiny models, their scores and their loss."""

from __future__ import annotations

from typing import Any

from families import FAMILIES, MAX_LENGTH
from tiny import TEXTS

from pet import PVP, Verbalizer
from pet.backbone import LanguageModel
from pet.encoding import Chunk
from pet.scoring import PVPScorer
from pet.scoring.soft.template import SoftSpec
from pet.task import Pattern

LABELS = ("bad", "good")
WORDS = Verbalizer({"good": ["great", "wonderful"], "bad": ["terrible"]})
HARD = "{a} it was {mask} . {b}"
SOFT = "{soft:2} {a} {soft:'it was'} {mask} . {b} {soft}"


def takes(family: str, kind: str) -> bool:
    return kind != "prefix" or not FAMILIES[family].own_attention


def scorer(
    backbone: LanguageModel, pattern: str = SOFT, kind: str = "prompt-tuning", **more: Any
) -> PVPScorer:
    soft = SoftSpec(kind, **more) if Pattern(pattern).is_soft else None
    return PVPScorer(PVP(pattern, WORDS), LABELS, backbone, MAX_LENGTH, soft=soft)


def scores(own: PVPScorer, texts: list[dict[str, str]] = TEXTS) -> Any:
    return own.score(Chunk(own.backbone.tokenizer, texts))[0]
