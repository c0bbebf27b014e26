"""Rows and labels of every library give what lists give, or one clear message."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_any_order import classifier_of, texts

from pet import PVP, PETClassifier, Task, Verbalizer
from pet.data import Columns, Fault, examples_and_rows, examples_from
from pet.data.given import given_examples
from pet.data.readers import rows_of
from pet.errors import DataError

X = texts(6)
Y = ["pos", "neg", "neg", "pos", "neg", "pos"]
PAIR = Task(
    "pair", ["no", "yes"], ["question", "answer"],
    [PVP("{question}{sep}{mask}, {answer}", Verbalizer({"no": ["no"], "yes": ["yes"]}))],
    columns={"answer": "text_b"},
)  # fmt: skip


def tables(columns: dict[str, list[Any]]) -> dict[str, Any]:
    """The same table in every library that is installed."""
    found: dict[str, Any] = {}
    for name in ("pandas", "polars"):
        found[name] = pytest.importorskip(name).DataFrame(columns)
    pyarrow = pytest.importorskip("pyarrow")
    found["pyarrow"] = pyarrow.table(columns)
    found["batch"] = pyarrow.RecordBatch.from_pydict(columns)
    found["datasets"] = pytest.importorskip("datasets").Dataset.from_dict(columns)
    found["streamed"] = found["datasets"].to_iterable_dataset()
    return found


def classifier_task() -> Task:
    words = Verbalizer({"neg": ["no"], "pos": ["yes"]})
    return Task("toy", ["neg", "pos"], ["text"], [PVP("{text} {mask}", words)])


@pytest.fixture(scope="module")
def model(lively_bert: str) -> PETClassifier:
    return classifier_of(["pos", "neg"], lively_bert).fit([])


def test_tables_of_every_library_are_rows(model: PETClassifier) -> None:
    expected = model.predict_proba(X)
    for columns in ({"id": list(range(6)), "text": X}, {"body": X}):
        for name, table in tables(columns).items():
            np.testing.assert_array_equal(model.predict_proba(table), expected, err_msg=name)
    pair = {"question": ["q"] * 2, "text_b": ["a", "b"], "more": [1, 2]}
    for name, table in tables(pair).items():
        found = [example.texts for example in given_examples(PAIR, table, "ignored")]
        assert found == [{"question": "q", "answer": text} for text in "ab"], name


def test_columns_of_every_library_are_texts_and_labels(model: PETClassifier) -> None:
    expected = model.predict_proba(X)
    for name, table in tables({"text": X, "label": Y}).items():
        if name in ("streamed", "batch"):
            continue
        np.testing.assert_array_equal(model.predict_proba(table["text"]), expected, err_msg=name)
        again = classifier_of(["pos", "neg"], model.backbone).fit(table["text"], table["label"])
        assert again.classes_.tolist() == ["neg", "pos"], name
        assert model.score(table, table["label"]) == model.score(X, Y), name


def test_arrays_of_one_column_and_odd_arrays_are_rows(model: PETClassifier) -> None:
    expected = model.predict_proba(X)

    class Bare:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return np.array(X)

    for given in (
        np.array(X),
        np.array(X, dtype=object),
        np.array(X)[:, None],
        np.array(X, dtype=object)[:, None],
        [[text] for text in X],
        [np.str_(text) for text in X],
        Bare(),
        (text for text in X),
    ):
        np.testing.assert_array_equal(model.predict_proba(given), expected)
    if hasattr(np.dtypes, "StringDType"):
        given = np.array(X, dtype=np.dtypes.StringDType())
        np.testing.assert_array_equal(model.predict_proba(given), expected)
    pairs = list(given_examples(PAIR, np.array([["q", "a"], ["r", "b"]]), "ignored"))
    assert [example.key for example in pairs] == [("q", "a"), ("r", "b")]


@pytest.mark.parametrize("form", [None, "numpy", "torch", "pandas", "arrow", "polars"])
@pytest.mark.parametrize("names", [["neg", "pos"], ["1", "0"]])
def test_class_numbers_have_their_names_in_every_format(
    form: str | None, names: list[str], lively_bert: str
) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)}
    )
    plain = datasets.Dataset.from_dict({"text": X, "label": [0, 1, 1, 0, 1, 0]}, features=features)
    expected = [names[number] for number in plain["label"]]
    task = classifier_of(names[::-1], lively_bert).task
    for data in (plain.with_format(form), plain.to_iterable_dataset().with_format(form)):
        read = list(examples_from(data, Columns(task, {})))
        assert [example.label for example in read] == expected
        assert [example.texts["text"] for example in read] == X
    model = classifier_of(names[::-1], lively_bert)
    if form in (None, "numpy", "torch"):  # columns of the others are no columns of Hugging Face
        column = plain.with_format(form)["label"]
        model.fit(plain, column)
        assert model.classes_.tolist() == [0, 1]
        named = classifier_of(names[::-1], lively_bert).fit(X, expected)
        assert model.predict(X).tolist() == [names.index(label) for label in named.predict(X)]
        assert model.score(plain, column) == named.score(X, expected)


def test_a_class_number_of_minus_one_is_no_label(lively_bert: str) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])}
    )
    data = datasets.Dataset.from_dict({"text": X[:2], "label": [0, -1]}, features=features)
    with pytest.raises(DataError, match="row 2: the label is empty"):
        classifier_of(["pos", "neg"], lively_bert).fit(data, data["label"])


def test_several_class_numbers_have_their_names_in_every_format() -> None:
    datasets = pytest.importorskip("datasets")
    words = Verbalizer({"yes": ["yes"], "no": ["no"]})
    pvps = [PVP("{text} {label}? {mask}", words)]
    task = Task("many", ["a", "b", "c"], ["text"], pvps, kind="multi-label")
    several = datasets.Sequence(datasets.ClassLabel(names=["c", "b", "a"]))
    features = datasets.Features({"text": datasets.Value("string"), "label": several})
    data = datasets.Dataset.from_dict(
        {"text": X[:3], "label": [[0, 2], [], [1]]}, features=features
    )
    for form in (None, "numpy", "torch", "pandas"):
        read = examples_from(data.with_format(form), Columns(task, {}))
        assert [example.label for example in read] == [("a", "c"), (), ("b",)], form


@pytest.mark.parametrize("kind", ["one", "list"])
def test_a_file_names_class_numbers_as_its_data_set_does(kind: str, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    words = Verbalizer({"yes": ["yes"], "no": ["no"]})
    pvps = [PVP("{text} {label}? {mask}", words)]
    task = Task("many", ["a", "b", "c"], ["text"], pvps, kind="multi-label")
    feature = datasets.ClassLabel(names=["c", "b", "a"])
    given: list[Any] = [0, 2, -1]
    if kind == "list":
        feature, given = datasets.Sequence(feature), [[0, 2], [], [1]]
    features = datasets.Features({"text": datasets.Value("string"), "label": feature})
    rows = {"text": X[:3], "label": given}
    data = datasets.Dataset.from_dict(rows, features=features)
    data.to_parquet(tmp_path / "rows.parquet")
    expected = [["c", "a"], [], ["b"]] if kind == "list" else ["c", "a", None]
    for source in (data, tmp_path / "rows.parquet"):
        assert [row["label"] for _, row in rows_of(source, Columns(task, {}).hints())] == expected


@pytest.mark.parametrize("kind", ["one", "list"])
def test_a_class_number_beyond_the_names_is_a_fault_of_its_row(kind: str, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    feature = datasets.ClassLabel(names=["neg", "pos"])
    if kind == "list":
        feature = datasets.Sequence(feature)
    value = datasets.Value("int64") if kind == "one" else datasets.Sequence(datasets.Value("int64"))
    plain = datasets.Dataset.from_dict(
        {"text": X[:3], "label": [0, 2, 1] if kind == "one" else [[0], [1, 2], [1]]},
        features=datasets.Features({"text": datasets.Value("string"), "label": value}),
    )
    # Casting would refuse the number; a data set that others wrote may hold it all the same.
    wanted = datasets.Features({"text": datasets.Value("string"), "label": feature})
    table = plain.data.table.replace_schema_metadata(wanted.arrow_schema.metadata)
    data = datasets.Dataset(table)
    data.to_parquet(tmp_path / "rows.parquet")
    task = classifier_task()
    for source in (data, tmp_path / "rows.parquet"):
        with pytest.raises(
            DataError, match=r"row 2, column 'label': no class has the number 2.*'neg', 'pos'"
        ):
            list(examples_from(source, Columns(task, {})))
        faults: list[Fault] = []
        read = examples_and_rows(source, Columns(task, {}), on_fault=faults.append)
        assert [example.label for example, _ in read] == ["neg", "pos"]
        assert len(faults) == 1


def test_columns_of_tables_are_found_as_those_of_files_are(lively_bert: str) -> None:
    expected = classifier_of(["pos", "neg"], lively_bert, max_steps=1).fit(X, Y).predict_proba(X)
    for name, table in tables({" TEXT": X, "Label ": Y, "id": list(range(6))}).items():
        model = classifier_of(["pos", "neg"], lively_bert, max_steps=1).fit(table)
        np.testing.assert_array_equal(model.predict_proba(table), expected, err_msg=name)
    pandas = pytest.importorskip("pandas")
    with pytest.raises(DataError, match="row 1: no column 'text'.*found 0, 1"):
        model.predict(pandas.DataFrame([["a", "b"]]))


def test_only_a_batch_of_a_tables_rows_is_in_memory() -> None:
    columns = {"text": [f"text {n}" for n in range(20_000)], "more": ["x"] * 20_000}
    task = classifier_task()
    for name, table in tables(columns).items():
        rows = given_examples(task, table, "ignored")
        tracemalloc.start()
        first = [next(rows).texts["text"] for _ in range(3)]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert first == ["text 0", "text 1", "text 2"]
        assert peak < 1_500_000, (name, peak)
        rest = [example.texts["text"] for example in rows]
        assert first + rest == columns["text"], name


def test_a_transform_of_ones_own_is_kept(model: PETClassifier) -> None:
    datasets = pytest.importorskip("datasets")
    data = datasets.Dataset.from_dict({"raw": X}).with_transform(
        lambda rows: {"text": [text.upper() for text in rows["raw"]]}
    )
    np.testing.assert_array_equal(
        model.predict_proba(data), model.predict_proba([text.upper() for text in X])
    )


def test_unlabelled_rows_are_read_again_without_a_copy(lively_bert: str) -> None:
    passes = []

    class Rows:
        def __iter__(self) -> Any:
            passes.append(1)
            return iter(X)

    classifier_of(["pos", "neg"], lively_bert).fit([], unlabeled=Rows())
    assert len(passes) > 1


def faulty() -> dict[str, tuple[Any, str]]:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    datasets, scipy = pytest.importorskip("datasets"), pytest.importorskip("scipy.sparse")
    split = datasets.Dataset.from_dict({"text": X})
    return {
        "dict": (
            datasets.DatasetDict({"train": split, "test": split}),
            r"(?s)the splits 'train', 'test'.*Choose a split: \['train'\]",
        ),
        "lazy": (polars.LazyFrame({"text": X}), r"(?s)found one LazyFrame.*collect\(\)"),
        "sparse": (scipy.csr_matrix((2, 3)), "found a sparse matrix"),
        "number": (5, "list of texts or a table, found one int"),
        "scalar": (np.array("a film"), "found one ndarray"),
        "bytes": (b"a film", r"Write \[text\]"),
        "column": (
            pandas.DataFrame({"id": [1], "body": ["a"]}),
            r"(?s)row 1: no column 'text' for the field 'text'; found 'id', 'body'.*"
            r"Rename the right column to 'text'.*columns=\{'text': 'COLUMN'\}",
        ),
        "nan": (pandas.Series(["a", float("nan")]), r"(?s)Row 2: expected a text.*nan.*dropna\(\)"),
        "na": (pandas.Series(["a", pandas.NA]), r"(?s)Row 2: expected a text.*dropna\(\)"),
        "none": (
            pandas.DataFrame({"id": [1, 2], "text": ["a", None]}),
            r"(?s)Row 2: expected a text \(text\).*dropna\(\)",
        ),
        "numbers": (np.ones((2, 3)), "Row 1: expected a text"),
    }


def test_what_is_no_list_of_texts_is_named(model: PETClassifier) -> None:
    for name, (rows, message) in faulty().items():
        with pytest.raises(DataError, match=message) as caught:
            model.predict(rows)
        assert "--" not in str(caught.value), name
        assert len(str(caught.value)) < 600, name


def test_a_tables_own_labels_are_taken_without_y(lively_bert: str) -> None:
    datasets = pytest.importorskip("datasets")
    expected = classifier_of(["pos", "neg"], lively_bert, max_steps=1).fit(X, Y).predict_proba(X)
    for name, table in tables({"text": X, "label": Y}).items():
        model = classifier_of(["pos", "neg"], lively_bert, max_steps=1)
        np.testing.assert_array_equal(model.fit(table).predict_proba(X), expected, err_msg=name)
    numbered = datasets.Dataset.from_dict({"text": X, "label": Y}).cast_column(
        "label", datasets.ClassLabel(names=["neg", "pos"])
    )
    for form in (None, "pandas"):
        model = classifier_of(["pos", "neg"], lively_bert, max_steps=1)
        model.fit(numbered.with_format(form))
        assert model.classes_.tolist() == [0, 1]
        np.testing.assert_array_equal(model.predict_proba(X), expected)


def test_nothing_to_learn_from_is_said_for_python(lively_bert: str) -> None:
    model = classifier_of(["pos", "neg"], lively_bert, max_steps=1)
    for X_, y in (([], []), (X, None)):
        with pytest.raises(DataError, match="needs labelled examples") as caught:
            model.fit(X_, y)
        assert "--" not in str(caught.value)
