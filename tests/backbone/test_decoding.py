"""Label words of several tokens are filled in as a naive decoder fills them, one row at a time."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
import torch
from golden import Naive, combine

from pet import PVP, Verbalizer
from pet.backbone import MaskedLM
from pet.encoding import Chunk
from pet.scoring import PVPScorer
from pet.task.verbalizer import Decoding

LABELS = ("a", "b")
TEXTS = ["the film was very good", "we", "a cold train , a warm room and this that", "zebra no", ""]
WORDS = {"a": {"good": 1.0, "zoo": 2.0}, "b": {"oxen": 1.0, "ox": 1.0, "bad": 0.5}}


def scorer(backbone: MaskedLM, words: Any, decoding: Decoding, **options: Any) -> PVPScorer:
    verbalizer = Verbalizer(words, decoding=decoding, **options)
    return PVPScorer(PVP("{text} it was {mask} .", verbalizer), LABELS, backbone, 128)


def chunk(backbone: MaskedLM) -> Chunk:
    return Chunk(backbone.tokenizer, [{"text": text} for text in TEXTS])


def expected(naive: Naive, text: str, decoding: str, words: Any, how: str = "mean") -> list[float]:
    every = {
        word: naive.word_log_probability(f"{text} it was", word, ".", decoding)
        for own in words.values()
        for word in own
    }
    return combine(every, words, how)


def test_the_words_under_test_have_different_numbers_of_tokens(naive: Naive) -> None:
    counts = {word: len(naive.ids(word)) for own in WORDS.values() for word in own}
    assert counts == {"good": 1, "zoo": 3, "oxen": 4, "ox": 2, "bad": 1}


@pytest.mark.parametrize("decoding", get_args(Decoding))
@pytest.mark.parametrize("how", ["mean", "logsumexp", "max", "vote"])
def test_scores_equal_naive_decoding(
    backbone: MaskedLM, naive: Naive, decoding: Decoding, how: Any
) -> None:
    found = scorer(backbone, WORDS, decoding, combine=how).score(chunk(backbone))[0]
    wanted = [expected(naive, text, decoding, WORDS, how) for text in TEXTS]
    np.testing.assert_allclose(found, wanted, atol=2e-4)


def test_the_three_ways_to_decode_really_differ(naive: Naive) -> None:
    found = {
        decoding: [expected(naive, text, decoding, WORDS) for text in TEXTS]
        for decoding in get_args(Decoding)
    }
    ways = [np.array(scores) for scores in found.values()]
    assert all(np.abs(ways[i] - ways[j]).max() > 0.05 for i, j in [(0, 1), (0, 2), (1, 2)])


def test_rows_of_one_batch_may_fill_their_masks_in_different_orders(naive: Naive) -> None:
    # Otherwise the golden test could not tell an order chosen by row from one chosen by batch.
    orders = set()
    for text in TEXTS:
        row, places = naive.row(f"{text} it was", 4, ".")
        logs = naive.logits(row).log_softmax(-1)
        tokens = naive.ids("oxen")
        orders.add(int(np.argmax([float(logs[p, t]) for p, t in zip(places, tokens, strict=True)])))
    assert len(orders) > 1


def test_one_token_words_score_alike_under_every_decoding(backbone: MaskedLM) -> None:
    words = {"a": ["good"], "b": ["bad"]}
    one, *others = [
        scorer(backbone, words, decoding).score(chunk(backbone)) for decoding in get_args(Decoding)
    ]
    for other in others:
        np.testing.assert_array_equal(one, other)


def test_one_token_words_score_as_log_probabilities_beside_longer_ones(
    backbone: MaskedLM, naive: Naive
) -> None:
    words = {"a": {"good": 1.0}, "b": {"ox": 1.0}}
    found = scorer(backbone, words, "max-first").score(chunk(backbone))[0, :, 0]
    for text, value in zip(TEXTS, found, strict=True):
        row, (place,) = naive.row(f"{text} it was", 1, ".")
        logs = naive.logits(row)[place].log_softmax(-1)
        assert value == pytest.approx(float(logs[naive.ids("good")[0]]), abs=1e-4)


def test_training_scores_words_in_parallel_with_gradients(backbone: MaskedLM, naive: Naive) -> None:
    own = scorer(backbone, WORDS, "max-first")
    backbone.weights.trainable(backbone.scope_names("bias"))
    states = own.mask_states(own.batch(own.encode(chunk(backbone)), np.arange(len(TEXTS))))
    (found,) = own.label_scores(states)
    wanted = [expected(naive, text, "parallel", WORDS) for text in TEXTS]
    np.testing.assert_allclose(found.detach(), wanted, atol=2e-4)
    found.sum().backward()
    grads = [p.grad for p in backbone.model.parameters() if p.requires_grad]
    assert all(grad is not None for grad in grads)
    backbone.weights.trainable(())


def test_decoding_changes_no_batch_and_no_weights(backbone: MaskedLM) -> None:
    own = scorer(backbone, WORDS, "max-first")
    batches = own.batch(own.encode(chunk(backbone)), np.arange(len(TEXTS)))
    before = {count: batch.ids.clone() for count, batch in batches.items()}
    with torch.inference_mode():
        own.label_scores(own.mask_states(batches), batches)
    for count, batch in batches.items():
        assert torch.equal(batch.ids, before[count])


def test_a_one_token_verbalizer_beside_a_longer_one_keeps_its_raw_logits(
    backbone: MaskedLM, naive: Naive
) -> None:
    short, long = {"a": {"good": 1.0}, "b": {"bad": 1.0}}, {"a": {"zoo": 1.0}, "b": {"ox": 1.0}}
    pvp = PVP("{text} it was {mask} .", Verbalizer(short), Verbalizer(long))
    found = PVPScorer(pvp, LABELS, backbone, 128).score(chunk(backbone))
    for row, text in enumerate(TEXTS):
        assert found[0, row, 0] == pytest.approx(
            naive.word_logit(f"{text} it was", "good", "."), abs=1e-4
        )
        np.testing.assert_allclose(
            found[1, row], expected(naive, text, "max-first", long), atol=2e-4
        )


def test_long_texts_leave_room_for_all_masks(backbone: MaskedLM) -> None:
    own = PVPScorer(PVP("{text} {mask}", Verbalizer(WORDS)), LABELS, backbone, 16)
    encoded = own.encode(Chunk(backbone.tokenizer, [{"text": "the film was good " * 20}]))
    assert sorted(encoded) == [1, 2, 3, 4]
    for count, part in encoded.items():
        assert part.ids.lengths.tolist() == [16]
        assert (part.ids.flat == backbone.tokenizer.mask_id).sum() == count == part.masks.shape[1]
