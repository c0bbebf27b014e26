"""Kinds: yes or no about every label equals formulas of its own; targets, names and rows."""

from __future__ import annotations

import math
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score
from torch.nn import functional

from pet import PVP, Example, Task, Verbalizer, evaluate
from pet.data import Columns, Data, draw_shots, examples_from, labelled_from
from pet.errors import DataError, TaskError, UsageError
from pet.model import Ensemble
from pet.model.combiners import COMBINERS
from pet.model.weighting import learn_weights
from pet.task.kinds import (
    KINDS,
    accuracy,
    confidence,
    is_indicator,
    label_list,
    read_label,
    refuse_multi_label,
    targets_of,
    task_kind,
)
from pet.task.labels import label_text
from pet.task.source import task_source

ANSWER = Verbalizer({"yes": ["yes"], "no": ["no"]})
LABELS = ("food", "room", "staff")


def task_of(kind: Any = "multi-label", **changes: Any) -> Task:
    pvps = [PVP("{text} about {label} ? {mask}", ANSWER)]
    return Task("t", LABELS, ["text"], pvps, **{"kind": kind, **changes})


MANY = KINDS["multi-label"]


def sigmoid(score: float) -> float:
    return 1 / (1 + math.exp(-score))


def random_scores(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32) * 2


def test_decisions_are_binary_cross_entropy_and_divergence() -> None:
    scores = torch.tensor(random_scores(5, 3), dtype=torch.float64)
    targets = np.random.default_rng(1).integers(0, 2, (5, 3))
    own = functional.cross_entropy(MANY.decisions(scores), torch.from_numpy(MANY.outcomes(targets)))
    wanted = functional.binary_cross_entropy_with_logits(scores, torch.tensor(targets).double())
    assert own.item() == pytest.approx(wanted.item())
    teacher = torch.tensor(random_scores(5, 3, seed=2), dtype=torch.float64)
    own = functional.kl_div(
        MANY.decisions(scores).log_softmax(1),
        MANY.decisions(teacher).softmax(1),
        reduction="batchmean",
    )
    total = 0.0
    for s, t in zip(scores.ravel().tolist(), teacher.ravel().tolist(), strict=True):
        p, q = sigmoid(t), sigmoid(s)
        total += p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    assert own.item() == pytest.approx(total / 15)


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_text_with_one_given_label_has_the_targets_of_that_label(kind: str) -> None:
    own, numbers = KINDS[kind], np.array([2, 0, 2])
    given = [(LABELS[n],) if own is MANY else LABELS[n] for n in numbers]
    np.testing.assert_array_equal(own.alone(numbers, 3), own.targets(given, LABELS))


@pytest.mark.parametrize("kind", list(KINDS))
def test_scores_undo_decisions(kind: str) -> None:
    scores = random_scores(4, 5, 3)
    own = KINDS[kind]
    np.testing.assert_array_equal(own.scores(own.decisions(scores), 3), scores)
    tensor = torch.from_numpy(scores)
    assert torch.equal(own.scores(own.decisions(tensor), 3), tensor)


@pytest.mark.parametrize("how", list(COMBINERS))
def test_members_are_combined_label_by_label(how: str) -> None:
    scores = [random_scores(1, 6, 3, seed=seed) for seed in range(3)]
    ensemble = Ensemble((1.0, 2.0, 1.0), (1.0,) * 3, "logits", how, kind="multi-label")
    found = ensemble(scores)
    weights = [0.25, 0.5, 0.25]
    for row in range(6):
        for label in range(3):
            own = [float(part[0, row, label]) for part in scores]
            mixed = sum(w * sigmoid(s) for w, s in zip(weights, own, strict=True))
            votes = sum(w for w, s in zip(weights, own, strict=True) if s > 0)
            share = 0.99 * votes + 0.01 * mixed
            wanted = {
                "logits": sum(w * s for w, s in zip(weights, own, strict=True)),
                "log-probabilities": sum(w * s for w, s in zip(weights, own, strict=True)),
                "probabilities": math.log(mixed / (1 - mixed)),
                "vote": math.log(share / (1 - share)),
            }[how]
            assert found[row, label] == pytest.approx(wanted, abs=1e-3)


def test_weights_are_learned_from_every_label_s_decision() -> None:
    targets = np.random.default_rng(3).integers(0, 2, (40, 3))
    good = (targets * 4 - 2).astype(np.float32)
    noise = random_scores(40, 3, seed=4)
    weights, _ = learn_weights(np.stack([good, noise]), targets, pull=1.0, kind=MANY)
    assert weights[0] > 0.6


def test_probabilities_predictions_and_confidence() -> None:
    scores = np.array([[0.0, -1e-3, 3.0], [-1.0, -2.0, -3.0]])
    probabilities = MANY.probabilities(scores)
    np.testing.assert_allclose(probabilities, [[sigmoid(s) for s in row] for row in scores])
    predicted = MANY.predicted(probabilities)
    assert predicted.tolist() == [[1, 0, 1], [0, 0, 0]]
    assert [MANY.label(row, LABELS) for row in predicted] == [("food", "staff"), ()]
    wanted = [math.prod(max(p, 1 - p) for p in row) for row in probabilities.tolist()]
    np.testing.assert_allclose(confidence(MANY, probabilities), wanted)
    one = KINDS["single"]
    shares = one.probabilities(scores)
    np.testing.assert_allclose(confidence(one, shares), shares.max(axis=1))
    assert accuracy(task_of(), scores, np.array([[1, 0, 1], [0, 0, 1]])) == 0.5


def test_figures_of_several_labels_equal_scikit_learn_s_and_a_loop() -> None:
    generator = np.random.default_rng(5)
    targets, probabilities = generator.integers(0, 2, (50, 3)), generator.random((50, 3))
    targets[:3], probabilities[:3] = 0, 0.2  # texts without any label
    found = evaluate(probabilities, targets, task_of())
    predicted = (probabilities >= 0.5).astype(int)
    assert found.accuracy == accuracy_score(targets, predicted)
    rows = zip(targets.tolist(), predicted.tolist(), strict=True)
    assert found.accuracy == np.mean([truth == own for truth, own in rows])
    assert found.micro_f1 == pytest.approx(f1_score(targets, predicted, average="micro"))
    assert found.macro_f1 == pytest.approx(f1_score(targets, predicted, average="macro"))
    true = int((targets & predicted).sum())
    wrong = int((targets != predicted).sum())
    assert found.micro_f1 == pytest.approx(2 * true / (2 * true + wrong))
    assert found.metric("micro_f1") == found.micro_f1
    assert found.confusion == []
    assert found.mean_absolute_error is None
    assert sum(own["n"] for own in found.reliability) == 150
    gap = sum(own["n"] * abs(own["confidence"] - own["accuracy"]) for own in found.reliability)
    assert found.ece == pytest.approx(gap / 150)
    assert found.per_class["room"]["support"] == targets[:, 1].sum()


def test_nothing_true_and_nothing_predicted_is_all_right() -> None:
    found = evaluate(np.full((4, 3), 0.1), np.zeros((4, 3), dtype=np.int64), task_of())
    assert (found.accuracy, found.micro_f1, found.macro_f1) == (1.0, 0.0, 0.0)


def test_an_ordinal_task_is_a_single_one_with_distances() -> None:
    task = task_of("ordinal")
    probabilities = np.eye(3)[[0, 2, 1]]
    found = evaluate(probabilities, np.array([2, 2, 0]), task)
    assert found.mean_absolute_error == pytest.approx((2 + 0 + 1) / 3)
    assert found.micro_f1 is None
    assert task_kind(task).label(2, LABELS) == "staff"


def test_offsets_stand_midway_between_texts_with_a_label_and_without() -> None:
    scores = random_scores(2, 6, 3)
    truth = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 0]]).astype(
        bool
    )
    found = MANY.mean_scores(scores, truth)
    for verbalizer in range(2):
        own = []
        for label in (0, 2):
            yes = [float(scores[verbalizer, n, label]) for n in range(6) if truth[n, label]]
            no = [float(scores[verbalizer, n, label]) for n in range(6) if not truth[n, label]]
            own.append((sum(yes) / len(yes) + sum(no) / len(no)) / 2)
        wanted = [own[0], sum(own) / 2, own[1]]  # nobody has the label in the middle
        assert found[verbalizer] == pytest.approx(wanted, abs=1e-5)


# --- labels in rows -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (["staff", "food"], ("food", "staff")),
        ("staff; food", ("food", "staff")),
        ("room", ("room",)),
        ([], ()),
        ("", ()),
        (("room", "room"), ("room",)),
    ],
)
def test_labels_are_read_in_the_task_s_order(value: Any, wanted: tuple[str, ...]) -> None:
    assert read_label("row 1", value, task_of()) == wanted
    rows = [{"text": "a", "label": value}]
    assert [e.label for e in examples_from(rows, Columns(task_of(), {}))] == [wanted]
    assert read_label("row 1", label_text(wanted, ";"), task_of()) == wanted


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["food", "rooom"], "(?s)row 7: unknown label 'rooom'.*Did you mean 'room'"),
        ("food, room", "labels in 'food, room' are not separated by ';'"),
        (3, "expected a list of labels, found 3"),
        ({"food": 1}, "expected a list of labels"),
        ([["food"]], "unknown label"),
    ],
)
def test_a_faulty_list_of_labels_is_refused(value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_label("row 7", value, task_of())


def test_a_missing_list_is_not_an_empty_one() -> None:
    columns = Columns(task_of(), {})
    for row in ({"text": "a"}, {"text": "a", "label": None}):
        with pytest.raises(DataError, match="label"):
            list(examples_from([row], columns))
    optional = Columns(task_of(), {}, "optional")
    rows = [{"text": "a", "label": ""}, {"text": "b", "label": []}]
    assert [e.label for e in examples_from(rows, optional)] == [(), ()]


def test_a_single_label_task_takes_a_list_of_one_only() -> None:
    assert read_label("row 1", ["food"], task_of("single")) == "food"
    with pytest.raises(DataError, match="(?s)expected one label.*multi-label"):
        read_label("row 1", ["food", "room"], task_of("single"))


def test_another_separator() -> None:
    task = task_of(label_separator="|")
    assert read_label("row 1", "food|room", task) == ("food", "room")
    for separator in ("o", " "):
        with pytest.raises(TaskError, match="label_separator"):
            task_of(label_separator=separator)


def test_class_numbers_of_a_data_set_become_names() -> None:
    feature = SimpleNamespace(feature=SimpleNamespace(names=list(LABELS)))

    class Rows(list[Any]):
        features = MappingProxyType({"label": feature})

    rows = Rows([{"text": "a", "label": [2, 0]}])
    found = list(examples_from(rows, Columns(task_of(), {})))
    assert found[0].label == ("food", "staff")


def test_labels_survive_json() -> None:
    data = Data([Example({"text": "a"}, ("food",)), Example({"text": "b"}, ())])
    assert labelled_from(data.labelled()).train == data.train


@given(
    st.lists(st.lists(st.sampled_from(LABELS), unique=True), min_size=1, max_size=8),
)
def test_lists_and_indicators_are_the_same(sets: list[list[str]]) -> None:
    task = task_of()
    table = np.array([[label in own for label in LABELS] for own in sets]).astype(int)
    for given_as in (table, table.tolist(), table.astype(bool), table.astype(float)):
        assert is_indicator(given_as, task)
        found = [read_label("row", own, task) for own in label_list(given_as, task)]
        assert targets_of(task, found).tolist() == table.tolist()
    assert not is_indicator(sets, task)
    assert label_list(sets, task) == sets


@pytest.mark.parametrize("wrong", [np.zeros((2, 2), int), np.full((2, 3), 2)])
def test_a_faulty_indicator_is_refused(wrong: Any) -> None:
    with pytest.raises(DataError, match="Expected an array of 0 and 1"):
        label_list(wrong, task_of())


def test_shots_count_for_every_label_a_text_has() -> None:
    rows = [
        Example({"text": str(n)}, tuple(label for k, label in enumerate(LABELS) if n >> k & 1))
        for n in range(8)
    ]
    drawn = draw_shots(rows, LABELS, 2, seed=0)
    assert drawn == draw_shots(rows, LABELS, 2, seed=0)
    assert len(drawn) == len({example.key for example in drawn})
    for label in LABELS:
        assert sum(label in (example.label or ()) for example in drawn) >= 2
    assert sum(example.label == () for example in drawn) == 1
    with pytest.raises(DataError, match="has 4 different examples; 5 shots"):
        draw_shots(rows, LABELS, 5, seed=0)


# --- tasks --------------------------------------------------------------------------------------


def test_a_multi_label_task_survives_json_and_source(tmp_path: Any) -> None:
    task = task_of(label_separator="|")
    assert Task.from_dict(task.to_dict()) == task
    path = tmp_path / "t.py"
    path.write_text(task_source(task))
    from pet import load_task

    assert load_task(path).kind == "multi-label"
    assert load_task(path).label_separator == "|"


def test_a_multi_label_task_asks_about_each_label() -> None:
    words = Verbalizer({label: [label] for label in LABELS})
    with pytest.raises(TaskError, match=r"(?s)pattern 0 .*chooses one label.*\{label\}"):
        Task("t", LABELS, ["text"], [PVP("{text} {mask}", words)], kind="multi-label")
    with pytest.raises(TaskError, match="kind='many' is unknown"):
        task_of("many")


def test_what_takes_one_label_alone_says_so() -> None:
    refuse_multi_label(task_of("single"), "It")
    with pytest.raises(UsageError, match="It takes tasks with one label a text"):
        refuse_multi_label(task_of(), "It")
