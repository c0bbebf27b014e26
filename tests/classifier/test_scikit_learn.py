"""scikit-learn: scorers, searches and meta-estimators tell the truth in any order of labels."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from in_any_order import classifier_of, texts
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.metrics import log_loss, roc_auc_score, top_k_accuracy_score
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from pet import PETClassifier, Verbalizer

TWO, THREE = ["neg", "pos"], ["bad", "fair", "good"]
X = texts(30)
# Labels that an untrained model gets right more often than not.
NOISE = np.random.default_rng(3)


def truth(labels: list[str], model: PETClassifier) -> list[str]:
    """Labels that the model mostly finds, some of them exchanged."""
    found = np.array(model.predict(X))
    other = NOISE.choice(labels, len(X))
    return np.where(np.arange(len(X)) % 4 == 0, other, found).tolist()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def known(lively_bert: str) -> dict[int, tuple[Any, list[str]]]:
    """For two and three labels: probabilities in sorted order, and true labels."""
    out = {}
    for labels in (TWO, THREE):
        model = classifier_of(labels, lively_bert).fit([])
        by_task = model.model_.scores([{"text": text} for text in X]).astype(np.float64)
        probabilities = np.exp(by_task) / np.exp(by_task).sum(axis=1, keepdims=True)
        out[len(labels)] = probabilities, truth(labels, model)
    return out


@pytest.mark.parametrize("labels", [*permutations(TWO), *list(permutations(THREE))[::2]])
def test_scorers_of_probabilities_tell_the_truth(
    labels: tuple[str, ...], lively_bert: str, known: Any
) -> None:
    probabilities, y = known[len(labels)]
    model = classifier_of(list(labels), lively_bert)
    names = sorted(labels)
    folds = [(np.arange(30), np.arange(30))]
    expected = {"neg_log_loss": -log_loss(y, probabilities, labels=names)}
    if len(labels) == 2:
        expected["roc_auc"] = roc_auc_score(np.array(y) == "pos", probabilities[:, 1])
    else:
        for way in ("ovr", "ovo"):
            expected[f"roc_auc_{way}"] = roc_auc_score(y, probabilities, multi_class=way)
        expected["top_k_accuracy"] = top_k_accuracy_score(y, probabilities, k=2)
    for scoring, score in expected.items():
        (found,) = cross_val_score(model, X, y, cv=folds, scoring=scoring, error_score="raise")
        assert found == pytest.approx(score, abs=1e-6), scoring


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("labels", [["pos", "neg"], ["good", "bad", "fair"]])
def test_calibration_keeps_every_label_in_its_column(
    method: str, labels: list[str], lively_bert: str, known: Any
) -> None:
    if method == "temperature":
        pytest.importorskip("sklearn", "1.8")
    probabilities, y = known[len(labels)]
    found = []
    for order in (sorted(labels), labels):
        calibrated = CalibratedClassifierCV(classifier_of(order, lively_bert), method=method, cv=2)
        calibrated.fit(X, y)
        assert calibrated.classes_.tolist() == sorted(labels)
        found.append(calibrated.predict_proba(X))
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)
    # True labels are those of the model in three rows of four.
    assert (found[1].argmax(axis=1) == probabilities.argmax(axis=1)).mean() > 0.6
    assert log_loss(y, found[1], labels=sorted(labels)) < log_loss(
        y, found[1][:, ::-1], labels=sorted(labels)
    )


def test_a_fitted_classifier_is_calibrated_too(lively_bert: str, known: Any) -> None:
    frozen = pytest.importorskip("sklearn.frozen").FrozenEstimator
    _, y = known[2]
    model = classifier_of(["pos", "neg"], lively_bert).fit(X, y)
    calibrated = CalibratedClassifierCV(frozen(model)).fit(X, y)
    assert roc_auc_score(np.array(y) == "pos", calibrated.predict_proba(X)[:, 1]) > 0.6


@pytest.mark.parametrize("labels", [["pos", "neg"], ["good", "bad", "fair"]])
def test_meta_estimators_that_encode_labels(
    labels: list[str], lively_bert: str, known: Any
) -> None:
    probabilities, y = known[len(labels)]
    names = sorted(labels)
    right = np.array(names)[probabilities.argmax(axis=1)]
    model = classifier_of(labels, lively_bert)
    found = cross_val_predict(model, X, y, cv=2, method="predict_proba")
    np.testing.assert_allclose(found, probabilities, atol=1e-6)
    assert (cross_val_predict(model, X, y, cv=2) == right).all()
    for voting in ("hard", "soft"):
        voted = VotingClassifier([("a", model), ("b", clone(model))], voting=voting).fit(X, y)
        assert voted.classes_.tolist() == names
        assert (voted.predict(X) == right).all(), voting
    np.testing.assert_allclose(voted.predict_proba(X), probabilities, atol=1e-6)
    stacked = StackingClassifier([("a", model)], cv=2).fit(X, y)
    assert stacked.classes_.tolist() == names
    columns = probabilities if len(names) > 2 else probabilities[:, 1:]
    np.testing.assert_allclose(stacked.transform(X), columns, atol=1e-6)


def test_encoded_labels_train_the_words_of_their_names(lively_bert: str, known: Any) -> None:
    _, y = known[3]
    model = classifier_of(["good", "bad", "fair"], lively_bert, max_steps=2)
    alone = clone(model).fit(X, y).predict_proba(X)
    voted = VotingClassifier([("a", model)], voting="soft").fit(X, np.array(y))
    np.testing.assert_array_equal(voted.predict_proba(X), alone)


def test_folds_without_a_label_keep_columns_apart(lively_bert: str, known: Any) -> None:
    probabilities, y = known[3]
    model = classifier_of(["good", "bad", "fair"], lively_bert)
    rows = np.flatnonzero(np.array(y) != "fair")
    with pytest.warns(RuntimeWarning, match="Number of classes in training fold"):
        found = cross_val_predict(model, X, y, cv=[(rows, np.arange(30))], method="predict_proba")
    kept = probabilities[:, [0, 2]]
    np.testing.assert_allclose(found[:, [0, 2]], kept / kept.sum(axis=1, keepdims=True), atol=1e-6)
    assert (found[:, 1] == 0).all()


def test_numbers_in_and_numbers_out(lively_bert: str, known: Any) -> None:
    _, names = known[2]
    y = [int(name == "pos") for name in names]
    model = classifier_of(["1", "0"], lively_bert)
    scores = cross_val_score(model, X, y, cv=2, scoring="f1_macro", error_score="raise")
    named = cross_val_score(
        classifier_of(TWO, lively_bert), X, names, cv=2, scoring="f1_macro", error_score="raise"
    )
    np.testing.assert_allclose(scores, named)


def test_searches_choose_by_the_true_figure(lively_bert: str, known: Any) -> None:
    _, y = known[2]
    model = classifier_of(["pos", "neg"], lively_bert)
    words = model.task.pvps[0].verbalizers[0].words
    exchanged = Verbalizer(dict(zip(words, reversed(words.values()), strict=True)))
    tasks = [model.task.with_verbalizers(exchanged), model.task]
    search = GridSearchCV(
        model, {"task": tasks}, cv=StratifiedKFold(2), scoring="roc_auc", error_score="raise"
    ).fit(X, y)
    assert search.best_index_ == 1
    assert search.predict(X).tolist() == model.fit(X, y).predict(X).tolist()


def test_pipelines_and_columns_of_frames(lively_bert: str, known: Any) -> None:
    pandas = pytest.importorskip("pandas")
    probabilities, y = known[2]
    frame = pandas.DataFrame({"id": range(30), "body": X})
    model = classifier_of(["pos", "neg"], lively_bert)
    for output in ("default", "pandas"):
        columns = ColumnTransformer([("text", "passthrough", ["body"])]).set_output(
            transform=output
        )
        pipeline = make_pipeline(columns, model).fit(frame, y)
        assert pipeline.classes_.tolist() == TWO
        np.testing.assert_allclose(pipeline.predict_proba(frame), probabilities, atol=1e-6)
    lower = make_pipeline(FunctionTransformer(lambda rows: [row.lower() for row in rows]), model)
    assert (cross_val_predict(lower, X, y, cv=2) == model.fit(X, y).predict(X)).all()


def test_bagging_draws_rows(lively_bert: str, known: Any) -> None:
    _, y = known[2]
    model = classifier_of(["pos", "neg"], lively_bert, max_steps=1)
    bagged = BaggingClassifier(model, n_estimators=2, max_features=1.0, random_state=0)
    bagged.fit(np.array(X, dtype=object)[:, None], y)
    assert bagged.classes_.tolist() == TWO
    assert bagged.predict_proba(np.array(X, dtype=object)[:, None]).shape == (30, 2)
