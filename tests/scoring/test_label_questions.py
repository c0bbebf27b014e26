"""Patterns that name a label: every label's score equals a naive look at that one question."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from golden import Naive, combine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional
from toy import TEXTS

from pet import PVP, Example, Task, Verbalizer
from pet.backbone import MaskedLM
from pet.config import TrainingConfig, WordSearchConfig
from pet.data import Data
from pet.encoding import Chunk, Encoder
from pet.errors import PatternError, TaskError, UsageError
from pet.members import PatternSpec, train_member
from pet.members import losses as losses_module
from pet.members.losses import label_losses
from pet.members.work import Work
from pet.scoring import PVPScorer
from pet.scoring.labelled import Labelled
from pet.scoring.questions import draw_questions, sampling_shifts
from pet.scoring.view import view_pattern
from pet.search.verbalize import find_words, with_words
from pet.task import Pattern

LABELS = ("news", "sports world", "fast red cold train")
ANSWER = Verbalizer({"yes": {"yes": 1.0, "good": 2.0}, "no": {"no": 1.0}})
LONG = Verbalizer({"no": ["no"], "yes": ["yes", "ox"]}, "logsumexp", "left-to-right")


def scorer_of(backbone: MaskedLM, pvp: PVP, length: int = 128, labels: Any = LABELS) -> PVPScorer:
    return PVPScorer(pvp, labels, backbone, length)


def chunk_of(backbone: MaskedLM, texts: list[str]) -> Chunk:
    return Chunk(backbone.tokenizer, [{"text": text} for text in texts])


@pytest.mark.parametrize(
    ("template", "before", "after"),
    [
        ("{text} is it {label} ? {mask} .", "{text} is it {label} ?", "."),
        ("{mask} , this is {label} : {text}", "", ", this is {label} : {text}"),
        ("{label} - {mask} {text} !", "{label} -", "{text} !"),
        ("{text} {mask} {label}", "{text}", "{label}"),
    ],
)
def test_scores_equal_those_of_naive_pairs(
    backbone: MaskedLM, naive: Naive, template: str, before: str, after: str
) -> None:
    found = scorer_of(backbone, PVP(template, ANSWER)).score(chunk_of(backbone, TEXTS))
    assert found.shape == (1, len(TEXTS), len(LABELS))
    for row, text in enumerate(TEXTS):
        for column, label in enumerate(LABELS):
            sides = [side.format(text=text, label=label) for side in (before, after)]
            words = {w: naive.word_logit(sides[0], w, sides[1]) for w in ("yes", "good", "no")}
            yes, no = combine(words, ANSWER.words, "mean")
            assert found[0, row, column] == pytest.approx(yes - no, abs=2e-4)


def test_answers_of_several_tokens_are_decoded_pair_by_pair(
    backbone: MaskedLM, naive: Naive
) -> None:
    pvp = PVP("{text} is it {label} ? {mask} .", ANSWER, LONG)
    found = scorer_of(backbone, pvp).score(chunk_of(backbone, TEXTS[:2]))
    for row, text in enumerate(TEXTS[:2]):
        for column, label in enumerate(LABELS):
            before = f"{text} is it {label} ?"
            words = {
                word: naive.word_log_probability(before, word, ".", "left-to-right")
                for word in ("yes", "ox", "no")
            }
            ordered = {"yes": LONG.words["yes"], "no": LONG.words["no"]}
            yes, no = combine(words, ordered, "logsumexp")
            assert found[1, row, column] == pytest.approx(yes - no, abs=2e-4)


def test_a_second_segment_and_its_label_are_encoded_as_transformers_does(
    backbone: MaskedLM,
) -> None:
    encoder = Encoder(
        backbone.tokenizer, Pattern("{text}{sep}{label} : {mask}").parts, 128, 1, LABELS
    )
    encoded = encoder.encode(chunk_of(backbone, TEXTS))
    assert len(encoded) == len(TEXTS) * len(LABELS)
    tokenizer = backbone.hf_tokenizer
    for number in range(len(encoded)):
        text, label = TEXTS[number // 3], LABELS[number % 3]
        wanted = tokenizer(text, f"{label} : {tokenizer.mask_token}", return_tensors="pt")
        batch = encoded.batch(np.array([number]), torch.device("cpu"))
        assert batch.segments is not None
        assert batch.ids.tolist() == wanted["input_ids"].tolist()
        assert batch.segments.tolist() == wanted["token_type_ids"].tolist()
        place = wanted["input_ids"][0].tolist().index(tokenizer.mask_token_id)
        assert batch.masks.tolist() == [[place]]


@given(
    lengths=st.lists(st.integers(0, 12), min_size=1, max_size=6),
    rows=st.data(),
    template=st.sampled_from(
        ["{text} {label} {mask}", "{mask} {label} {text} .", "{label}{mask}{text}"]
    ),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_batch_holds_the_rows_it_was_asked_for(
    backbone: MaskedLM, lengths: list[int], rows: Any, template: str
) -> None:
    texts = ["one " * length + "two" for length in lengths]
    encoder = Encoder(backbone.tokenizer, Pattern(template).parts, 16, 1, LABELS)
    encoded = encoder.encode(chunk_of(backbone, texts))
    device = torch.device("cpu")
    chosen = rows.draw(
        st.lists(st.integers(0, len(encoded) - 1), min_size=1, max_size=8), label="rows"
    )
    together = encoded.batch(np.array(chosen), device)
    kept = None
    for place, number in enumerate(chosen):
        alone = encoded.batch(np.array([number]), device)
        width = alone.ids.shape[1]
        assert width == encoded.lengths[number] <= 16
        assert together.ids[place, :width].tolist() == alone.ids[0].tolist()
        assert (together.ids[place, width:] == encoded.pad_id).all()
        assert together.masks[place].tolist() == alone.masks[0].tolist()
        assert alone.ids[0, alone.masks[0, 0]] == backbone.tokenizer.mask_id
        kept = kept or {}
        label = encoded.label_slot is not None and encoded.label_slot.lengths[number % len(LABELS)]
        # A text keeps as much whichever label is asked about.
        assert kept.setdefault(number // len(LABELS), width - label) == width - label
    seen = np.concatenate(list(encoded.batches(40)))
    assert sorted(seen.tolist()) == list(range(len(encoded)))


def test_memory_does_not_grow_with_the_labels(backbone: MaskedLM) -> None:
    parts = Pattern("{text} {label} {mask}").parts
    many = tuple(f"one two {number}" for number in range(300))
    few, lots = (
        Encoder(backbone.tokenizer, parts, 64, 1, labels).encode(chunk_of(backbone, TEXTS * 20))
        for labels in (many[:2], many)
    )
    names = lots.label_slot.lengths.sum() if lots.label_slot else 0
    assert len(lots) == 150 * len(few)
    assert len(lots.ids.flat) - names < len(few.ids.flat)


@given(
    truth=st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=6),
    negatives=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_every_true_label_is_asked_against_that_many_wrong_ones(
    truth: list[list[bool]], negatives: int, seed: int
) -> None:
    known = np.array(truth)
    asked = draw_questions(known, negatives, np.random.default_rng(seed))
    again = draw_questions(known, negatives, np.random.default_rng(seed))
    assert (asked == again).all()
    for own, row in zip(known, asked, strict=True):
        assert row[own].all()
        wrong = negatives * max(1, int(own.sum()))
        assert (row & ~own).sum() == min(wrong, (~own).sum())


def test_wrong_labels_are_drawn_evenly() -> None:
    truth = np.zeros((4000, 5), dtype=bool)
    truth[:, 2] = True
    shares = draw_questions(truth, 2, np.random.default_rng(0)).mean(axis=0)
    assert shares[2] == 1
    assert np.abs(np.delete(shares, 2) - 0.5).max() < 0.04


@pytest.mark.parametrize("negatives", [1, 3, 30])
def test_probabilities_are_right_although_few_wrong_labels_are_asked(negatives: int) -> None:
    # Texts that tell nothing, of whose 20 labels one or two are true: the best log-odds are one
    # number for all, under which the loss of what was drawn is least.
    generator = np.random.default_rng(0)
    truth = np.arange(20) == generator.integers(20, size=(4000, 1))
    truth |= np.arange(20) == generator.integers(20, size=(4000, 1))
    asked = draw_questions(truth, negatives, generator)
    shifts = torch.from_numpy(sampling_shifts(truth, asked))[:, None].expand(-1, 20)[asked]
    odds = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.LBFGS([odds], max_iter=50)
    right = torch.from_numpy(truth[asked]).float()

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        found = functional.binary_cross_entropy_with_logits(odds + shifts, right)
        found.backward()
        return found

    optimiser.step(loss)
    assert odds.detach().sigmoid().item() == pytest.approx(truth.mean(), rel=0.05)


PVP_ = PVP("{text} is it {label} ? {mask} .", Verbalizer({"yes": ["yes"], "no": ["no"]}))
TASK = Task("toy", LABELS, ["text"], [PVP_])
EXAMPLES = [
    Example({"text": f"the {noun} was {how}"}, label)
    for noun in ("film", "food", "room", "train")
    for how, label in (("warm", LABELS[0]), ("cold", LABELS[1]), ("slow", LABELS[2]))
]


def test_the_loss_is_a_softmax_over_the_labels_asked(
    backbone: MaskedLM, naive: Naive, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone.weights.put({})
    drawn = []

    def record(*arguments: Any) -> Any:
        drawn.append(draw_questions(*arguments))
        return drawn[-1]

    monkeypatch.setattr(losses_module, "draw_questions", record)
    scorer = scorer_of(backbone, PVP_).calibrated([[0.5, -0.25, 0.0]])
    texts = [str(example.texts["text"]) for example in EXAMPLES]
    targets = np.array([LABELS.index(str(example.label)) for example in EXAMPLES])
    training = TrainingConfig(batch_size=12, negatives=1)
    one = next(
        label_losses(
            scorer,
            Labelled(chunk_of(backbone, texts), targets),
            training,
            None,
            np.random.default_rng(3),
        )
    )
    order = np.random.default_rng(3).permutation(12)
    expected = []
    for row, asked in zip(order, drawn[-1], strict=True):
        assert asked.sum() == 2
        scores = []
        for column in np.flatnonzero(asked):
            before = f"{texts[row]} is it {LABELS[column]} ?"
            score = naive.word_logit(before, "yes", ".") - naive.word_logit(before, "no", ".")
            scores.append(score - [0.5, -0.25, 0.0][column])
        true = int(np.flatnonzero(np.flatnonzero(asked) == targets[row])[0])
        expected.append(
            float(functional.cross_entropy(torch.tensor([scores]), torch.tensor([true])))
        )
    assert one().item() == pytest.approx(np.mean(expected), abs=1e-4)


@pytest.mark.parametrize(("scope", "rate"), [("full", 5e-3), ("head", 3e-2)])
def test_a_member_that_asks_about_labels_learns(
    backbone: MaskedLM, scope: Any, rate: float
) -> None:
    training = TrainingConfig(max_steps=80, batch_size=4, learning_rate=rate, scope=scope)
    spec = PatternSpec("m", 0, PVP_, 1, training, 64)
    one = train_member(backbone, spec, Work(TASK, Data(EXAMPLES)))
    assert one.accuracy_before is not None
    assert one.accuracy_after is not None
    assert one.accuracy_after > max(0.9, one.accuracy_before)
    two = train_member(backbone, spec, Work(TASK, Data(EXAMPLES)))
    assert all(torch.equal(one.weights[name], two.weights[name]) for name in one.weights)
    backbone.weights.put({})


def test_a_view_tells_the_questions_apart(backbone: MaskedLM) -> None:
    backbone.weights.put({})
    scorer = scorer_of(backbone, PVP("{text} is it {label} ? {mask} .", ANSWER))
    seen = view_pattern(scorer, {"text": "we"})
    assert seen.text == "we is it <label> ? ____ ."
    assert list(seen.words[0]) == list(LABELS)
    assert set(seen.words[0]["news"]) == {"yes", "good", "no"}
    scores = scorer.score(chunk_of(backbone, ["we"]))[0, 0]
    assert list(seen.labels[0].values()) == pytest.approx(scores.tolist(), abs=1e-4)


def test_a_pattern_may_name_a_label_once() -> None:
    with pytest.raises(PatternError, match=r"a second \{label\}"):
        Pattern("{label} {text} {label} {mask}")
    with pytest.raises(PatternError, match=r"\{label\} takes no option"):
        Pattern("{label:keep} {text} {mask}")


def test_such_a_pattern_is_answered_with_yes_and_no() -> None:
    words = Verbalizer({label: [label.split()[0]] for label in LABELS})
    with pytest.raises(TaskError, match="(?s)lacks words for.*'yes' and 'no'"):
        Task("toy", LABELS, ["text"], [PVP("{text} {label} {mask}", words)])
    with pytest.raises(TaskError, match="a field cannot be called 'label'"):
        Task("toy", LABELS, ["label"], [PVP_])


def test_a_label_that_leaves_no_room_is_refused(backbone: MaskedLM) -> None:
    with pytest.raises(PatternError, match="no room is left"):
        Encoder(backbone.tokenizer, Pattern("{text} {label} {mask}").parts, 8, 1, ["one " * 9])


def test_searches_for_label_words_pass_such_patterns_over(backbone: MaskedLM) -> None:
    words = Verbalizer({label: [label.split()[0]] for label in LABELS})
    task = replace(TASK, pvps=[PVP_, PVP("{text} {mask}", words)])
    other = Verbalizer({LABELS[0]: ["film"], LABELS[1]: ["food"], LABELS[2]: ["room"]})
    assert task.with_verbalizers(other).pvps == (PVP_, PVP("{text} {mask}", other))
    found = find_words(backbone, task, EXAMPLES, WordSearchConfig(joint=False))
    assert list(found) == [1]
    assert with_words(task, found).pvps[0] == PVP_
    with pytest.raises(UsageError, match=r"ask about \{label\}"):
        find_words(backbone, task, EXAMPLES, WordSearchConfig(), patterns=[0])
