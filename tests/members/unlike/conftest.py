"""The backbone of members unlike the cloze ones: with a sentence encoder beside it."""

from __future__ import annotations

import pytest

from pet.backbone import MaskedLM


@pytest.fixture(scope="module")
def backbone(beside: str) -> MaskedLM:
    """The lively BERT with a sentence encoder, ready to score and to train."""
    return MaskedLM.load(beside, "cpu", "fp32")
