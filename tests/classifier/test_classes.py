"""Labels are learned from y: its type, its order, and never one label for another."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from in_any_order import classifier_of, task_of, texts
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import cross_val_predict

from pet import PETClassifier, Task
from pet.classifier.classes import Classes
from pet.data import Data, Example
from pet.errors import DataError, UsageError

X = texts(12)


def labels_learned(model: PETClassifier, y: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Fit a classifier and return the task's labels that its examples had."""
    seen: list[Any] = []

    def asked(task: Task, settings: Any, data: Data) -> dict[str, Any]:
        seen.extend(example.label for example in data.train)
        return real(task, settings, data)

    import pet.classifier.estimator as estimator

    real = estimator.asked
    monkeypatch.setattr(estimator, "asked", asked)
    model.fit(texts(len(y)), y)
    return seen


@pytest.mark.parametrize("labels", [["neg", "pos"], ["pos", "neg"]])
def test_classes_are_sorted_whatever_the_tasks_order(labels: list[str], lively_bert: str) -> None:
    model = classifier_of(labels, lively_bert).fit(X, ["pos", "neg"] * 6)
    assert model.classes_.tolist() == ["neg", "pos"]
    by_task = model.model_.scores([{"text": text} for text in X])
    more = by_task[:, labels.index("pos")] > by_task[:, labels.index("neg")]
    assert 0 < more.sum() < len(X)
    assert ((model.predict_proba(X)[:, 1] > 0.5) == more).all()
    assert (model.predict(X) == np.where(more, "pos", "neg")).all()
    right = [("pos" if one else "neg") for one in more]
    assert model.score(X, right) == 1
    np.testing.assert_allclose(
        model.predict_log_proba(X), np.log(model.predict_proba(X)), rtol=1e-12
    )


def test_an_unfitted_order_is_sorted_too(lively_bert: str, tmp_path: Any) -> None:
    model = classifier_of(["pos", "bad", "neg"], lively_bert).fit([])
    assert model.classes_.tolist() == ["bad", "neg", "pos"]
    model.save_pretrained(tmp_path / "saved")
    loaded = PETClassifier.from_pretrained(tmp_path / "saved", device="cpu")
    assert loaded.classes_.tolist() == ["bad", "neg", "pos"]
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert (loaded.predict(X) == loaded.classes_[loaded.predict_proba(X).argmax(axis=1)]).all()


def test_a_label_that_y_lacks_is_never_predicted(lively_bert: str) -> None:
    every = classifier_of(["pos", "odd", "neg"], lively_bert).fit([])
    some = classifier_of(["pos", "odd", "neg"], lively_bert).fit(X, ["pos", "neg"] * 6)
    assert some.classes_.tolist() == ["neg", "pos"]
    kept = every.predict_proba(X)[:, [0, 2]]
    np.testing.assert_allclose(some.predict_proba(X), kept / kept.sum(axis=1, keepdims=True))
    assert set(some.predict(X)) == {"neg", "pos"}


@pytest.mark.parametrize(
    ("labels", "given", "kind"),
    [
        (["1", "0"], [0, 1], "i"),
        (["1", "0"], np.array([0, 1]), "i"),
        (["1", "0"], np.array([0, 1], np.uint8), "u"),
        (["1", "0"], [0.0, 1.0], "f"),
        (["1", "0"], ["0", "1"], "U"),
        (["1", "0"], ["0.0", "1.0"], "U"),
        (["1", "0"], np.array(["0", "1"], object), "O"),
        (["True", "False"], [False, True], "b"),
        (["true", "false"], np.array([False, True]), "b"),
        (["1", "0"], [False, True], "b"),
        (["+1", "-1"], np.array([-1, 1]), "i"),
        (["b", "a"], [np.str_("a"), np.str_("b")], "U"),
        (["b", "a"], ("a", "b"), "U"),
        (["10", "9"], [9, 10], "i"),
        (["2.5", "1.5"], [1.5, 2.5], "f"),
    ],
)
def test_predictions_have_the_type_of_y(
    labels: list[str], given: Any, kind: str, lively_bert: str
) -> None:
    y = type(given)(list(given) * 6) if isinstance(given, list | tuple) else np.tile(given, 6)
    model = classifier_of(labels, lively_bert).fit(X, y)
    assert model.classes_.tolist() == list(given)
    predicted = model.predict(X)
    assert predicted.dtype.kind == kind
    assert model.classes_.dtype.kind == kind
    assert set(predicted.tolist()) == set(given)
    # The first class of y is the second label of the task.
    zero_shot = classifier_of(labels, lively_bert).fit([])
    named = [labels[::-1][list(given).index(value)] for value in predicted.tolist()]
    assert zero_shot.predict(X).tolist() == named


@pytest.mark.parametrize("missing", [None, float("nan"), np.datetime64("NaT"), "", " "])
@pytest.mark.parametrize("as_array", [False, True])
def test_a_missing_label_is_no_class(missing: Any, as_array: bool, lively_bert: str) -> None:
    names = ["None", "Some", "nan", "NaT", "<NA>"]
    y: Any = ["Some", missing, "nan"]
    y = np.array(y, dtype=object) if as_array else y
    with pytest.raises(DataError, match="row 2: the label is empty"):
        classifier_of(names, lively_bert).fit(X[:3], y)
    many = Task(
        "many", names, ["text"],
        [type(task_of(names).pvps[0])("{text} {label}? {mask}", _yes_and_no())],
        kind="multi-label",
    )  # fmt: skip
    if not isinstance(missing, str):
        with pytest.raises(DataError, match="row 2: the label"):
            PETClassifier(many, method="zero-shot").fit(X[:2], [["Some"], ["Some", missing]])


def _yes_and_no() -> Any:
    from pet import Verbalizer

    return Verbalizer({"yes": ["yes"], "no": ["no"]})


def test_missing_values_of_pandas_are_no_class(lively_bert: str) -> None:
    pandas = pytest.importorskip("pandas")
    model = classifier_of(["None", "nan", "<NA>", "a"], lively_bert)
    for y in (
        pandas.Series(["a", None, "a"]),
        pandas.Series(["a", pandas.NA, "a"], dtype="string"),
        pandas.Series(pandas.Categorical(["a", None, "a"])),
        [pandas.NaT, "a", "a"],
        pandas.DataFrame({"y": ["a", pandas.NA, "a"]}),
    ):
        with (
            pytest.raises(DataError, match=r"row \d: the label is empty"),
            pytest.warns() if isinstance(y, pandas.DataFrame) else nullcontext(),
        ):
            model.fit(X[:3], y)
    with pytest.raises(DataError, match="row 2: the label is empty"):
        classifier_of(["0", "1"], lively_bert).fit(
            X[:2], pandas.Series([1, pandas.NA], dtype="Int64")
        )


def test_columns_of_one_are_ravelled_with_scikit_learns_warning(lively_bert: str) -> None:
    pandas = pytest.importorskip("pandas")
    y = ["b", "a"] * 6
    for given in (np.array(y)[:, None], [[label] for label in y], pandas.DataFrame({"z": y})):
        with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
            model = classifier_of(["b", "a"], lively_bert).fit(X, given)
        assert model.classes_.tolist() == ["a", "b"]
    with pytest.raises(DataError, match=r"one label a text, found labels of the shape \(3, 2\)"):
        classifier_of(["b", "a"], lively_bert).fit(X[:3], [["a", "b"]] * 3)
    with pytest.raises(DataError, match=r"one column of labels, found 'y', 'z'"):
        classifier_of(["b", "a"], lively_bert).fit(X, pandas.DataFrame({"y": y, "z": y}))


def test_categories_and_series_of_any_index_are_labels(lively_bert: str) -> None:
    pandas = pytest.importorskip("pandas")
    names = ["b", "a"] * 6
    for y in (
        pandas.Series(names, index=range(50, 62), dtype="category"),
        pandas.Categorical(names, categories=["b", "a", "z"]),
        pandas.Series(pandas.Categorical([1, 0] * 6)),
        pandas.Series([1, 0] * 6, dtype="Int64"),
        pandas.Series([True, False] * 6, dtype="boolean"),
    ):
        labels = ["b", "a"] if "b" in list(y) else ["1", "0"]
        model = classifier_of(labels, lively_bert).fit(X, y)
        assert model.classes_.tolist() == sorted(set(y))


def test_text_is_matched_in_any_unicode_composition(lively_bert: str) -> None:
    composed, split = "caf\u00e9", "cafe\u0301"
    for own, other in ((composed, split), (split, composed)):
        model = classifier_of([own, "bar"], lively_bert).fit(X, [other, "bar"] * 6)
        assert model.classes_.tolist() == sorted(["bar", other])
    with pytest.raises(DataError, match="The values 'caf.+' and 'caf.+' of y mean the same label"):
        model.fit(X, [split, composed] * 6)


@pytest.mark.parametrize("order", [1, -1])
def test_eleven_digit_labels_are_never_permuted(
    order: int, lively_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = [str(number) for number in range(11)][::order]
    numbers = list(range(11)) * 2
    model = classifier_of(labels, lively_bert)
    for y in ([str(number) for number in numbers], numbers, [float(n) for n in numbers]):
        assert labels_learned(model, y, monkeypatch) == [str(number) for number in numbers]
        assert model.classes_.tolist() == sorted(set(y))
    assert labels_learned(model, np.array(numbers), monkeypatch) == [str(n) for n in numbers]
    # Numbers in a clone may come from a meta-estimator, which sorts "10" before "2".
    with pytest.raises(DataError, match=r"(?s)may be labels, or places.*label_map="):
        clone(model).fit(texts(22), np.array(numbers))
    texts_of = {str(number): str(number) for number in range(11)}
    sorted_places = np.array([sorted(texts_of).index(str(number)) for number in numbers])
    model.set_params(label_map=dict(zip(range(11), map(str, range(11)), strict=True)))
    assert labels_learned(model, np.array(numbers), monkeypatch) == [str(n) for n in numbers]
    model.set_params(label_map=texts_of)
    assert labels_learned(clone(model), sorted_places, monkeypatch) == [str(n) for n in numbers]


def test_digit_labels_through_a_meta_estimator_are_true_or_refused(lively_bert: str) -> None:
    labels = [str(number) for number in range(11)]
    model, y = classifier_of(labels, lively_bert), np.array(labels * 2)
    with pytest.raises(DataError, match="may be labels, or places"):
        cross_val_predict(model, texts(22), y, cv=2, method="predict_proba")
    model.set_params(label_map={label: label for label in labels})
    found = cross_val_predict(model, texts(22), y, cv=2, method="predict_proba")
    np.testing.assert_allclose(found, model.fit([]).predict_proba(texts(22)), atol=1e-6)


@pytest.mark.parametrize(
    ("labels", "numbers", "meant"),
    [
        (["0", "1", "2"], [0, 1, 2], ["0", "1", "2"]),  # both readings agree
        (["2", "0", "1"], [0, 2], ["0", "2"]),
        (["1", "2", "3"], [1, 2, 3], ["1", "2", "3"]),  # 3 is no place
        (["1", "2", "3"], [0, 1, 2], ["1", "2", "3"]),  # 0 is no label
        (["c", "a", "b"], [0, 1, 2], ["a", "b", "c"]),
        (["c", "a", "b"], [0, 2], ["a", "c"]),
        (["1", "2", "3"], [1, 2], None),  # places of 2 and 3, or labels of which one is rare
        (["0", "1", "2"], [0, 1], None),  # places of two labels of three
        (["c", "a", "b"], [0, 1], None),
        (["+1", "-1"], [0, 1], None),  # -1 comes first as a number, +1 as a text
        (["10", "9"], [0, 1], None),
        (["a", "b"], [0, 2], None),
        (["a", "b"], [-1, 1], None),
        (["4", "5"], [7, 8], None),
    ],
)
def test_an_array_in_a_clone_is_read_in_the_only_way_or_refused(
    labels: list[str], numbers: list[int], meant: list[str] | None
) -> None:
    task = task_of(labels)
    if meant is None:
        with pytest.raises(DataError):
            Classes.of(np.array(numbers), task, in_clone=True)
        return
    classes = Classes.of(np.array(numbers), task, in_clone=True)
    assert classes.labels == meant
    assert classes.values.tolist() == numbers
    assert classes.read(np.array(numbers[::-1]), task) == meant[::-1]


@pytest.mark.parametrize("as_array", [False, True])
def test_what_a_person_gives_is_not_encoded(as_array: bool) -> None:
    given = np.array if as_array else list
    assert Classes.of(given([1, 2]), task_of(["1", "2", "3"])).labels == ["1", "2"]
    assert Classes.of(given([0, 1]), task_of(["neg", "pos"])).labels == ["neg", "pos"]
    # People count in the task's order, scikit-learn in sorted order.
    with pytest.raises(DataError, match=r"(?s)numbers 0, 1.*names: 'pos', 'neg'.*label_map="):
        Classes.of(given([0, 1]), task_of(["pos", "neg"]))


def test_a_label_map_says_what_the_classes_are(lively_bert: str) -> None:
    model = classifier_of(["pos", "neg"], lively_bert, label_map={0: "pos", 5: "neg"})
    model.fit(X, [0, 5] * 6)
    named = classifier_of(["pos", "neg"], lively_bert).fit([])
    assert model.classes_.tolist() == [0, 5]
    np.testing.assert_array_equal(model.predict_proba(X), named.predict_proba(X)[:, ::-1])
    assert model.score(X, [{"pos": 0, "neg": 5}[label] for label in named.predict(X)]) == 1
    with pytest.raises(DataError, match=r"(?s)row 2: unknown label '1'.*Known: '0', '5'"):
        model.fit(X[:2], [0, 1])
    for wrong, message in (
        ({0: "pos", 1: "negg"}, "(?s)unknown label 'negg'.*'neg'"),
        ({0: "pos", 1: "pos"}, "two values one label"),
        ({0: "pos", "a": "neg"}, "mixes types"),
        ([0, 1], "must be a mapping"),
    ):
        with pytest.raises(UsageError, match=message):
            model.set_params(label_map=wrong).fit(X, [0, 5] * 6)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "b", "c", "d"], "row 3: unknown label 'c'"),
        (["a", 1, "a", "b"], "row 2: texts and other values are mixed"),
        ("abab", r"(?s)list of labels, found 'abab'.*Write \[label\]"),
        (5, "list of labels, found 5"),
        ([1.5, 2.5, 1.5, 2.5], "row 1: unknown label '1.5'"),
        ([object(), object()] * 2, "y has labels of a type that cannot be sorted"),
        (["a", "b"], "4 texts but 2 labels"),
    ],
)
def test_what_is_no_label_is_named(y: Any, message: str, lively_bert: str) -> None:
    with pytest.raises(ValueError, match=message):
        classifier_of(["b", "a"], lively_bert).fit(X[:4], y)


def test_development_examples_are_read_as_the_others(lively_bert: str) -> None:
    model = classifier_of(["pos", "neg"], lively_bert, max_steps=1)
    model.set_params(label_map={1: "pos", 0: "neg"})
    model.fit(X, [0, 1] * 6, dev=(X, np.array([1, 0] * 6)))
    with pytest.raises(DataError, match="row 1: unknown label 'neg'"):
        model.fit(X, [0, 1] * 6, dev=(X[:2], ["neg", "pos"]))


def test_an_example_of_a_file_reads_numbers_as_a_classifier_does() -> None:
    from pet.data import Columns, examples_from

    columns = Columns(task_of(["1", "0"]), {})
    rows = [{"text": "a", "label": label} for label in (1, 1.0, "1.0", True, "1")]
    assert [example.label for example in examples_from(rows, columns)] == ["1"] * 5
    assert list(examples_from(rows[:1], columns)) == [Example({"text": "a"}, "1")]
    with pytest.raises(DataError, match="row 1: the label in column 'label' is empty"):
        list(examples_from([{"text": "a", "label": float("nan")}], columns))
