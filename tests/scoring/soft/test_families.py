"""Every kind of soft template on every family: exact start, padding, gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from other_families import SEQ2SEQ, save_other
from softened import HARD, scorer, scores
from tiny import TEXTS, shake
from torch.nn import functional

from pet.backbone import MaskedLM, Seq2SeqLM
from pet.device import Compute
from pet.encoding import Chunk
from pet.scoring import PVPScorer
from pet.scoring.soft import KINDS
from pet.scoring.soft.patterns import with_soft_words
from pet.task import Pattern

TARGETS = torch.tensor([1, 0, 1, 0])


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Seq2SeqLM:
    folder = save_other(SEQ2SEQ["t5"], tmp_path_factory.mktemp("soft-t5"))
    return Seq2SeqLM.load(str(folder), "cpu", "fp32")


def loss(own: PVPScorer) -> torch.Tensor:
    chunk = Chunk(own.backbone.tokenizer, TEXTS)
    states = own.mask_states(own.batch(own.encode(chunk), np.arange(len(TEXTS))))
    return functional.cross_entropy(own.label_scores(states)[0], TARGETS)


@pytest.mark.parametrize("kind", ["words", "prompt-tuning"])
def test_untrained_word_slots_are_exactly_the_hard_pattern(backbone: MaskedLM, kind: str) -> None:
    soft = scorer(backbone, with_soft_words(Pattern(HARD)).template, kind)
    assert soft.soft is not None
    np.testing.assert_allclose(scores(soft), scores(scorer(backbone, HARD)), atol=1e-6)
    shake(soft)
    assert not np.allclose(scores(soft), scores(scorer(backbone, HARD)), atol=1e-3)


@pytest.mark.parametrize("pass_cost", [0, 10**6])  # every length by itself; all padded together
def test_scores_do_not_depend_on_padding_or_on_the_other_rows(
    case: tuple[MaskedLM, str], pass_cost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Compute, "pass_cost", pass_cost)
    backbone, kind = case
    own = scorer(backbone, kind=kind)
    shake(own)
    together = scores(own)
    alone = np.concatenate([scores(own, [text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_allclose(scores(own, TEXTS[::-1])[::-1], together, atol=1e-4)


def test_every_prompt_tensor_has_a_gradient(
    case: tuple[MaskedLM, str],
) -> None:
    backbone, kind = case
    own = scorer(backbone, kind=kind)
    own.learned.unfold()
    shake(own)
    loss(own).backward()
    for name, parameter in own.learned.named_parameters():
        assert parameter.grad is not None, name
        # Every single slot has one; a unit of an encoder of slots may be dead, and a layer with a
        # sliding window does not see slots that are far from the mask.
        of_slots = name.rsplit(".", 1)[1] in ("vectors", "table", "original")
        of_slots &= not (
            name.endswith("table") and backbone.model.config.model_type == "modernbert"
        )
        rows = parameter.grad.reshape(-1, parameter.shape[-1]).abs().sum(dim=1) > 0
        assert rows.all() if of_slots else rows.any(), name


@pytest.mark.parametrize("kind", KINDS)
def test_t5_takes_every_kind(kind: str, t5: Seq2SeqLM) -> None:
    own = scorer(t5, kind=kind)
    before = scores(own)
    shake(own)
    together = scores(own)
    assert not np.allclose(together, before, atol=1e-3)
    alone = np.concatenate([scores(own, [text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-4)
