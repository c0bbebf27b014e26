"""The learned vectors stand exactly in the slots, however texts and labels move them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from softened import LABELS, WORDS, scorer, scores
from tiny import TEXTS, shake

from pet import PVP, Verbalizer
from pet.backbone import MaskedLM
from pet.encoding import Chunk
from pet.errors import PatternError
from pet.scoring import PVPScorer
from pet.scoring.soft.template import SoftSpec


def test_the_vectors_stand_exactly_in_the_slots(bert: MaskedLM) -> None:
    own = scorer(bert)
    shake(own)
    assert own.soft is not None
    batch = own.batch(own.encode(Chunk(bert.tokenizer, TEXTS)), np.arange(4))[1]
    vectors = own.soft().vectors
    table = bert.model.get_input_embeddings().weight
    with torch.no_grad():
        found = bert.mask_states(batch)[:, 0]
    for row, text in enumerate(TEXTS):
        # The naive way: embed piece by piece and put the vectors between the pieces.
        def ids(words: str) -> list[int]:
            return list(bert.hf_tokenizer(words, add_special_tokens=False)["input_ids"])

        pieces = [
            table[[2]], vectors[:2], table[ids(text["a"])], vectors[2:4], table[[4]],
            table[ids(".")], table[ids(text["b"])], vectors[4:], table[[3]],
        ]  # fmt: skip
        embeddings = torch.cat(pieces)[None]
        place = 1 + 2 + len(ids(text["a"])) + 2
        with torch.no_grad():
            states = bert.model.base_model(inputs_embeds=embeddings)[0][0, place]
            expected = bert.head_states(states)
        torch.testing.assert_close(found[row], expected, atol=1e-4, rtol=1e-4)


def test_slots_are_never_shortened_and_count_against_the_length(bert: MaskedLM) -> None:
    own = PVPScorer(PVP("{soft:6} {a} {soft:'it was'} {mask}", WORDS), LABELS, bert, 16)
    encoded = own.encode(Chunk(bert.tokenizer, [{"a": "the film was good " * 9, "b": ""}]))[1]
    assert encoded.ids.lengths.tolist() == [16]
    assert encoded.soft_slots is not None
    assert encoded.soft_slots.tolist() == [[1, 2, 3, 4, 5, 6, 12, 13]]
    assert encoded.masks.tolist() == [[14]]
    assert bert.tokenizer.pad_id not in encoded.ids.flat
    with pytest.raises(PatternError, match="take 17 of 16 tokens"):
        PVPScorer(PVP("{soft:14} {a} {mask}", WORDS), LABELS, bert, 16)


def test_slots_of_one_group_share_their_vectors(bert: MaskedLM) -> None:
    own = scorer(bert, "{soft#q:2} {a} {soft:1} {mask} {soft#q}")
    encoded = own.encode(Chunk(bert.tokenizer, TEXTS[:1]))[1]
    assert encoded.entries is not None
    assert encoded.entries.tolist() == [0, 1, 2, 0, 1]
    assert own.soft is not None
    assert len(own.soft().vectors) == 3
    apart = scorer(bert, "{soft:2} {a} {soft:1} {mask} {soft:2}")
    shake(own)
    assert apart.soft is not None
    with torch.no_grad():
        apart.soft.vectors.copy_(own.soft().vectors[[0, 1, 2, 0, 1]])
    np.testing.assert_allclose(scores(own), scores(apart), atol=1e-6)


def test_slots_and_masks_move_with_a_labels_name(bert: MaskedLM) -> None:
    words = Verbalizer({"yes": ["yes"], "no": ["no"]})
    labels = ("sports news", "world")
    pvp = PVP("{soft:2} {a} {label} {soft:'it was'} {mask}", words)
    own = PVPScorer(pvp, labels, bert, 64)
    shake(own)
    found = scores(own)
    for column, label in enumerate(labels):
        plain = PVP(f"{{soft:2}} {{a}} {label} {{soft:'it was'}} {{mask}}", words)
        alone = PVPScorer(plain, ("yes", "no"), bert, 64)
        alone.learned.load_state_dict(own.learned.state_dict())
        rows = scores(alone)
        np.testing.assert_allclose(found[:, column], rows[:, 0] - rows[:, 1], atol=1e-5)


def test_a_soft_template_needs_slots(bert: MaskedLM) -> None:
    with pytest.raises(PatternError, match=r"no slots(?s:.*)\{soft:5\}"):
        PVPScorer(PVP("{a} {mask}", WORDS), LABELS, bert, 64, soft=SoftSpec("words"))
