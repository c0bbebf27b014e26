"""PETClassifier without a task: it is drafted in fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from toy import BAD, GOOD

from pet import PETClassifier
from pet.errors import DataError, UsageError

TEXTS = BAD + GOOD
NAMES = ["cold"] * len(BAD) + ["warm"] * len(GOOD)


def classifier(backbone: str, **parameters: Any) -> PETClassifier:
    quick = {"max_steps": 2, "method": "single", "device": "cpu", "backbone": backbone}
    return PETClassifier(**{**quick, **parameters})


def test_texts_and_labels_are_enough(tiny_bert: str) -> None:
    model = clone(classifier(tiny_bert)).fit(TEXTS, NAMES)
    assert model.classes_.tolist() == ["cold", "warm"]
    assert model.task_.labels == ("cold", "warm")
    assert next(iter(model.task_.pvps[0].verbalizers[0].words["warm"])) == "warm"
    assert set(model.predict(TEXTS)) <= {"cold", "warm"}


@pytest.mark.parametrize("values", [(0, 1), (False, True)])
def test_numbers_are_classes_too(values: tuple[Any, Any], tiny_bert: str) -> None:
    y = np.array([values[name == "warm"] for name in NAMES])
    model = classifier(tiny_bert).fit(TEXTS, y)
    assert model.classes_.tolist() == list(values)
    assert model.predict_proba(TEXTS[:3]).shape == (3, 2)


def test_a_label_map_names_the_labels(tiny_bert: str) -> None:
    y = [int(name == "warm") for name in NAMES]
    model = classifier(tiny_bert, label_map={0: "cold", 1: "warm"}).fit(TEXTS, y)
    assert model.task_.labels == ("cold", "warm")
    assert model.classes_.tolist() == [0, 1]


def test_a_table_needs_no_y(tiny_bert: str) -> None:
    table = pd.DataFrame({"nr": range(len(TEXTS)), "body": TEXTS, "category": NAMES})
    model = classifier(tiny_bert).fit(table)
    assert model.task_.columns == {"text": "body"}
    assert len(model.predict(table)) == len(TEXTS)
    rows = classifier(tiny_bert).fit(table.to_dict("records"))
    assert rows.task_ == model.task_
    with pytest.raises(DataError, match="columns must have names"):
        classifier(tiny_bert).fit(pd.DataFrame({0: TEXTS, 1: NAMES}))


def test_pairs_and_several_labels(tiny_bert: str) -> None:
    pairs = [(text, text[::-1]) for text in TEXTS]
    assert classifier(tiny_bert).fit(pairs, NAMES).task_.fields == ("text_a", "text_b")
    several = classifier(tiny_bert).fit(TEXTS, [["a"], ["a", "b"]] * 5)
    assert several.task_.kind == "multi-label"
    table = np.array([[1, 0], [0, 1]] * 5)
    indicator = classifier(tiny_bert, labels=["a", "b"]).fit(TEXTS, table)
    assert indicator.predict(TEXTS).shape == (10, 2)


def test_labels_without_examples(tiny_bert: str) -> None:
    model = classifier(tiny_bert, method="zero-shot", labels=["cold", "warm"]).fit([])
    assert model.predict(["a warm room"]).tolist() in (["cold"], ["warm"])


def test_what_is_missing_is_told(tiny_bert: str) -> None:
    with pytest.raises(UsageError, match="Nothing says what the labels are"):
        classifier(tiny_bert, method="zero-shot").fit([])
    with pytest.raises(UsageError, match="those of a drafted task"):
        classifier(tiny_bert, task="reviews", labels=["a", "b"]).fit(TEXTS, NAMES)
    with pytest.raises(UsageError, match="list of names"):
        classifier(tiny_bert, labels="ab").fit(TEXTS, NAMES)
    with pytest.raises(DataError, match="one text or a pair"):
        classifier(tiny_bert).fit([("a", "b", "c")] * 4, NAMES[:4])
