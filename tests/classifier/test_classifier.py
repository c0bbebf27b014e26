"""PETClassifier keeps scikit-learn's contract and gives back what it was trained to give."""

from __future__ import annotations

import copy
import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from toy import BAD, GOOD, NEW, toy_task

import pet.members.executing
from pet import PVP, PETClassifier, PetError, Task, Verbalizer
from pet.config import CONFIGS, Settings
from pet.data import Example
from pet.errors import UsageError
from pet.model.prediction import predict_stream
from pet.progress import Event

X = [*BAD, *GOOD]
Y = ["negative"] * len(BAD) + ["positive"] * len(GOOD)


@pytest.fixture
def quick(tiny_bert: str) -> PETClassifier:
    return PETClassifier(
        toy_task(), backbone=tiny_bert, device="cpu", max_steps=1, distill_epochs=1
    )


@pytest.fixture(scope="module")
def fitted(tiny_bert: str) -> dict[str, PETClassifier]:
    settings: dict[str, Any] = {"backbone": tiny_bert, "device": "cpu", "distill_epochs": 1}
    tuned = PETClassifier(toy_task(), method="fine-tune", max_steps=2, **settings)
    model = PETClassifier(toy_task(), max_steps=2, **settings)
    return {
        "distilled": clone(model).fit(X, Y, unlabeled=NEW),
        "ensemble": model.fit(X, Y),
        "fine-tuned": tuned.fit(X, Y),
    }


def pair_task() -> Task:
    words = Verbalizer({"no": ["no"], "yes": ["yes"]})
    pvp = PVP("{question}{sep}{mask}, {answer}", words)
    return Task("pair", ["no", "yes"], ["question", "answer"], [pvp])


def test_defaults_are_those_of_the_configuration() -> None:
    parameters = dict(inspect.signature(PETClassifier).parameters)
    for name in ("task", "labels", "label_map", "verbose"):
        parameters.pop(name)
    for name in ("method", "patterns", "seed", "jobs", "save_precision"):
        assert parameters.pop(name).default == getattr(Settings(), name)
    for part in CONFIGS.values():
        for item in fields(part):
            assert parameters.pop(item.name).default == item.default, item.name
    assert not parameters


def test_parameters_make_a_round_trip(quick: PETClassifier) -> None:
    parameters = quick.get_params()
    again = PETClassifier(**parameters)
    assert again.get_params() == parameters
    assert again.set_params(max_steps=7, method="head").get_params()["max_steps"] == 7
    assert again.settings().training.max_steps == 7
    assert quick.max_steps == 1
    with pytest.raises(ValueError, match="Invalid parameter"):
        again.set_params(max_step=7)


def test_init_stores_its_arguments_untouched() -> None:
    patterns = [1, 0]
    model = PETClassifier("no such task", patterns=patterns, method="nonsense", max_steps=-1)
    assert model.patterns is patterns
    assert model.method == "nonsense"


def test_clone_makes_an_unfitted_copy(fitted: dict[str, PETClassifier]) -> None:
    copied = clone(fitted["ensemble"])
    assert copied.get_params().keys() == fitted["ensemble"].get_params().keys()
    assert copied.max_steps == 2
    with pytest.raises(NotFittedError):
        copied.predict(["a film"])
    assert clone(PETClassifier(patterns=[0, 1])).patterns == [0, 1]


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_predicting_before_fitting_is_a_not_fitted_error(method: str) -> None:
    with pytest.raises(NotFittedError):
        getattr(PETClassifier(toy_task()), method)(["a film"])


def test_saving_before_fitting_is_a_not_fitted_error(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        PETClassifier(toy_task()).save_pretrained(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["distilled", "ensemble", "fine-tuned"])
def test_predictions_are_the_argmax_of_probabilities_that_sum_to_one(
    kind: str, fitted: dict[str, PETClassifier]
) -> None:
    model = fitted[kind]
    assert model.classes_.tolist() == ["negative", "positive"]
    probabilities = model.predict_proba(NEW)
    assert probabilities.shape == (len(NEW), 2)
    assert np.abs(probabilities.sum(axis=1) - 1).max() < 1e-12
    assert probabilities.min() > 0
    labels = model.predict(NEW)
    assert labels.tolist() == model.classes_[probabilities.argmax(axis=1)].tolist()
    truth = ["positive"] * len(NEW)
    assert model.score(NEW, truth) == np.mean([label == "positive" for label in labels])


@pytest.mark.parametrize("kind", ["distilled", "ensemble", "fine-tuned"])
def test_a_saved_classifier_gives_identical_probabilities(
    kind: str, fitted: dict[str, PETClassifier], tmp_path: Path
) -> None:
    model = fitted[kind]
    expected = model.predict_proba(NEW)
    model.save_pretrained(tmp_path / "out")
    loaded = PETClassifier.from_pretrained(str(tmp_path / "out"), device="cpu")
    assert loaded.classes_.tolist() == model.classes_.tolist()
    np.testing.assert_array_equal(loaded.predict_proba(NEW), expected)
    # Saving changes nothing in the model, and what was loaded can be saved again.
    np.testing.assert_array_equal(model.predict_proba(NEW), expected)
    loaded.save_pretrained(tmp_path / "again")
    again = PETClassifier.from_pretrained(tmp_path / "again", device="cpu")
    np.testing.assert_array_equal(again.predict_proba(NEW), expected)


def test_a_distilled_classifier_is_a_plain_hugging_face_folder(
    fitted: dict[str, PETClassifier], tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    fitted["distilled"].save_pretrained(tmp_path / "out")
    assert not list(tmp_path.rglob("*.bin"))
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert model.config.id2label == {0: "negative", 1: "positive"}
    with torch.no_grad():
        logits = model(**tokenizer(NEW[0], return_tensors="pt")).logits.double()
    loaded = PETClassifier.from_pretrained(tmp_path / "out", device="cpu", precision="fp32")
    expected = loaded.predict_proba(NEW[:1])
    np.testing.assert_allclose(logits.softmax(dim=1).numpy(), expected, rtol=1e-5)


def test_zero_shot_needs_no_labels(quick: PETClassifier) -> None:
    model = quick.set_params(method="zero-shot").fit([])
    assert set(model.predict(NEW)) <= {"negative", "positive"}


def test_the_same_seed_gives_the_same_model_and_another_seed_another(
    quick: PETClassifier,
) -> None:
    first = clone(quick).fit(X, Y, unlabeled=NEW).predict_proba(NEW)
    second = clone(quick).fit(X, Y, unlabeled=NEW).predict_proba(NEW)
    third = clone(quick).set_params(seed=14).fit(X, Y, unlabeled=NEW).predict_proba(NEW)
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - third).max() > 0


def test_every_kind_of_rows_gives_the_same_model(quick: PETClassifier) -> None:
    expected = clone(quick).fit(X, Y, unlabeled=NEW).predict_proba(NEW)
    kinds: list[Any] = [
        (lambda texts: [{"text": text, "other": 1} for text in texts]),
        (lambda texts: [(text,) for text in texts]),
        np.array,
        iter,
        tuple,
    ]
    for kind in kinds:
        model = clone(quick).fit(kind(X), tuple(Y), unlabeled=kind(NEW))
        np.testing.assert_array_equal(model.predict_proba(kind(NEW)), expected)


def test_data_frames_and_series_are_rows_too(quick: PETClassifier) -> None:
    pandas = pytest.importorskip("pandas")
    expected = clone(quick).fit(X, Y, unlabeled=NEW).predict_proba(NEW)
    frame = pandas.DataFrame({"id": range(len(X)), "text": X, "label": Y})
    pool = pandas.DataFrame({"text": NEW})
    model = clone(quick).fit(frame, frame["label"], unlabeled=pool)
    np.testing.assert_array_equal(model.predict_proba(pool), expected)
    model = clone(quick).fit(frame["text"], frame["label"], unlabeled=pool["text"])
    np.testing.assert_array_equal(model.predict_proba(pool["text"]), expected)


def test_a_task_of_two_fields_takes_mappings_and_tuples(quick: PETClassifier) -> None:
    rows = [("was it good", "yes it was"), ("was it good", "a red train")]
    mappings = [{"answer": answer, "question": question} for question, answer in rows]
    quick.set_params(task=pair_task())
    first = clone(quick).fit(rows, ["yes", "no"]).predict_proba(rows)
    second = clone(quick).fit(mappings, ["yes", "no"]).predict_proba(mappings)
    np.testing.assert_array_equal(first, second)
    with pytest.raises(PetError, match=r"Row 1: expected one text a field \(question, answer\)"):
        quick.fit(["one text"], ["yes"])


def test_fit_leaves_the_callers_data_and_parameters_unchanged(quick: PETClassifier) -> None:
    rows = [{"text": f"  {text} "} for text in X]
    labels, pool = list(Y), list(NEW)
    kept = copy.deepcopy((rows, labels, pool))
    parameters = copy.copy(quick.get_params(deep=False))
    quick.fit(rows, labels, unlabeled=pool, dev=(rows, labels))
    assert (rows, labels, pool) == kept
    assert quick.get_params(deep=False) == parameters


def test_cross_validation_and_grid_search_work(quick: PETClassifier) -> None:
    scores = cross_val_score(quick, X, Y, cv=2, error_score="raise")
    assert len(scores) == 2
    assert all(0 <= score <= 1 for score in scores)
    search = GridSearchCV(quick, {"patterns": [[0], [1]]}, cv=2, error_score="raise").fit(X, Y)
    assert search.best_params_["patterns"] in ([0], [1])
    assert search.predict(NEW).shape == (len(NEW),)


def test_predicting_nothing_gives_nothing(fitted: dict[str, PETClassifier]) -> None:
    for model in fitted.values():
        assert model.predict_proba([]).shape == (0, 2)
        assert model.predict([]).shape == (0,)


def test_a_batch_gives_what_its_texts_give_alone(fitted: dict[str, PETClassifier]) -> None:
    for model in fitted.values():
        together = model.predict_proba(NEW)
        alone = np.concatenate([model.predict_proba([text]) for text in NEW[:5]])
        np.testing.assert_allclose(together[:5], alone, atol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "petz"}, "method='petz' is unknown"),
        ({"max_steps": -1}, "max_steps must be a number from 0, not -1"),
        ({"batch_size": "8"}, "batch_size must be a number from 1, not '8'"),
        ({"scope": "ful"}, "(?s)scope='ful' is unknown.*'full'"),
        ({"weighting": "equal"}, "weighting='equal' is unknown"),
        ({"distill_temperature": 0}, "distill_temperature must be a number from"),
    ],
)
def test_bad_parameters_are_refused_when_fitting(
    parameters: dict[str, Any], message: str, quick: PETClassifier
) -> None:
    with pytest.raises(UsageError, match=message):
        quick.set_params(**parameters).fit(X, Y)


@pytest.mark.parametrize("name", PETClassifier().get_params())
def test_a_parameter_of_a_wrong_type_is_named_in_one_error(name: str) -> None:
    for wrong in (object(), {"a": 1}, [object()]):
        with pytest.raises(PetError, match=name if name != "task" else "Expected a Task"):
            PETClassifier(**{name: wrong}).fit(X, Y)


def test_patterns_may_be_chosen_as_on_the_command_line(quick: PETClassifier) -> None:
    quick.set_params(patterns="1", method="zero-shot")
    model = quick.fit(X, Y).model_
    assert [spec.pattern for spec in model.members.specs] == [1]  # type: ignore[union-attr]


def test_patterns_that_are_not_there_are_refused(quick: PETClassifier) -> None:
    with pytest.raises(PetError, match="has patterns 0 to 1, not 2"):
        quick.set_params(patterns=[2]).fit(X, Y)


def test_unknown_tasks_and_devices_are_refused(quick: PETClassifier) -> None:
    with pytest.raises(PetError, match=r"(?s)'reviws'.*'reviews'"):
        clone(quick).set_params(task="reviws").fit(X, Y)
    with pytest.raises(PetError, match="Device 'banana'"):
        clone(quick).set_params(device="banana").fit(X, Y)


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (X, Y[:-1], "10 texts but 9 labels"),
        (X, None, "needs labelled examples"),
        (["a", "b"], ["positive", "neutral"], "row 2: unknown label 'neutral'"),
        (["a", "b"], ["positive", "positive"], "at least two"),
        (["a", " "], ["positive", "negative"], "(?s)row 2.*empty"),
        (["a", 5], ["positive", "negative"], "Row 2: expected a text"),
        (["a", None], ["positive", "negative"], "Row 2: expected a text"),
        ([{"txt": "a"}], ["positive"], "row 1: no column 'text'"),
        ("a film", ["positive"], r"(?s)a list of texts.*Write \[text\]"),
        ({"text": "a film"}, ["positive"], "a list of texts"),
    ],
)
def test_bad_data_is_refused_with_its_row(
    texts: Any, labels: Any, message: str, quick: PETClassifier
) -> None:
    with pytest.raises(PetError, match=message):
        quick.fit(texts, labels)


@pytest.mark.parametrize("rows", ["a film", {"text": "a film"}])
def test_a_single_text_is_refused_everywhere(
    rows: Any, quick: PETClassifier, fitted: dict[str, PETClassifier]
) -> None:
    with pytest.raises(PetError, match="Expected a list of texts"):
        fitted["ensemble"].predict(rows)
    with pytest.raises(PetError, match="Expected a list of texts"):
        quick.fit(X, Y, unlabeled=rows)


def test_a_run_folder_is_kept_and_used_again(
    quick: PETClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    first = clone(quick).fit(X, Y, unlabeled=NEW, run_folder=run).predict_proba(NEW)
    assert sorted(path.name for path in (run / "members").iterdir()) == ["pattern-0", "pattern-1"]

    def train_member(*_: object) -> None:
        pytest.fail("a finished member was trained again")

    monkeypatch.setattr(pet.members.executing, "train_member", train_member)
    again = clone(quick).fit(X, Y, unlabeled=NEW, run_folder=str(run))
    np.testing.assert_array_equal(again.predict_proba(NEW), first)
    loaded = PETClassifier.from_pretrained(run, device="cpu")
    np.testing.assert_array_equal(loaded.predict_proba(NEW), first)
    with pytest.raises(PetError, match=r"settings\.seed: 13 there, 1 now"):
        clone(quick).set_params(seed=1).fit(X, Y, unlabeled=NEW, run_folder=run)


def test_progress_is_told_of_every_stage(quick: PETClassifier) -> None:
    seen: dict[str, list[tuple[int, int]]] = {}
    moments: dict[str, list[str]] = {}

    def note(event: Event) -> None:
        seen.setdefault(event.stage, []).append((event.step, event.total))
        moments.setdefault(event.stage, []).append(event.moment)

    quick.fit(X, Y, unlabeled=NEW, progress=note)
    assert list(seen) == [
        "pattern-0", "pattern-1", "texts labelled by pattern-0", "texts labelled by pattern-1",
        "classifier",
    ]  # fmt: skip
    for stage, told in seen.items():
        done = [number for number, _ in told]
        assert done == sorted(done), stage
        assert told[-1][0] == told[-1][1], stage
        first, *between, last = moments[stage]
        assert (first, {*between}, last) == ("start", {"step"}, "end"), stage


def test_a_stream_of_predictions_is_the_same_for_every_chunk_size(
    fitted: dict[str, PETClassifier],
) -> None:
    examples = [Example({"text": text}) for text in NEW]
    model = fitted["distilled"].model_
    streams = [list(predict_stream(model, iter(examples), size)) for size in (1, 7, 1000)]
    for stream in streams:
        assert [example for example, _ in stream] == examples
        for (_, found), (_, expected) in zip(stream, streams[-1], strict=True):
            assert found.label == expected.label
            assert found.probability == pytest.approx(expected.probability, abs=1e-6)
            assert found.probability == max(found.probabilities.values())
