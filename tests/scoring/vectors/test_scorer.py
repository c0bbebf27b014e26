"""Scores of vectors: of examples left out, of none, and what counted most in one."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from torch import Tensor

from pet.device import Compute
from pet.scoring.labelled import Labelled
from pet.scoring.vectors.reading import Reading
from pet.scoring.vectors.scorer import VectorScorer
from pet.task.kinds import KINDS

LABELS = ("a", "b", "c")


class Fixed(Reading):
    """The first rows of a table, whatever the texts; the last ones can be anchors."""

    title = "a table"
    names = ("height", "width")
    strength = 0.5

    def __init__(self, table: Any, anchors: Any = ()) -> None:
        self.table, self._anchors = torch.tensor(table, dtype=torch.float32), list(anchors)
        self.size = self.table.shape[1]

    def vectors(self, chunk: Any) -> Tensor:
        """Take as many rows as there are texts."""
        return self.table[: len(chunk)]

    def shown(self, texts: Any) -> str:
        """Show the text."""
        return str(texts["text"])

    def with_anchors(self, labelled: Labelled, n_labels: int) -> Labelled:
        """Add the anchors."""
        if not self._anchors:
            return labelled
        texts = cast(Any, [*cast(Any, labelled.chunk), *self._anchors])
        targets = np.r_[labelled.targets, np.array(self._anchors, dtype=np.int64)]
        return Labelled(texts, targets, labelled.kind)


def scorer(reading: Reading) -> VectorScorer:
    backbone = SimpleNamespace(compute=Compute(torch.device("cpu"), "fp32"))
    return VectorScorer(reading, LABELS, cast(Any, backbone))


def labelled(targets: Any, kind: str = "single") -> Labelled:
    return Labelled(cast(Any, [""] * len(targets)), np.array(targets), KINDS[kind])


def table(count: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)


@pytest.mark.parametrize(("each", "folds"), [(10, 8), (8, 8), (5, 5), (2, 2)])
@pytest.mark.parametrize("anchors", [(), (0, 1, 2, 1)])
def test_an_example_is_scored_by_a_regression_on_the_other_folds(
    each: int, folds: int, anchors: Any
) -> None:
    targets = np.tile(np.arange(3), each)
    vectors = table(len(targets) + len(anchors))
    own = scorer(Fixed(vectors, anchors))
    found = own.unseen(labelled(targets))
    assert found is not None
    assert found.shape == (1, len(targets), 3)
    shown, beside = vectors[: len(targets)].astype(float), vectors[len(targets) :].astype(float)
    expected = np.zeros((len(targets), 3))
    for inside, outside in StratifiedKFold(folds, shuffle=True, random_state=0).split(
        shown, targets
    ):
        regression = LogisticRegression(C=0.5, max_iter=10_000)
        regression.fit(
            np.concatenate([shown[inside], beside]), np.r_[targets[inside], np.array(anchors, int)]
        )
        expected[outside] = regression.predict_log_proba(shown[outside])
    log_shares = torch.from_numpy(found[0]).double().log_softmax(1).numpy()
    np.testing.assert_allclose(log_shares, expected, atol=2e-3)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(0, 2), min_size=2, max_size=9).filter(lambda t: len(set(t)) > 1),
    st.booleans(),
)
def test_any_number_of_examples_can_be_left_out(targets: list[int], several: bool) -> None:
    """Also one of each label, and labels that all examples of a fold's others lack."""
    flags = np.eye(3, dtype=np.int64)[targets]
    own = labelled(flags, "multi-label") if several else labelled(targets)
    one, two = scorer(Fixed(table(len(targets)))), scorer(Fixed(table(len(targets))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = one.unseen(own)
    if not several and len(set(targets)) == len(targets):
        assert found is None  # no label would have an example left
        return
    assert found is not None
    assert found.shape == (1, len(targets), 3)
    assert np.isfinite(found).all()
    two.fit(own)  # what is learned in the end is learned from all
    assert torch.equal(one.learned.weight, two.learned.weight)
    assert torch.equal(one.learned.bias, two.learned.bias)


def test_labels_drawn_at_random_are_not_found_again() -> None:
    targets = np.random.default_rng(1).integers(0, 2, 60)
    vectors = np.random.default_rng(2).normal(size=(60, 60)).astype(np.float32)
    own, data = scorer(Fixed(vectors)), labelled(targets)
    unseen = own.unseen(data)
    assert unseen is not None
    assert (own.score(data.chunk)[0].argmax(1) == targets).mean() > 0.95  # learned by heart
    assert 0.25 < (unseen[0].argmax(1) == targets).mean() < 0.75


def test_a_single_example_cannot_be_left_out() -> None:
    own = scorer(Fixed(table(1)))
    assert own.unseen(labelled([[1, 0, 0]], "multi-label")) is None


def test_a_view_tells_what_the_first_entries_add_to_the_likeliest_label(
    backbone: Any,
) -> None:
    own = scorer(Fixed(table(9)))
    own.backbone = backbone  # for its tokenizer
    own.fit(labelled([0, 1, 2] * 3))
    view = own.view({"text": "a warm room"})
    vector = own.reading.table[0].double()  # type: ignore[attr-defined]
    scores = vector @ own.learned.weight.double() + own.learned.bias.double()
    assert view.text == "a warm room"
    (by_label,) = view.labels
    assert list(by_label) == list(LABELS)
    np.testing.assert_allclose(list(by_label.values()), scores, atol=1e-5)
    best = own.learned.weight[:, int(scores.argmax())]
    apart = vector - own.reading.table.double().mean(dim=0)  # type: ignore[attr-defined]
    ((question, told),) = view.words[0].items()
    assert question == ""
    assert told == {
        "height": pytest.approx(float(apart[0] * best[0]), abs=1e-5),
        "width": pytest.approx(float(apart[1] * best[1]), abs=1e-5),
    }
