"""Honest probabilities: the temperature, where it is put, and abstaining below a threshold."""

from __future__ import annotations

import csv
import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from toy import Files, labelled_rows, pet, toy_task, train, unlabelled_rows
from transformers import AutoModelForSequenceClassification

from pet import Example
from pet.config import BackboneConfig, Settings
from pet.data import Data, Pool
from pet.errors import DataError, UsageError
from pet.evaluation.metrics import selective
from pet.members import executing
from pet.members.folds import stratified_splits
from pet.model import Ensemble, SequenceClassifier
from pet.model.ensemble import ensemble_from_dict, ensemble_to_dict, pairwise_agreement
from pet.model.temperature import confident_temperature, fit_temperature
from pet.model.weighting import weighed
from pet.pipeline import asked, fine_tuning, run
from pet.pipeline.distillation import student_temperature
from pet.runs import RunFolder

TASK = toy_task()
TRAIN = [Example({"text": row["text"]}, row["label"]) for row in labelled_rows()]
TEXTS = [{"text": row["text"]} for row in unlabelled_rows()]


def drawn(temperature: float, n: int, labels: int = 3, seed: int = 0) -> tuple[Any, Any]:
    """Scores, and labels that are drawn with exactly the probabilities of this temperature."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(0, 3, (n, labels)).astype(np.float32)
    shares = softmax(scores / temperature, axis=1)
    return scores, np.array([generator.choice(labels, p=row / row.sum()) for row in shares])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_of_many_examples_is_found(temperature: float) -> None:
    scores, targets = drawn(temperature, 4000)
    assert fit_temperature(scores, targets) == pytest.approx(temperature, rel=0.1)


@pytest.mark.parametrize("labels", [2, 4])
def test_without_pull_it_is_scikit_learns(labels: int) -> None:
    calibration = pytest.importorskip("sklearn.calibration")
    if not hasattr(calibration, "_TemperatureScaling"):
        pytest.skip("this scikit-learn has no temperature scaling")
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.frozen import FrozenEstimator

    class Scores(ClassifierMixin, BaseEstimator):  # type: ignore[misc, unused-ignore]
        classes_ = np.arange(labels)

        def fit(self, X: Any, y: Any) -> Any:
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def predict(self, X: Any) -> Any:
            return X.argmax(axis=1)

        def decision_function(self, X: Any) -> Any:
            # Two labels have one column there, which scikit-learn reads as scores (-x, x).
            return X if labels > 2 else (X[:, 1] - X[:, 0]) / 2

    scores, targets = drawn(2.0, 60, labels)
    scores = scores.astype(np.float64)
    model = calibration.CalibratedClassifierCV(FrozenEstimator(Scores()), method="temperature")
    expected = model.fit(scores, targets).predict_proba(scores)
    found = softmax(scores / fit_temperature(scores, targets, pull=0.0), axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@given(st.integers(2, 30), st.floats(0.1, 50))
def test_examples_that_are_all_right_do_not_make_it_sure(n: int, size: float) -> None:
    targets = np.arange(n) % 2
    scores = (size * np.eye(2)[targets]).astype(np.float32)
    # Without the pull it would end at the limit of the search, exp(-5).
    assert math.exp(-4.9) < fit_temperature(scores, targets) <= 1.001
    assert fit_temperature(scores, 1 - targets) >= 0.999


def test_shares_count_as_so_many_labels() -> None:
    scores, _ = drawn(1.0, 3000)
    shares = softmax(scores / 2.5, axis=1)
    assert fit_temperature(scores, shares) == pytest.approx(2.5, rel=0.01)
    assert fit_temperature(scores[:9], np.eye(3)[[0, 1, 2] * 3]) == pytest.approx(
        fit_temperature(scores[:9], np.array([0, 1, 2] * 3))
    )


def test_tempered_members_have_their_own_temperature_and_equal_weights() -> None:
    sure, targets = drawn(4.0, 400)
    scores = [np.stack([sure, sure]), np.stack([sure / 4])]
    uniform = Ensemble.uniform(2)
    found = weighed(uniform, "tempered", [0.5, 0.5], scores, targets)
    assert found.weights == uniform.weights
    assert found.temperatures == (
        pytest.approx(fit_temperature(sure, targets)),
        pytest.approx(fit_temperature(sure / 4, targets)),
    )
    assert found.temperatures[0] > 2 * found.temperatures[1]
    assert weighed(uniform, "uniform", [0.5, 0.5]) == uniform
    assert weighed(uniform, "accuracy", [0.5, 0.25]).weights == (0.5, 0.25)
    with pytest.raises(UsageError, match="needs out-of-fold scores"):
        weighed(uniform, "learned", [0.5, 0.5])


def test_an_ensembles_temperature_changes_probabilities_not_labels_and_is_kept() -> None:
    scores, _ = drawn(1.0, 20)
    plain = Ensemble.uniform(1)
    cool = replace(plain, temperature=2.5)
    np.testing.assert_allclose(cool([scores[None]]), plain([scores[None]]) / 2.5, rtol=1e-6)
    assert ensemble_from_dict(json.loads(json.dumps(ensemble_to_dict(cool, ["a"])))) == cool
    older = {**ensemble_to_dict(plain, ["a"])}
    del older["temperature"]
    assert ensemble_from_dict(older) == plain
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError):
            replace(plain, temperature=wrong)


def test_a_cooled_classifier_is_cool_for_everybody(tiny_bert: str, tmp_path: Path) -> None:
    config = BackboneConfig(tiny_bert, "cpu", "fp32")
    student, _ = SequenceClassifier.fresh(config, TASK, 1)
    before = student.scores(TEXTS)
    student.cool(2.5)
    np.testing.assert_allclose(student.scores(TEXTS), before / 2.5, atol=1e-6)
    student.save(tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert np.allclose(model.classifier.weight.detach(), student.model.classifier.weight.detach())
    pool = Pool(lambda: iter([Example(texts) for texts in TEXTS]))
    wanted = 20 * before
    found = student_temperature(student, pool, iter([wanted]))
    expected = fit_temperature(student.scores(TEXTS), softmax(wanted, axis=1))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("method", ["pet", "single", "fine-tune"])
def test_calibrate_scales_what_a_run_ends_with_and_nothing_else(
    method: str, tiny_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Pool(lambda: iter([Example(texts) for texts in TEXTS])) if method == "pet" else None
    data = Data(TRAIN, (), pool)
    scores = {}
    for calibrate in ("none", "folds"):
        how = Settings.from_flat(
            {
                "method": method, "backbone": tiny_bert, "device": "cpu", "precision": "fp32",
                "max_steps": 3, "patterns": (0, 1), "temper": calibrate, "folds": 2,
                "distill_epochs": 1,
            }
        )  # fmt: skip
        folder = RunFolder.start(tmp_path / calibrate, asked(TASK, how, data))
        scores[calibrate] = run(TASK, how, data, folder).scores(TEXTS)
    ratio = scores["none"] / scores["folds"]
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-3)
    kept = folder.read_json(folder.temperature)
    assert kept["examples"] == len(TRAIN)
    if method == "single":
        held_out = np.zeros((len(TRAIN), 2), np.float32)
        numbers = np.array([TASK.labels.index(str(example.label)) for example in TRAIN])
        for number, (_, outside) in enumerate(stratified_splits(numbers, 2, how.seed), 1):
            part = np.load(folder.path / f"folds/pattern-0/{number}.npy")
            held_out[outside] = part.mean(axis=0)
        assert kept["temperature"] == pytest.approx(fit_temperature(held_out, numbers), rel=1e-4)
    if method != "pet":
        assert ratio[0, 0] == pytest.approx(kept["temperature"], rel=1e-3)
    # What is scored out of fold is not scored again.
    (folder.path / "classifier").rename(tmp_path / "gone")
    monkeypatch.setattr(executing, "train_member", lambda *_, **__: pytest.fail("scored again"))
    fine_tuned: list[Any] = []
    original = fine_tuning.fine_tune

    def fine_tune(*asked: Any) -> Any:
        fine_tuned.append(asked)
        return original(*asked)

    monkeypatch.setattr(fine_tuning, "fine_tune", fine_tune)
    np.testing.assert_array_equal(run(TASK, how, data, folder).scores(TEXTS), scores["folds"])
    assert len(fine_tuned) == (method == "fine-tune")


@given(
    st.floats(0.35, 0.95),
    st.integers(0, 99),
)
def test_confidence_is_what_was_asked_for(confidence: float, seed: int) -> None:
    scores, _ = drawn(1.0, 30, seed=seed)
    temperature = confident_temperature(scores, confidence)
    found = softmax(scores.astype(np.float64) / temperature, axis=1).max(axis=1).mean()
    assert found == pytest.approx(confidence, abs=1e-4)


def test_confidence_beyond_reach_takes_the_widest_temperature() -> None:
    ties = np.zeros((5, 3), np.float32)
    assert confident_temperature(ties, 0.9) == pytest.approx(math.exp(-5))
    assert confident_temperature(drawn(1.0, 5)[0] * 1e4, 0.4) == pytest.approx(math.exp(5))


def test_agreement_is_that_of_all_pairs() -> None:
    scores = np.random.default_rng(0).normal(size=(4, 50, 3))
    votes = scores.argmax(axis=2)
    pairs = [np.mean(votes[a] == votes[b]) for a, b in itertools.combinations(range(4), 2)]
    assert pairwise_agreement(scores) == pytest.approx(np.mean(pairs))


def test_by_default_a_run_is_as_sure_as_its_members_agree(tiny_bert: str, tmp_path: Path) -> None:
    texts = [{"text": f"{word} {number}"} for word in ("good", "bad", "a") for number in range(9)]
    data = Data(TRAIN, (), Pool(lambda: iter([Example(own) for own in texts])))
    flat = {
        "backbone": tiny_bert, "device": "cpu", "precision": "fp32", "max_steps": 3,
        "learning_rate": 1e-3, "patterns": (0, 1), "distill_epochs": 1,
    }  # fmt: skip
    scores = {}
    for calibrate in ("none", "agreement"):
        how = Settings.from_flat({**flat, "temper": calibrate})
        folder = RunFolder.start(tmp_path / calibrate, asked(TASK, how, data))
        scores[calibrate] = run(TASK, how, data, folder).scores(texts)
    assert Settings().ensemble.temper == "agreement"
    plain = folder.read_json("ensemble.json")
    own = [np.load(folder.path / f"members/{name}/scores/000000.npy") for name in plain["members"]]
    members = np.stack([part.mean(axis=0) for part in own])
    votes = members.argmax(axis=2)
    wanted = ((votes[0] == votes[1]).sum() + 1) / (len(texts) + 2)
    sure = softmax(members.mean(axis=0) / plain["temperature"], axis=1).max(axis=1).mean()
    assert sure == pytest.approx(wanted, abs=1e-4)
    # The student follows: its labels are as they were, its scores are scaled.
    ratio = scores["none"] / scores["agreement"]
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-3)
    assert abs(math.log(ratio[0, 0])) > 0.1


def test_one_member_agrees_with_nobody_and_stays_as_it_is(tiny_bert: str, tmp_path: Path) -> None:
    data = Data(TRAIN, (), Pool(lambda: iter([Example(texts) for texts in TEXTS])))
    how = Settings.from_flat(
        {"backbone": tiny_bert, "device": "cpu", "max_steps": 1, "patterns": (0,)}
        | {"distill_epochs": 1}
    )
    folder = RunFolder.start(tmp_path / "run", asked(TASK, how, data))
    run(TASK, how, data, folder)
    assert folder.read_json("ensemble.json")["temperature"] == 1.0
    assert not folder.has(folder.temperature)


def test_calibrate_needs_labelled_examples(tiny_bert: str, tmp_path: Path) -> None:
    how = Settings.from_flat(
        {"method": "zero-shot", "backbone": tiny_bert, "device": "cpu", "temper": "folds"}
    )
    for examples, message in (([], "labelled examples"), (TRAIN[4:8], "two labelled examples")):
        data = Data(examples)
        folder = RunFolder.start(tmp_path / str(len(examples)), asked(TASK, how, data))
        with pytest.raises(DataError, match=message):
            run(TASK, how, data, folder)


@given(st.integers(1, 40), st.floats(0, 1), st.integers(0, 99))
def test_selective_figures_are_those_of_a_loop(n: int, threshold: float, seed: int) -> None:
    scores, targets = drawn(1.0, n, seed=seed)
    shares = softmax(scores, axis=1)
    kept = [i for i in range(n) if max(shares[i]) >= threshold]
    right = [i for i in kept if list(shares[i]).index(max(shares[i])) == targets[i]]
    assert selective(shares, targets, threshold) == {
        "threshold": threshold,
        "coverage": pytest.approx(len(kept) / n),
        "covered_accuracy": pytest.approx(len(right) / len(kept)) if kept else None,
    }


def test_predict_and_evaluate_abstain_below_a_threshold(tiny_bert: str, tmp_path: Path) -> None:
    files = Files.write(tmp_path)
    assert train(files, tiny_bert, tmp_path / "run", "--patterns", "0").code == 0
    plain = pet("predict", tmp_path / "run", "--input", files.unlabeled).out
    rows = [json.loads(line) for line in plain.splitlines()]
    values = sorted({row["probability"] for row in rows})
    threshold = sum(values[len(values) // 2 - 1 : len(values) // 2 + 1]) / 2
    call = ["predict", tmp_path / "run", "--input", files.unlabeled, "--threshold", threshold]
    found = [json.loads(line) for line in pet(*call).out.splitlines()]
    for row, own in zip(rows, found, strict=True):
        abstains = row["probability"] < threshold
        assert own == ({**row, "label": None} if abstains else row)
    assert 0 < sum(own["label"] is None for own in found) < len(found)
    assert pet(*call, "-o", tmp_path / "out.csv").code == 0
    with (tmp_path / "out.csv").open(encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))
    assert [row["label"] or None for row in table] == [own["label"] for own in found]
    evaluated = ["evaluate", tmp_path / "run", "--test", files.train]
    figures = json.loads(pet(*evaluated, "--json", "-", "--threshold", 0).out)
    assert (figures["coverage"], figures["covered_accuracy"]) == (1.0, figures["accuracy"])
    assert "coverage" not in json.loads(pet(*evaluated, "--json", "-").out)
    shown = pet(*evaluated, "--threshold", 1).out
    assert "above 1: coverage 0.0  accuracy -" in shown
    for value in (1.5, "nan"):
        assert pet(*evaluated, "--threshold", value).code == 2
