"""Label scores equal those of a naive implementation, one text and one word at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from families import FAMILIES, save_family
from golden import Naive, combine, vote
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy import TEXTS

from pet import PVP, Verbalizer
from pet.backbone import MaskedLM
from pet.backbone.mask_reader import MaskReader
from pet.device import Compute
from pet.encoding import Chunk
from pet.errors import VerbalizerError
from pet.scoring import PVPScorer
from pet.scoring.readouts.label_words import Word
from pet.scoring.readouts.words import WordReadout
from pet.scoring.view import view_pattern
from pet.task.verbalizer import Combine

LABELS = ("news", "sports", "world")
WORDS: dict[str, dict[str, float]] = {
    "sports": {"fast": 3.0, "red": 1.0, "two": 0.5},
    "world": {"cold": 1.0},
    "news": {"good": 1.0, "bad": 2.0},
}
IN_ORDER = {label: WORDS[label] for label in LABELS}


def scores(backbone: MaskedLM, pvp: PVP, texts: list[str], labels: Any = LABELS) -> Any:
    scorer = PVPScorer(pvp, labels, backbone, 128)
    return scorer.score(Chunk(backbone.tokenizer, [{"text": text} for text in texts]))


def naive_scores(
    naive: Naive, text: str, words: Mapping[str, Mapping[str, float]], how: str
) -> list[float]:
    """Scores under the pattern "{text} it was {mask} ."."""
    every = {
        word: naive.word_logit(f"{text} it was", word, ".")
        for own in words.values()
        for word in own
    }
    return combine(every, words, how)


@pytest.mark.parametrize("how", get_args(Combine))
def test_scores_equal_the_formula_word_by_word(
    backbone: MaskedLM, naive: Naive, how: Combine
) -> None:
    pvp = PVP("{text} it was {mask} .", Verbalizer(WORDS, combine=how))
    found = scores(backbone, pvp, TEXTS)
    assert found.shape == (1, len(TEXTS), 3)
    assert found.dtype == np.float32
    expected = [naive_scores(naive, text, IN_ORDER, how) for text in TEXTS]
    np.testing.assert_allclose(found[0], expected, atol=1e-4)


def test_word_weights_matter_for_mean_and_logsumexp_only(backbone: MaskedLM) -> None:
    flat = {label: dict.fromkeys(own, 1.0) for label, own in WORDS.items()}
    for how in get_args(Combine):
        weighted, plain = (
            scores(backbone, PVP("{text} {mask}", Verbalizer(words, combine=how)), TEXTS)
            for words in (WORDS, flat)
        )
        assert np.allclose(weighted, plain) == (how in ("max", "vote"))


def test_weights_are_relative(backbone: MaskedLM) -> None:
    tenfold = {label: {w: 10 * a for w, a in own.items()} for label, own in WORDS.items()}
    for how in get_args(Combine):
        one, ten = (
            scores(backbone, PVP("{text} {mask}", Verbalizer(words, combine=how)), TEXTS)
            for words in (WORDS, tenfold)
        )
        np.testing.assert_allclose(one, ten, atol=1e-5)


def test_verbalizers_of_one_pattern_are_scored_apart(backbone: MaskedLM, naive: Naive) -> None:
    other = {"news": {"maybe": 1.0}, "sports": {"no": 1.0, "yes": 1.0}, "world": {"sad": 1.0}}
    pvp = PVP(
        "{text} it was {mask} .", Verbalizer(WORDS, combine="max"), Verbalizer(other, "logsumexp")
    )
    found = scores(backbone, pvp, TEXTS)
    assert found.shape == (2, len(TEXTS), 3)
    for number, (words, how) in enumerate([(IN_ORDER, "max"), (other, "logsumexp")]):
        expected = [naive_scores(naive, text, words, how) for text in TEXTS]
        np.testing.assert_allclose(found[number], expected, atol=1e-4)


def test_columns_follow_the_tasks_labels_not_the_verbalizer(backbone: MaskedLM) -> None:
    pvp = PVP("{text} {mask}", Verbalizer(WORDS))
    turned = scores(backbone, pvp, TEXTS, LABELS[::-1])
    np.testing.assert_allclose(turned[:, :, ::-1], scores(backbone, pvp, TEXTS), atol=1e-5)


def test_a_mask_token_in_the_text_is_text(backbone: MaskedLM, naive: Naive) -> None:
    text = "the [MASK] was [MASK]"
    scorer = PVPScorer(PVP("{text} it was {mask} .", Verbalizer(WORDS)), LABELS, backbone, 128)
    encoded = scorer.encode(Chunk(backbone.tokenizer, [{"text": text}]))[1]
    places = np.flatnonzero(encoded.ids.flat == backbone.tokenizer.mask_id)
    assert places.tolist() == encoded.masks[0].tolist()
    np.testing.assert_allclose(
        scores(backbone, scorer.pvp, [text])[0, 0],
        naive_scores(naive, text, IN_ORDER, "mean"),
        atol=1e-4,
    )


def test_no_texts_give_no_scores(backbone: MaskedLM) -> None:
    assert scores(backbone, PVP("{text} {mask}", Verbalizer(WORDS)), []).shape == (1, 0, 3)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_order_and_chunks_do_not_matter(backbone: MaskedLM, data: st.DataObject) -> None:
    words = st.sampled_from(["the", "film", "good", "zebra", ",", "train"])
    texts = data.draw(st.lists(st.lists(words, max_size=12).map(" ".join), min_size=2, max_size=9))
    order = data.draw(st.permutations(range(len(texts))))
    cut = data.draw(st.integers(1, len(texts) - 1))
    pvp = PVP("{mask} : {text}", Verbalizer({**WORDS, "world": ["cold", "coldest"]}))
    whole = scores(backbone, pvp, texts)
    shuffled = scores(backbone, pvp, [texts[number] for number in order])
    parts = [scores(backbone, pvp, part) for part in (texts[:cut], texts[cut:])]
    np.testing.assert_allclose(shuffled, whole[:, order], atol=1e-4)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-4)


def test_the_token_budget_changes_no_score(
    backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    pvp = PVP("{text} {mask}", Verbalizer(WORDS))
    expected = scores(backbone, pvp, TEXTS)
    sizes = []
    monkeypatch.setattr(Compute, "token_budget", 30)
    plain = MaskedLM.mask_states
    monkeypatch.setattr(
        MaskedLM,
        "mask_states",
        lambda self, batch: sizes.append(batch.ids.numel()) or plain(self, batch),
    )
    np.testing.assert_allclose(scores(backbone, pvp, TEXTS), expected, atol=1e-4)
    assert len(sizes) > 1
    assert max(sizes) <= 30


def test_a_word_unknown_to_the_tokenizer_is_refused(backbone: MaskedLM) -> None:
    words = {**WORDS, "world": ["世"]}
    with pytest.raises(VerbalizerError, match="'世' of 'world' cannot be represented"):
        PVPScorer(PVP("{text} {mask}", Verbalizer(words)), LABELS, backbone, 128)


def test_labels_whose_words_are_the_same_tokens_are_refused(backbone: MaskedLM) -> None:
    words = {**WORDS, "world": ["Good"]}  # the tokenizer knows small letters only
    with pytest.raises(VerbalizerError, match="same tokens") as caught:
        PVPScorer(PVP("{text} {mask}", Verbalizer(words)), LABELS, backbone, 128)
    assert all(part in str(caught.value) for part in ("'good'", "'Good'", "'news'", "'world'"))


def test_a_word_stands_after_a_space_only_where_its_mask_does(tmp_path: Path) -> None:
    backbone = MaskedLM.load(str(save_family(FAMILIES["roberta"], tmp_path)), "cpu", "fp32")
    verbalizer = Verbalizer({"news": ["good"], "sports": ["fast"], "world": ["cold"]})
    token = backbone.hf_tokenizer.convert_ids_to_tokens

    def pieces(pattern: str) -> list[str]:
        scorer = PVPScorer(PVP(pattern, verbalizer), LABELS, backbone, 64)
        return [str(token(number)) for number in scorer.readouts[0].words[0].ids]

    assert pieces("{text} {mask}") == ["Ġgood"]
    assert pieces("({mask}) {text}") == ["g", "o", "o", "d"]


def test_view_shows_the_words_and_labels_that_score_gives(backbone: MaskedLM) -> None:
    scorer = PVPScorer(
        PVP("{text} it was {mask} .", Verbalizer(WORDS), Verbalizer(WORDS, combine="max")),
        LABELS,
        backbone,
        128,
    )
    shown = view_pattern(scorer, {"text": TEXTS[0]})
    assert shown.text == f"{TEXTS[0]} it was ____ ."
    expected = scorer.score(Chunk(backbone.tokenizer, [{"text": TEXTS[0]}]))[:, 0]
    for number, labels in enumerate(shown.labels):
        assert list(labels) == list(LABELS)
        np.testing.assert_allclose(list(labels.values()), expected[number], atol=1e-5)
    assert set(shown.words[0][""]) == {word for own in WORDS.values() for word in own}
    news = shown.words[1][""]["good"], shown.words[1][""]["bad"]
    assert shown.labels[1]["news"] == pytest.approx(max(news))


# The readout alone


def readout(counts: list[int], how: Combine) -> Callable[[torch.Tensor], torch.Tensor]:
    words = [
        Word(f"w{label}-{n}", label, 1.0, (0,)) for label, many in enumerate(counts)
        for n in range(many)
    ]  # fmt: skip
    plain = {str(label): ["x" * (label + 1)] for label in range(len(counts))}
    nowhere: Any = SimpleNamespace(compute=SimpleNamespace(device=torch.device("cpu")))
    reader = MaskReader(nowhere, [(0,)])
    return WordReadout(words, len(counts), Verbalizer(plain, combine=how), nowhere, reader).combine


finite = st.floats(-20, 20, width=32)


@settings(max_examples=30, deadline=None)
@given(data=st.data(), counts=st.lists(st.integers(1, 4), min_size=2, max_size=4))
@pytest.mark.parametrize("how", get_args(Combine))
def test_readout_equals_the_formula_for_any_number_of_words(
    how: Combine, data: st.DataObject, counts: list[int]
) -> None:
    row = data.draw(st.lists(finite, min_size=sum(counts), max_size=sum(counts)))
    names = {f"w{label}-{n}": 1.0 for label, many in enumerate(counts) for n in range(many)}
    words = {
        str(label): {name: 1.0 for name in names if name.startswith(f"w{label}-")}
        for label in range(len(counts))
    }
    expected = combine(dict(zip(names, row, strict=True)), words, how)
    found = readout(counts, how)(torch.tensor([row, row[::-1]]))
    np.testing.assert_allclose(found[0], expected, atol=1e-3, rtol=1e-4)


def test_vote_prefers_the_label_that_wins_more_ranks() -> None:
    # Label 0 has the single best word; label 1 wins the second and the third rank.
    row = [9.0, -3.0, -3.0, 7.0, 6.0, 5.0]
    found = readout([3, 3], "vote")(torch.tensor([row]))[0]
    assert found[1] > found[0]
    assert readout([3, 3], "max")(torch.tensor([row]))[0].argmax() == 0
    assert float(found.exp().sum()) == pytest.approx(1.0)
    np.testing.assert_allclose(found, vote([row[:3], row[3:]]), atol=1e-4)


def test_vote_and_its_gradient_stay_finite_for_logits_far_apart() -> None:
    row = torch.tensor([[80.0, -80.0, 0.0, 0.0]], requires_grad=True)
    found = readout([2, 2], "vote")(row)
    assert found.isfinite().all()
    found[0, 1].backward()
    assert row.grad is not None
    assert row.grad.isfinite().all()


@pytest.mark.parametrize("how", get_args(Combine))
def test_every_way_to_combine_passes_gradients_to_the_words(how: Combine) -> None:
    row = torch.tensor([[1.0, 2.0, 0.5, -1.0]], requires_grad=True)
    torch.nn.functional.cross_entropy(readout([2, 2], how)(row), torch.tensor([0])).backward()
    assert row.grad is not None
    assert row.grad.isfinite().all()
    used = {0, 1, 2, 3} if how != "max" else {1, 2}
    assert set(row.grad[0].nonzero()[:, 0].tolist()) == used


def test_one_word_a_label_makes_all_ways_agree_up_to_a_constant() -> None:
    row = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    expected = row.softmax(1)
    for how in get_args(Combine):
        torch.testing.assert_close(readout([1, 1, 1], how)(row).softmax(1), expected)
    assert math.isclose(float(readout([1, 1, 1], "mean")(row)[0, 0]), float(row[0, 0]))
