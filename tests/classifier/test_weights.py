"""Weights of examples and classes: as often in training as they say, and recorded with a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from in_any_order import classifier_of, texts
from sklearn.base import clone

from pet import PETClassifier, PetError
from pet.data import Data, Example, labelled_from, weights_of
from pet.training.loop import shuffled_batches

X, Y = texts(12), ["pos", "neg"] * 6
METHODS: dict[str, dict[str, Any]] = {
    "member": {},
    "adapet": {"objective": "adapet"},
    "fine-tune": {"method": "fine-tune"},
}


@pytest.fixture(params=METHODS)
def model(request: pytest.FixtureRequest, lively_bert: str) -> PETClassifier:
    return classifier_of(["pos", "neg"], lively_bert, max_steps=2, **METHODS[request.param])


def test_equal_weights_change_no_bit_and_a_weight_of_zero_is_no_example(
    model: PETClassifier,
) -> None:
    expected = clone(model).fit(X, Y).predict_proba(X)
    for weights in ([1] * 12, np.full(12, 0.3)):
        found = clone(model).fit(X, Y, sample_weight=weights).predict_proba(X)
        np.testing.assert_array_equal(found, expected)
    fewer = clone(model).fit(X[:8], Y[:8]).predict_proba(X)
    left_out = clone(model).fit(X, Y, sample_weight=[2] * 8 + [0] * 4).predict_proba(X)
    np.testing.assert_array_equal(left_out, fewer)
    assert np.abs(expected - fewer).max() > 0


def test_the_heavier_of_two_answers_is_learned(model: PETClassifier) -> None:
    model.set_params(max_steps=12, learning_rate=0.02)
    rows, answers = [X[0], X[0]] * 4, ["pos", "neg"] * 4
    for heavy, light in (("pos", "neg"), ("neg", "pos")):
        weights = [20.0 if answer == heavy else 1.0 for answer in answers]
        by_rows = clone(model).fit(rows, answers, sample_weight=weights)
        assert by_rows.predict([X[0]]) == [heavy]
        by_class = clone(model).set_params(class_weight={heavy: 20, light: 1}).fit(rows, answers)
        np.testing.assert_array_equal(by_class.predict_proba(X), by_rows.predict_proba(X))


def test_rows_are_drawn_as_often_as_their_weights_say() -> None:
    weights = np.array([0.1, 0.4, 1.0, 2.5, 1.0])
    batches = shuffled_batches(5, 2, np.random.default_rng(0), weights)
    drawn = np.concatenate([next(batches) for _ in range(3 * 400)])
    counts = np.bincount(drawn[: 5 * 400], minlength=5) / 400
    np.testing.assert_allclose(counts, weights, atol=0.05)
    whole = shuffled_batches(3, 8, np.random.default_rng(0), np.array([0.5, 0.5, 2.0]))
    for _ in range(20):
        assert sorted(next(whole).tolist()) in ([0, 2, 2], [1, 2, 2])


def test_class_weights_may_name_classes_or_labels_or_nothing(lively_bert: str) -> None:
    model = classifier_of(["1", "0"], lively_bert, max_steps=2)
    y = [1, 0] * 6
    plain = clone(model).fit(X, y).predict_proba(X)
    none = clone(model).set_params(class_weight=None).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(none, plain)
    by_class = clone(model).set_params(class_weight={1: 3.0}).fit(X, y).predict_proba(X)
    by_label = clone(model).set_params(class_weight={"1": 3.0}).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(by_class, by_label)
    assert np.abs(by_class - plain).max() > 0


def test_a_run_records_weights_only_where_there_are_some(lively_bert: str, tmp_path: Any) -> None:
    model = classifier_of(["pos", "neg"], lively_bert, max_steps=1)
    plain = Data([Example({"text": "a"}, "pos"), Example({"text": "b"}, "neg")])
    heavy = Data([Example({"text": "a"}, "pos", 1.5), Example({"text": "b"}, "neg", 0.5)])
    assert plain.labelled()["train"][0] == {"texts": {"text": "a"}, "label": "pos"}
    assert labelled_from(heavy.labelled()).train == heavy.train
    assert labelled_from(plain.labelled()).train == plain.train
    assert plain.fingerprint() != heavy.fingerprint()
    assert weights_of(plain.train) is None
    first = clone(model).fit(X, Y, sample_weight=range(12), run_folder=tmp_path / "run")
    again = clone(model).fit(X, Y, sample_weight=range(12), run_folder=tmp_path / "run")
    np.testing.assert_array_equal(again.predict_proba(X), first.predict_proba(X))
    with pytest.raises(PetError, match=r"data\.train"):
        clone(model).fit(X, Y, run_folder=tmp_path / "run")


@pytest.mark.parametrize(
    ("weights", "class_weight", "message"),
    [
        ([1] * 11, None, "12 texts but 11 weights"),
        ([1] * 11 + [-1], None, "row 12: a weight must be a number from 0, not -1"),
        ([1] * 11 + [float("nan")], None, "row 12: a weight must be a number"),
        ([0] * 12, None, "weights of examples are zero"),
        (["a"] * 12, None, "sample_weight must hold numbers"),
        (None, {"odd": 2}, r"class_weight names the unknown class 'odd'\. Known: 'neg', 'pos'"),
        (None, {"pos": "2"}, "class_weight gives 'pos' the weight '2'"),
        (None, {"pos": 0, "neg": 0}, "weights of examples are zero"),
        (None, "balance", "(?s)class_weight='balance' is unknown.*'balanced'"),
    ],
)
def test_wrong_weights_are_named(
    weights: Any, class_weight: Any, message: str, lively_bert: str
) -> None:
    model = classifier_of(["pos", "neg"], lively_bert, max_steps=1, class_weight=class_weight)
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, sample_weight=weights)


def test_verbose_prints_lines_and_hands_events_on(
    lively_bert: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = classifier_of(["pos", "neg"], lively_bert, max_steps=3)
    model.fit(X, Y)
    assert capsys.readouterr().out == ""
    model.set_params(verbose=1).fit(X, Y)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("[pet] pattern-0: 3 of 3, loss ")
    stopped: list[str] = []

    def stop(event: Any) -> bool:
        stopped.append(event.moment)
        return event.step >= 1

    model.set_params(verbose=2).fit(X, Y, progress=stop)
    assert "end" in stopped
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["[pet] pattern-0: 1 of 3"] * 2
