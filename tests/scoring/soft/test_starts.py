"""The vectors that learned slots start from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from softened import scorer

from pet.backbone import MaskedLM
from pet.errors import UsageError
from pet.scoring.soft.starts import common_tokens, scattered


def test_pseudo_tokens_start_as_asked_and_word_slots_as_their_words(bert: MaskedLM) -> None:
    table = bert.model.get_input_embeddings().weight.detach()

    def start(how: str, seed: int = 0) -> torch.Tensor:
        own = scorer(bert, "{soft:5} {a} {soft:'film'} {mask}", start=how, seed=seed)
        assert own.soft is not None
        return own.soft().vectors.detach()

    ids = bert.hf_tokenizer.convert_tokens_to_ids
    for how in ("label-words", "vocabulary", "uniform", "mask"):
        assert torch.equal(start(how)[5], table[ids("film")])
        assert torch.equal(start(how), start(how))
    named = start("label-words")
    # The labels' first words come first, in the order of the labels; then the second ones.
    for row, word in enumerate(("terrible", "great", "wonderful")):
        assert torch.equal(named[row], table[ids(word)])
    common = table[common_tokens(bert.tokenizer)]
    for row in [*named[3:5], *start("vocabulary")[:5]]:
        assert (common == row).all(dim=1).any()
    assert not torch.equal(start("vocabulary"), start("vocabulary", seed=1))
    assert torch.equal(start("mask")[0], table[ids("[MASK]")])
    noise = start("uniform")[:5]
    assert noise.abs().max() <= 0.5
    assert noise.std() == pytest.approx(1 / np.sqrt(12), abs=0.05)


def test_templates_are_scattered_by_half_the_spread_of_what_a_model_looks_up(
    bert: MaskedLM,
) -> None:
    table = bert.model.get_input_embeddings()

    def spread() -> float:
        vectors = torch.zeros(40, table.weight.shape[1])
        return float(scattered(vectors, bert, 1).std())

    plain = spread()
    assert plain == pytest.approx(0.5 * float(table.weight.std()), rel=0.1)
    # Gemma and others multiply their embeddings.
    handle = table.register_forward_hook(lambda _, __, output: output * 8)
    assert spread() == pytest.approx(8 * plain, rel=1e-4)
    handle.remove()


def test_common_tokens_are_words_in_the_vocabularys_order(bert: MaskedLM) -> None:
    found = common_tokens(bert.tokenizer, 6)
    assert bert.hf_tokenizer.convert_ids_to_tokens(found) == [
        "the", "it", "was", "is", "and", "film"
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "start"), [("wrods", "mask"), ("words", "msak")])
def test_unknown_kinds_and_starts_are_refused(bert: MaskedLM, kind: str, start: str) -> None:
    with pytest.raises(UsageError, match="Did you mean"):
        scorer(bert, kind=kind, start=start)
