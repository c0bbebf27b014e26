"""Numbers in y are a person's own in a classifier, and maybe encoded in a clone of it."""

from __future__ import annotations

import ast
import logging
import pickle
import re
from typing import Any

import numpy as np
import pytest
from in_any_order import classifier_of, task_of, texts
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from pet import PETClassifier
from pet.classifier.classes import Classes
from pet.classifier.numbers import _tell_reading
from pet.data import Example, Pool
from pet.errors import DataError, PetError

NEWS = ["world", "sports", "business", "science"]
X = texts(12)


def maps_in(message: str) -> list[dict[Any, str]]:
    """The label maps that a message shows; each must be Python."""
    return [ast.literal_eval(found) for found in re.findall(r"label_map=(\{.*?\})", message)]


def refusal(y: Any, labels: list[str], **more: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        Classes.of(y, task_of(labels), **more)
    return caught.value


def test_numbers_of_a_person_are_refused_with_both_maps(lively_bert: str) -> None:
    model = classifier_of(NEWS, lively_bert)
    for y in (np.arange(12) % 4, [0, 1, 2, 3] * 3, np.arange(12) % 3):
        with pytest.raises(DataError, match="numbers 0") as caught:
            model.fit(X, y)
        both = maps_in(str(caught.value))
        assert both == [dict(enumerate(NEWS)), dict(enumerate(sorted(NEWS)))]
    named = classifier_of(NEWS, lively_bert).fit([]).predict(X)
    for way in both:
        model.set_params(label_map=way).fit(X, np.arange(12) % 4)
        assert [way[found] for found in model.predict(X).tolist()] == named.tolist()
    # A pipeline fits the classifier itself, a search a clone.
    with pytest.raises(DataError, match="numbers 0 to 3"):
        make_pipeline(model.set_params(label_map=None)).fit(X, np.arange(12) % 4)
    assert "{1: 'world', 2: 'sports'" in str(refusal(np.arange(1, 5), NEWS))


def test_a_clone_knows_that_it_is_one(lively_bert: str) -> None:
    model = classifier_of(NEWS, lively_bert)
    copies = [clone(model), clone(clone(model)), pickle.loads(pickle.dumps(clone(model)))]
    copies.append(clone(make_pipeline(model)).steps[0][1])
    for made in copies:
        assert made.get_params().keys() == model.get_params().keys()
        assert made.fit(X, np.arange(12) % 4).classes_.tolist() == [0, 1, 2, 3]
        assert [made._classes.labels[0], made._classes.labels[3]] == ["business", "world"]
    with pytest.raises(DataError):
        pickle.loads(pickle.dumps(model)).fit(X, np.arange(12) % 4)


def test_a_clone_tells_its_reading_once(lively_bert: str, caplog: Any) -> None:
    _tell_reading.cache_clear()
    with caplog.at_level(logging.WARNING, "pet"):
        search = GridSearchCV(
            classifier_of(NEWS, lively_bert), {"batch_size": [2]}, cv=2, error_score="raise"
        )
        search.fit(X, np.arange(12) % 4)
    said = [record.getMessage() for record in caplog.records if "encodes" in record.getMessage()]
    assert len(said) == 1
    assert said[0].startswith(
        "y holds the numbers 0 to 3. They were read as scikit-learn encodes labels: 0 is 'business'"
    )
    assert maps_in(said[0]) == [dict(enumerate(NEWS))]


def test_a_map_for_more_classes_than_y_has_never_shifts_them(lively_bert: str) -> None:
    model = classifier_of(NEWS, lively_bert, label_map=dict(enumerate(NEWS)))
    y = np.array([1, 2, 3] * 4)
    assert model.fit(X, y).classes_.tolist() == [1, 2, 3]
    right = model.predict(X)
    voted = VotingClassifier([("a", model)], voting="soft")
    with pytest.raises(DataError, match="label_map has 4 classes: 0, 1, 2, 3") as caught:
        voted.fit(X, y)
    assert "only the classes that your y has" in str(caught.value)
    model.set_params(label_map={key: NEWS[key] for key in (1, 2, 3)})
    assert voted.fit(X, y).predict(X).tolist() == right.tolist()
    assert cross_val_predict(model, X, y, cv=2).tolist() == right.tolist()  # not encoded
    whole = classifier_of(NEWS, lively_bert, label_map=dict(enumerate(NEWS)))
    y = np.arange(12) % 4
    right = whole.fit(X, y).predict(X)
    voted = VotingClassifier([("a", whole)], voting="soft").fit(X, y)
    assert voted.predict(X).tolist() == right.tolist()


@pytest.mark.parametrize(
    ("label_map", "numbers", "meant"),
    [
        ({0: "a", 1: "b", 2: "c"}, [0, 1], None),
        ({0: "a", 1: "b", 2: "c"}, [0], None),
        ({0: "a", 1: "b", 2: "c"}, [0, 2], ["a", "c"]),
        ({1: "a", 2: "b", 3: "c"}, [1, 2], None),
        ({1: "a", 2: "b", 3: "c"}, [0, 1], None),
        ({1: "a", 2: "b", 3: "c"}, [0, 1, 2], ["a", "b", "c"]),
        ({1: "a", 2: "b", 3: "c"}, [1, 2, 3], ["a", "b", "c"]),
        ({"x": "c", "y": "a"}, [0, 1], ["c", "a"]),
        ({"x": "c", "y": "a", "z": "b"}, [0, 1], None),
        ({5: "a", 9: "b"}, [5], ["a"]),
    ],
)
def test_a_map_in_a_clone_is_read_in_the_only_way(
    label_map: dict[Any, str], numbers: list[int], meant: list[str] | None
) -> None:
    task = task_of(["c", "a", "b"])
    if meant is None:
        error = refusal(np.array(numbers), ["c", "a", "b"], label_map=label_map, in_clone=True)
        assert "label_map has 3 classes" in str(error)
    else:
        assert Classes.of(np.array(numbers), task, label_map, in_clone=True).labels == meant
    if set(numbers) <= set(label_map):  # a person's map says it
        assert Classes.of(np.array(numbers), task, label_map).labels == [
            label_map[number] for number in numbers
        ]


def test_encoded_texts_that_lack_a_label_are_told_how_to_name_theirs(lively_bert: str) -> None:
    model = classifier_of(["positive", "neutral", "negative"], lively_bert)
    y = np.array(["neutral", "negative"] * 6)
    alone = model.fit(X, y).predict_proba(X)
    voted = VotingClassifier([("a", model)], voting="soft")
    with pytest.raises(DataError, match="If your y holds texts that scikit-learn encoded") as error:
        voted.fit(X, y)
    of_texts, of_numbers = maps_in(str(error.value))
    assert of_texts == {"negative": "negative", "neutral": "neutral"}
    assert of_numbers == {0: "negative", 1: "neutral"}
    with pytest.raises(DataError, match="OneVsRestClassifier and OneVsOneClassifier hide"):
        OneVsRestClassifier(model).fit(X, ["positive", "neutral", "negative"] * 4)
    model.set_params(label_map=of_texts)
    np.testing.assert_allclose(voted.fit(X, y).predict_proba(X), alone, atol=1e-6)
    found = cross_val_predict(model, X, y, cv=2, method="predict_proba")
    np.testing.assert_allclose(found, alone, atol=1e-6)


def test_every_map_in_a_message_is_python() -> None:
    assert maps_in(str(refusal(np.array([0, 1]), ["0", "1", "2.5", "x"], in_clone=True))) == [
        {0: "0", 1: "1", 2.5: "2.5"},
        {"0": "0", "1": "1", "2.5": "2.5", "x": "x"},
    ]
    assert maps_in(str(refusal([0, 1], ["+1", "-1"]))) == [{0: "+1", 1: "-1"}]
    many = [f"l{number}" for number in range(12)]
    assert len(maps_in(str(refusal(np.arange(12), many[::-1])))) == 2


@pytest.mark.parametrize("method", ["zero-shot", "single", "pet", "ipet", "fine-tune", "head"])
def test_no_texts_with_labels_are_refused(method: str, tiny_bert: str) -> None:
    model = PETClassifier(task_of(["a", "b"]), method=method, backbone=tiny_bert, device="cpu")
    for y in ([], np.array([]), np.array([], int), np.array([], object)):
        with pytest.raises(PetError, match="X and y are empty|needs labelled examples"):
            model.fit([], y)


def test_unlabelled_texts_that_are_all_examples_are_told(tiny_bert: str, caplog: Any) -> None:
    model = PETClassifier(
        task_of(["a", "b"]), backbone=tiny_bert, device="cpu", max_steps=1, method="pet"
    )
    with caplog.at_level(logging.WARNING, "pet"):
        model.fit(X[:4], ["a", "b"] * 2, unlabeled=X[:3])
    assert "all 3 unlabelled texts are labelled examples too: nothing is distilled" in caplog.text
    some = Pool(lambda: iter([Example({"text": text}) for text in X]), [Example({"text": X[0]})], 0)
    assert (len(some), some.left_out, some.all_excluded) == (0, 1, False)  # a limit of 0
    with pytest.raises(DataError, match="needs unlabelled text, and all 3 are labelled"):
        model.set_params(method="ipet").fit(X[:4], ["a", "b"] * 2, unlabeled=X[:3])


def test_a_wrong_parameter_is_named_with_the_right_one() -> None:
    with pytest.raises(TypeError, match="PETClassifier has no parameter 'max_step'. Did you"):
        PETClassifier(max_step=2)
