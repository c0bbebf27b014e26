"""Rows from objects and from Hugging Face data sets."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from films import EXPECTED, ROWS, columns, read

from pet.data import (
    Example,
)
from pet.errors import DataError


@pytest.mark.parametrize("source", [ROWS, tuple(ROWS), iter(ROWS)], ids=["list", "tuple", "stream"])
def test_rows_of_any_iterable_are_read(source: Any) -> None:
    assert read(source) == EXPECTED


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3, "Expected a file name or rows, found 3"),
        (["a text"], "Row 1: expected a mapping of columns, found 'a text'"),
        ({"text": ["a"]}, "Row 1: expected a mapping of columns, found 'text'"),
    ],
)
def test_something_else_than_rows_is_refused(source: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(source)


class Named(list[dict[str, Any]]):
    """Rows with the names of their label numbers, in the manner of a `datasets.Dataset`."""

    features = {"label": SimpleNamespace(names=["negative", "positive"])}  # noqa: RUF012


def test_numbers_of_named_classes_become_their_names() -> None:
    rows = Named([{"text": "a", "label": 1}, {"text": "b", "label": 0}, {"text": "c", "label": -1}])
    found = read(rows, columns(labels="optional"))
    assert [example.label for example in found] == ["positive", "negative", None]
    with pytest.raises(DataError, match="row 3: the label in column 'label' is empty"):
        read(rows)
    assert rows[0] == {"text": "a", "label": 1}


def test_hub_name_without_the_datasets_package_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"pip install 'pet-fewshot\[datasets\]'"):
        read("hf:ag_news:train")


def saved_dataset(folder: Path, split: str | None) -> str:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["negative", "positive"]),
        }
    )
    values = {"text": ["good", "bad"], "label": [1, 0]}
    dataset = datasets.Dataset.from_dict(values, features)
    (datasets.DatasetDict({split: dataset}) if split else dataset).save_to_disk(str(folder))
    return str(folder)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("split", [None, "validation"])
def test_saved_dataset_is_read_from_its_folder(tmp_path: Path, split: str | None) -> None:
    folder = saved_dataset(tmp_path / "saved", split)
    found = read(f"hf:{folder}:{split or 'train'}")
    assert found == [Example({"text": "good"}, "positive"), Example({"text": "bad"}, "negative")]


@pytest.mark.filterwarnings("default")
def test_faulty_hub_name_is_refused(tmp_path: Path) -> None:
    folder = saved_dataset(tmp_path / "saved", "train")
    for name in (f"hf:{folder}:test", f"hf:{folder}"):
        with pytest.raises(DataError, match="the splits are 'train'.*\n.*Write hf:.*saved:train"):
            read(name)
    with pytest.raises(DataError, match="'csv' is not a data set; it loads files"):
        read("hf:csv:train")
    for name in ("hf:", "hf::train"):
        with pytest.raises(DataError, match="expected hf:NAME:SPLIT"):
            read(name)


@pytest.mark.parametrize(
    ("name", "path", "config"),
    [
        ("ag_news", "ag_news", None),
        ("org/name", "org/name", None),
        ("org/name/config", "org/name", "config"),
    ],
)
@pytest.mark.parametrize("split", ["train", "train[:5]", "train[10%:20%]+test[:5]"])
def test_hub_name_says_data_set_configuration_and_split(
    monkeypatch: pytest.MonkeyPatch, name: str, path: str, config: str | None, split: str
) -> None:
    asked: list[Any] = []

    def load_dataset(*args: Any, **options: Any) -> Any:
        asked.append((*args, options["split"]))
        return ROWS

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    assert read(f"hf:{name}:{split}") == EXPECTED
    assert asked == [(path, config, split)]
