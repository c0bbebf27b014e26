"""Batches in parts: where memory does not suffice, the numbers are those of the whole batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from families import FAMILIES, save_family
from other_families import CAUSAL, SEQ2SEQ, save_other
from short_memory import CPU, GPU, forget_beyond
from tiny import TEXTS

from pet import PVP, Verbalizer
from pet.backbone import LanguageModel, load_backbone
from pet.backbone import parts as parts_module
from pet.device import Parts
from pet.encoding import Chunk
from pet.errors import OutOfMemoryError
from pet.scoring import PVPScorer
from pet.scoring.soft.template import SoftSpec

WORDS = Verbalizer({"good": ["great", "wonderful"], "bad": ["terrible", "dull"]})
LABELS = ("bad", "good")


def loaded(name: str, folder: Path) -> LanguageModel:
    other = {**CAUSAL, **SEQ2SEQ}
    saved = (
        save_other(other[name], folder) if name in other else save_family(FAMILIES[name], folder)
    )
    return load_backbone(str(saved), "cpu", "fp32")


def scores_and_gradients(
    backbone: LanguageModel, pattern: str, soft: str | None = None, dropout: bool = False
) -> tuple[Any, dict[str, torch.Tensor]]:
    """Scores, and gradients of a sum of logits; of the prompt, too, if there is one."""
    backbone.compute.parts.number = 1
    torch.manual_seed(3)
    spec = None if soft is None else SoftSpec.named(soft)
    scorer = PVPScorer(PVP(pattern, WORDS), LABELS, backbone, 48, soft=spec)
    chunk = Chunk(backbone.tokenizer, TEXTS)
    found = scorer.score(chunk)
    backbone.compute.parts.number = 1
    backbone.weights.trainable(backbone.scope_names("full"))
    scorer.learned.unfold()
    batches = scorer.batch(scorer.encode(chunk), range(len(TEXTS)))  # type: ignore[arg-type]
    backbone.model.train(dropout)
    states = scorer.mask_states(batches)
    backbone.model.eval()
    torch.stack(scorer.label_scores(states)).pow(2).sum().backward()  # type: ignore[no-untyped-call]
    named = [*backbone.model.named_parameters(), *scorer.learned.named_parameters()]
    gradients = {n: p.grad.clone() for n, p in named if p.grad is not None}
    backbone.model.zero_grad()
    backbone.weights.trainable(())
    return found, gradients


@pytest.mark.parametrize(
    ("name", "pattern", "soft"),
    [
        ("bert", "{a} It was {mask}. {b}", None),
        ("bert", "{a} {soft:2} {mask} {b}", "prefix"),
        ("roberta-prelayernorm", "{a} It was {mask}. {b}", None),  # read by a hook
        ("gpt2", "{a} {b} it was {mask}", None),
        ("t5", "{a} It was {mask}. {b}", None),
    ],
)
def test_parts_give_the_numbers_of_the_whole_batch(
    name: str, pattern: str, soft: str | None, tmp_path: Path
) -> None:
    backbone = loaded(name, tmp_path)
    whole, gradients = scores_and_gradients(backbone, pattern, soft)
    with pytest.MonkeyPatch.context() as patch:
        read = forget_beyond(patch, type(backbone.body), 1)
        parts, found = scores_and_gradients(backbone, pattern, soft)
    assert set(read) == {1}
    assert backbone.compute.parts.number == 4
    torch.testing.assert_close(torch.tensor(parts), torch.tensor(whole), atol=1e-5, rtol=1e-5)
    assert found.keys() == gradients.keys()
    largest = max(float(g.abs().max()) for g in gradients.values())
    for key, gradient in gradients.items():
        torch.testing.assert_close(found[key], gradient, atol=1e-6 * largest, rtol=1e-5)


def test_dropout_is_the_same_when_a_part_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = loaded("bert", tmp_path)
    forget_beyond(monkeypatch, type(backbone.body), 2)
    pattern = "{a} It was {mask}."
    _, again = scores_and_gradients(backbone, pattern, dropout=True)
    _, other = scores_and_gradients(backbone, pattern)
    monkeypatch.setattr(parts_module, "checkpoint", lambda read, piece, use_reentrant: read(piece))
    _, kept = scores_and_gradients(backbone, pattern, dropout=True)
    name = "bert.embeddings.LayerNorm.weight"
    torch.testing.assert_close(again[name], kept[name])
    assert not torch.allclose(again[name], other[name])


@pytest.mark.parametrize("error", [GPU, CPU, MemoryError()])
def test_a_single_row_too_much_is_told_with_what_to_lower(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = loaded("bert", tmp_path)
    forget_beyond(monkeypatch, type(backbone.body), 0, error)
    with pytest.raises(OutOfMemoryError, match="4 parts: memory ran out: .*(?s:.*)max_length"):
        scores_and_gradients(backbone, "{a} It was {mask}.")


def test_parts_double_as_far_as_there_are_rows() -> None:
    parts = Parts()
    assert parts.of(5) == 1
    assert [parts.double(), parts.double(), parts.double(), parts.double()] == [True] * 3 + [False]
    assert (parts.of(5), parts.of(20)) == (5, 8)
    assert not parts.double(3)
    assert parts.double(20)
