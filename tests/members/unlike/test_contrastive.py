"""Contrastive members: the loss as its formula says, balanced batches, and members that learn."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from killing import Killed
from numpy.typing import NDArray
from safetensors.torch import load_file
from toy import NOUNS, warm_or_cold

from pet import PVP, Example, Task, Verbalizer
from pet.backbone import MaskedLM
from pet.backbone.sentences import FILE
from pet.config import TrainingConfig
from pet.data import Data
from pet.encoding import Chunk
from pet.errors import DataError, RunError
from pet.members import MemberRecord, MemberResult, MemberSet, train_member
from pet.members.contrastive import ContrastiveSpec, _batches, anchors_of, contrast
from pet.members.kinds import spec_from_dict
from pet.members.work import Work
from pet.progress import Event, Progress, silent
from pet.runs import RunFolder
from pet.scoring.labelled import Labelled
from pet.task.kinds import KINDS, targets_of
from pet.training import Checkpoint

WORDS = Verbalizer({"no": ["bad", "sad"], "yes": ["good"]})
PVPS = [PVP("{text} it was {mask} .", WORDS), PVP("{mask} : {text}", WORDS)]
TASK = Task("toy", ["no", "yes"], ["text"], PVPS)
EXAMPLES = warm_or_cold()
FAST = TrainingConfig(max_steps=12, batch_size=2, learning_rate=3e-3, offsets="none")
NEW = [{"text": f"the {noun} was {how} and {how}"} for noun in ("news", "world", "business")
       for how in ("cold", "warm")]  # fmt: skip

TAGS = Task(
    "tags",
    ["warm", "fast", "new"],
    ["text"],
    [PVP("{text} {label} ? {mask}", Verbalizer({"yes": ["yes"], "no": ["no"]}))],
    kind="multi-label",
)
TAGGED = [
    Example(
        {"text": f"the {noun} was {one} and {two}"},
        tuple(label for label in TAGS.labels if label in (one, two)),
    )
    for noun in NOUNS
    for one in ("warm", "cold")
    for two in ("fast", "slow")
]


# The loss


def naive_contrast(
    vectors: Sequence[Sequence[float]], labels: Sequence[set[int]], temperature: float
) -> float:
    """Text by text: minus the mean log-chance of companions, by the share of labels in common."""
    losses, texts = [], range(len(vectors))
    for i in texts:
        similar = {
            k: sum(a * b for a, b in zip(vectors[i], vectors[k], strict=True)) / temperature
            for k in texts
            if k != i
        }
        total = sum(math.exp(s) for s in similar.values())
        shares = {
            j: len(labels[i] & labels[j]) / len(labels[i] | labels[j])
            for j in similar
            if labels[i] & labels[j]
        }
        if shares:
            whole = sum(shares.values())
            losses.append(
                -sum(w / whole * math.log(math.exp(similar[j]) / total) for j, w in shares.items())
            )
    return sum(losses) / len(losses) if losses else 0.0


def unit_vectors(seed: int, count: int) -> torch.Tensor:
    vectors = torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(vectors, dim=1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sets(st.integers(0, 3), max_size=4), min_size=2, max_size=9),
    st.integers(0, 1000),
    st.sampled_from([0.1, 0.5, 1.0]),
)
def test_the_contrast_equals_a_naive_implementation(
    labels: list[set[int]], seed: int, temperature: float
) -> None:
    vectors = unit_vectors(seed, len(labels))
    flags = torch.tensor([[label in own for label in range(4)] for own in labels])
    found = float(contrast(vectors, flags, temperature))
    expected = naive_contrast(vectors.double().tolist(), labels, temperature)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=8), st.integers(0, 1000), st.randoms())
def test_the_order_of_a_batch_and_the_numbers_of_labels_do_not_matter(
    labels: list[int], seed: int, random: Any
) -> None:
    vectors = unit_vectors(seed, len(labels))
    flags = torch.eye(4, dtype=torch.bool)[torch.tensor(labels)]
    order = random.sample(range(len(labels)), len(labels))
    columns = random.sample(range(4), 4)
    one, two = (
        contrast(vectors, flags, 0.1),
        contrast(vectors[order], flags[order][:, columns], 0.1),
    )
    torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_a_batch_without_companions_has_the_loss_0_and_gradients() -> None:
    vectors = unit_vectors(0, 3).requires_grad_()
    loss = contrast(vectors, torch.eye(3, dtype=torch.bool), 0.1)
    assert float(loss.detach()) == 0.0
    loss.backward()
    assert vectors.grad is not None
    assert not vectors.grad.any()


def test_the_loss_pulls_a_label_together_and_pushes_labels_apart() -> None:
    vectors = unit_vectors(1, 8).requires_grad_()
    flags = torch.tensor([[True, False], [False, True]] * 4)
    for _ in range(200):
        unit = torch.nn.functional.normalize(vectors, dim=1)
        (slope,) = torch.autograd.grad(contrast(unit, flags, 0.1), vectors)
        vectors = (vectors - 0.1 * slope).detach().requires_grad_()
    unit = torch.nn.functional.normalize(vectors, dim=1).detach()
    cosines, same = unit @ unit.T, flags.float() @ flags.float().T > 0
    assert float(cosines[same].min()) > 0.4 > 0.0 > float(cosines[~same].max())


# Batches


def flags_of(counts: Sequence[int]) -> NDArray[np.bool_]:
    numbers = np.repeat(np.arange(len(counts)), counts)
    return numbers[:, None] == np.arange(len(counts))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=2, max_size=9).filter(lambda c: sum(map(bool, c)) >= 2),
    st.integers(2, 32),
    st.integers(0, 1000),
)
def test_batches_have_equally_many_of_each_label_and_at_least_two(
    counts: list[int], size: int, seed: int
) -> None:
    truth, present = flags_of(counts), sum(map(bool, counts))
    seen: set[int] = set()
    for rows in itertools.islice(_batches(truth, size, np.random.default_rng(seed)), 20):
        assert len(set(rows.tolist())) == len(rows)
        chosen = truth[rows].sum(axis=0)
        used = np.flatnonzero(chosen)
        assert len(used) == (present if 2 * present <= size else max(2, size // 2))
        each = max(2, size // len(used))
        assert [chosen[label] for label in used] == [min(each, counts[label]) for label in used]
        assert len(rows) <= max(size, 4)
        seen |= set(used.tolist())
    if size >= present:
        assert seen == {label for label, count in enumerate(counts) if count}


def test_a_seed_repeats_batches_and_another_does_not() -> None:
    def first(seed: int) -> list[list[int]]:
        batches = _batches(flags_of([5, 9, 7]), 6, np.random.default_rng(seed))
        return [rows.tolist() for rows in itertools.islice(batches, 5)]

    assert first(1) == first(1) != first(2)


def test_a_text_with_two_labels_is_in_a_batch_once() -> None:
    truth = np.array([[1, 1], [1, 1], [1, 0], [0, 1]], dtype=bool)
    for rows in itertools.islice(_batches(truth, 8, np.random.default_rng(0)), 10):
        assert rows.tolist() == [0, 1, 2, 3]


def test_texts_without_a_label_are_in_batches_too() -> None:
    truth = np.array([[1, 0]] * 4 + [[0, 1]] * 4 + [[0, 0]] * 4, dtype=bool)
    seen = set()
    for rows in itertools.islice(_batches(truth, 6, np.random.default_rng(0)), 20):
        assert [int(np.sum((rows >= at) & (rows < at + 4))) for at in (0, 4, 8)] == [2, 2, 2]
        seen |= set(rows.tolist())
    assert seen == set(range(12))


# Anchors


def test_anchors_are_names_and_words_of_labels_each_once() -> None:
    one = Verbalizer({"no": ["bad", "sad"], "yes": ["good"]})
    other = Verbalizer({"no": ["no"], "yes": ["great", "good"]})
    task = Task(
        "t", ["no", "yes"], ["text"], [PVP("{text} {mask}", one, other), PVP("{mask} {text}", one)]
    )
    assert anchors_of(task) == [
        ("no", 0), ("yes", 1), ("bad, sad", 0), ("good", 1), ("great, good", 1),
    ]  # fmt: skip


def test_words_that_answer_a_question_about_a_label_are_no_anchors() -> None:
    assert anchors_of(TAGS) == [("warm", 0), ("fast", 1), ("new", 2)]


# Members


def spec(seed: int = 1, task: Task = TASK, **changes: Any) -> ContrastiveSpec:
    return ContrastiveSpec("contrastive", task, seed, replace(FAST, **changes), 64)


def train(
    backbone: Any, own: ContrastiveSpec, examples: Any = EXAMPLES, progress: Progress = silent,
    drawn: Any = (), checkpoint: Checkpoint | None = None, **more: Any,
) -> MemberResult:  # fmt: skip
    work = Work(own.task, Data(examples, **more), progress)
    return train_member(backbone, own, work, drawn, checkpoint)


def scores(backbone: Any, own: Any, weights: Any, texts: Any = NEW) -> Any:
    scorer = own.scorer(own.task.labels, backbone)
    scorer.put(weights)
    return scorer.score(Chunk(backbone.tokenizer, texts))


def same(one: Any, other: Any) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def loss_of_all(backbone: MaskedLM, own: ContrastiveSpec) -> float:
    """The contrast of all examples and anchors, with the backbone as it is."""
    reading = own.reading(backbone)
    targets = targets_of(own.task, [example.label for example in EXAMPLES])
    chunk = Chunk(backbone.tokenizer, [example.texts for example in EXAMPLES])
    everything = reading.with_anchors(Labelled(chunk, targets, KINDS["single"]), 2)
    with torch.no_grad():
        vectors = reading.vectors(everything.chunk)
    labels = [{int(number)} for number in everything.targets]
    return naive_contrast(vectors.double().tolist(), labels, 0.1)


def test_training_lowers_the_loss_and_separates_a_toy_task(backbone: MaskedLM) -> None:
    own, told = spec(max_steps=25), list[Event]()
    train(backbone, spec(max_steps=0))
    before = loss_of_all(backbone, own)
    result = train(backbone, own, progress=told.append)
    # The least loss, with companions that are equally near and all others far away.
    least = math.log(len(EXAMPLES) // 2 + 2 - 1)
    assert loss_of_all(backbone, own) - least < 0.1 * (before - least)
    losses = [float(event.loss) for event in told if event.moment == "step"]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    assert (result.steps, result.accuracy_after, result.offsets) == (25, 1.0, None)
    assert scores(backbone, own, result.weights)[0].argmax(axis=1).tolist() == [0, 1] * 3


def test_it_starts_from_the_sentence_encoder_and_trains_the_body_without_words(
    backbone: MaskedLM, beside: str
) -> None:
    encoder = load_file(f"{beside}/{FILE}")
    result = train(backbone, spec(max_steps=2))
    body = {name for name in result.weights if not name.startswith("learned.")}
    assert body == set(encoder)
    words = "bert.embeddings.word_embeddings.weight"
    torch.testing.assert_close(result.weights[words], encoder[words])
    moved = [n for n in body if not torch.equal(result.weights[n], encoder[n])]
    assert set(moved) == body - {words}
    assert result.trained == sum(encoder[name].numel() for name in body - {words})
    backbone.weights.put({})
    assert not any(p.requires_grad for p in backbone.model.parameters())


def test_no_steps_leave_the_encoder_and_fit_the_regression(backbone: MaskedLM, beside: str) -> None:
    result = train(backbone, spec(max_steps=0))
    assert (result.steps, result.trained) == (0, 0)
    encoder = load_file(f"{beside}/{FILE}")
    assert same({n: result.weights[n] for n in encoder}, encoder)
    assert set(result.weights) - set(encoder) == {
        "learned.weight",
        "learned.bias",
        "learned.centre",
    }


def test_a_seed_repeats_a_member_bit_by_bit(backbone: MaskedLM) -> None:
    for changes in ({}, {"dropout": True, "accumulation": 2}):
        short = {"max_steps": 4, **changes}
        one, two = (train(backbone, spec(**short)) for _ in range(2))
        assert same(one.weights, two.weights)
        assert one.loss == two.loss
        assert not same(one.weights, train(backbone, spec(seed=2, **short)).weights)


def test_weights_score_alike_in_a_fresh_scorer_and_in_a_set(
    backbone: MaskedLM, beside: str
) -> None:
    result = train(backbone, spec())
    scorer = spec().scorer(TASK.labels, backbone)
    scorer.put(result.weights)
    expected = scorer.score(Chunk(backbone.tokenizer, NEW))
    assert expected.shape == (1, 6, 2)
    other = MaskedLM.load(beside, "cpu", "fp32")
    np.testing.assert_array_equal(scores(other, spec(), result.weights), expected)
    rebuilt = spec_from_dict(TASK, "contrastive", spec().to_dict(), 64)
    members = MemberSet(other, TASK, [rebuilt], {"contrastive": result.weights})
    for _ in range(2):
        np.testing.assert_array_equal(members.scores(NEW)[0], expected)
    backbone.weights.put({})


def test_weights_of_another_member_are_one_message(backbone: MaskedLM) -> None:
    result = train(backbone, spec(max_steps=0))
    three = replace(spec(), task=TAGS)
    with pytest.raises(RunError, match="do not fit its texts"):
        scores(backbone, three, result.weights)


def test_no_texts_have_no_scores(backbone: MaskedLM) -> None:
    result = train(backbone, spec(max_steps=0))
    assert scores(backbone, spec(), result.weights, []).shape == (1, 0, 2)


def test_a_member_that_lost_its_weights_is_no_member_without_an_opinion(
    backbone: MaskedLM,
) -> None:
    with pytest.raises(RunError, match="do not fit its texts"):
        MemberSet(backbone, TASK, [spec()], {}).scores(NEW)


def test_without_examples_it_is_refused(backbone: MaskedLM) -> None:
    with pytest.raises(DataError, match="a contrastive member needs labelled examples"):
        train(backbone, spec(), [])


def test_one_example_of_each_label_is_enough(backbone: MaskedLM) -> None:
    """The labels' names and words are their companions."""
    result = train(backbone, spec(max_steps=3), EXAMPLES[:2])
    assert result.loss > 0
    assert np.isfinite(scores(backbone, spec(), result.weights)).all()


def test_steps_are_25_or_two_passes_of_four_batches(backbone: MaskedLM) -> None:
    own = spec(max_steps=None, batch_size=8)
    assert [own.steps(n) for n in (1, 400, 401, 3200)] == [25, 25, 26, 200]
    assert [spec(max_steps=None, scope=scope).steps(1) for scope in ("bias", "head")] == [50, 0]
    assert spec(max_steps=7).steps(10_000) == 7


def test_development_examples_stop_it_and_the_best_weights_are_kept(backbone: MaskedLM) -> None:
    wrong = [Example(e.texts, "no" if e.label == "yes" else "yes") for e in EXAMPLES]
    told: list[Event] = []
    own = spec(eval_every=4, patience=2)
    result = train(backbone, own, dev=wrong, progress=told.append)
    looks = [event.figures["score"] for event in told if event.moment == "evaluation"]
    assert result.steps == 4 * len(looks) == 12
    assert looks[1] <= looks[0]
    assert looks[2] <= looks[0]
    best = train(backbone, spec(max_steps=4, warmup=0.3))
    assert best.weights.keys() == result.weights.keys()
    found = scores(backbone, own, result.weights, [e.texts for e in wrong])[0].argmax(axis=1)
    right = [TASK.labels[n] == e.label for n, e in zip(found, wrong, strict=True)]
    assert np.mean(right) == max(looks)


def test_drawn_examples_are_trained_on_but_not_counted(backbone: MaskedLM) -> None:
    wrong = [Example({"text": f"the {noun} was warm and warm"}, "no") for noun in ("news", "world")]
    plain = train(backbone, spec(max_steps=3))
    drawn = train(backbone, spec(max_steps=3), drawn=wrong * 8)
    assert not same(plain.weights, drawn.weights)
    texts = [example.texts for example in EXAMPLES]
    found = scores(backbone, spec(), drawn.weights, texts)[0].argmax(axis=1)
    right = [TASK.labels[n] == e.label for n, e in zip(found, EXAMPLES, strict=True)]
    assert drawn.accuracy_after == np.mean(right)


def test_weights_of_examples_count(backbone: MaskedLM) -> None:
    heavy = [replace(e, weight=5.0 if e.label == "yes" else 1.0) for e in EXAMPLES]
    plain, weighted = (
        scores(backbone, spec(), train(backbone, spec(max_steps=0), own).weights)[0]
        for own in (EXAMPLES, heavy)
    )
    assert ((weighted - plain)[:, 1] > (weighted - plain)[:, 0]).all()


def test_several_labels_a_text_are_learned(backbone: MaskedLM) -> None:
    own = spec(task=TAGS, max_steps=25)
    result = train(backbone, own, TAGGED)
    texts = [example.texts for example in TAGGED]
    found = scores(backbone, own, result.weights, texts)[0]
    for number, label in enumerate(TAGS.labels[:2]):
        has = np.array([label in (e.label or ()) for e in TAGGED])
        assert found[has, number].min() > found[~has, number].max()
    assert (found[:, 2] < 0).all()  # no example has it


def test_a_member_goes_on_from_its_checkpoint_exactly(
    backbone: MaskedLM, tmp_path: Path, dying: Callable[[int], None]
) -> None:
    own = spec(max_steps=7, dropout=True, accumulation=2, eval_every=2)
    more: dict[str, Any] = {"dev": EXAMPLES[::3]}
    expected = train(backbone, own, **more)
    checkpoint = Checkpoint(RunFolder.start(tmp_path, {}), "members/contrastive")
    for _ in range(2):
        dying(3)
        with pytest.raises(Killed):
            train(backbone, own, checkpoint=checkpoint, **more)
    dying(10**9)
    found = train(backbone, own, checkpoint=checkpoint, **more)
    assert same(found.weights, expected.weights)
    assert {**found.figures(), "seconds": 0} == {**expected.figures(), "seconds": 0}


def test_a_record_gives_the_member_back(backbone: MaskedLM) -> None:
    result = train(backbone, spec(max_steps=1))
    record = MemberRecord.from_result(spec(), result)
    again = MemberRecord.from_dict(record.to_dict())
    assert again == record
    assert (record.kind, record.pattern, record.template) == ("contrastive", None, None)
    rebuilt = spec_from_dict(TASK, record.name, record.to_dict(), 64)
    assert isinstance(rebuilt, ContrastiveSpec)
    assert (rebuilt.name, rebuilt.task, rebuilt.max_length) == ("contrastive", TASK, 64)
    assert rebuilt.title == "text as a vector"
    np.testing.assert_array_equal(
        scores(backbone, rebuilt, result.weights), scores(backbone, spec(), result.weights)
    )


@pytest.mark.parametrize(
    ("asked", "factor"),
    [
        ({"max_steps": 1}, 2.0),
        ({"max_steps": 80}, 1.25),  # as much higher as there are fewer steps than 100
        ({"max_steps": 200}, 1.0),
        ({"max_steps": 1, "scope": "bias"}, 100.0),
        ({"max_steps": 1, "learning_rate": 64e-6}, 2.0),
    ],
)
def test_few_steps_of_the_whole_encoder_have_a_higher_rate(
    backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], factor: float
) -> None:
    class Seen(Exception):
        pass

    def record(_: Any, schedule: Any, *rest: Any, **more: Any) -> Any:
        raise Seen(schedule.learning_rate)

    monkeypatch.setattr("pet.members.training.optimise", record)
    monkeypatch.setattr("pet.members.parameters.default_learning_rate", lambda width: width * 1e-6)
    with pytest.raises(Seen) as seen:
        train(backbone, spec(**{"learning_rate": None, **asked}))
    assert seen.value.args[0] == pytest.approx(32e-6 * factor)
