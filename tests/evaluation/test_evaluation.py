"""Figures against naive loops, and tables."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from pet import PVP, Example, Task, Verbalizer, evaluate
from pet.errors import DataError, UsageError
from pet.evaluation.tables import percent, text_table
from pet.model.reliability import calibration_error, merged_reliability, reliability


def task_of(labels: int, ordinal: bool = False) -> Task:
    words = Verbalizer({f"l{number}": [f"w{number}"] for number in range(labels)})
    names = [f"l{number}" for number in range(labels)]
    return Task(
        "t", names, ["text"], [PVP("{text} {mask}", words)], kind="ordinal" if ordinal else "single"
    )


class Fixed:
    """A model that knows one score a label, whatever the text."""

    def __init__(self, task: Task, scores: list[float]) -> None:
        self.task = task
        self._scores = scores

    def scores(self, texts: list[dict[str, str]]) -> np.ndarray:
        return np.array([self._scores] * len(texts), np.float32)


def random_predictions(
    seed: int, n: int, labels: int, used: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and targets; only the first ``used`` labels occur at all."""
    generator = np.random.default_rng(seed)
    used = used or labels
    scores = generator.normal(size=(n, labels)) * 2
    scores[:, used:] -= 1e3
    probabilities = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities, generator.integers(0, used, n)


@pytest.mark.parametrize(("n", "labels", "used"), [(50, 2, 2), (40, 4, 4), (30, 5, 3), (1, 2, 2)])
def test_all_figures_equal_naive_loops(n: int, labels: int, used: int) -> None:
    probabilities, targets = random_predictions(n, n, labels, used)
    found = evaluate(probabilities, targets, task_of(labels, ordinal=True))
    predicted = [max(range(labels), key=lambda c: row[c]) for row in probabilities]
    confusion = [[0] * labels for _ in range(labels)]
    for truth, guess in zip(targets, predicted, strict=True):
        confusion[truth][guess] += 1
    assert found.confusion == confusion
    assert found.n == n
    assert found.accuracy == pytest.approx(sum(confusion[c][c] for c in range(labels)) / n)
    distances = [abs(int(t) - p) for t, p in zip(targets, predicted, strict=True)]
    assert found.mean_absolute_error == pytest.approx(sum(distances) / n)
    f1s = []
    for c in range(labels):
        right = confusion[c][c]
        guessed, support = sum(row[c] for row in confusion), sum(confusion[c])
        precision = right / guessed if guessed else 0.0
        recall = right / support if support else 0.0
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        own = found.per_class[f"l{c}"]
        assert own == pytest.approx(
            {"precision": precision, "recall": recall, "f1": f1, "support": support}
        )
        if guessed or support:
            f1s.append(f1)
    # Labels that occur neither in the truth nor in the predictions have no F1 to average.
    assert found.macro_f1 == pytest.approx(sum(f1s) / len(f1s))


@pytest.mark.parametrize("seed", range(5))
def test_calibration_error_equals_a_naive_loop(seed: int) -> None:
    probabilities, targets = random_predictions(seed, 200, 3)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    total = 0.0
    for number in range(10):
        low, high = number / 10, (number + 1) / 10
        inside = [i for i in range(200) if low <= confidence[i] < high]
        if inside:
            gap = np.mean([right[i] for i in inside]) - np.mean([confidence[i] for i in inside])
            total += len(inside) / 200 * abs(gap)
    assert calibration_error(probabilities, targets) == pytest.approx(total)


@pytest.mark.parametrize(
    ("probabilities", "targets", "expected"),
    [
        ([[1.0, 0.0], [0.0, 1.0]], [0, 1], 0.0),
        ([[1.0, 0.0], [1.0, 0.0]], [0, 1], 0.5),
        ([[1.0, 0.0]], [1], 1.0),
        ([[0.75, 0.25]] * 4, [0, 0, 0, 1], 0.0),
        # Two bins whose gaps would cancel without the absolute value.
        ([[0.6, 0.4], [0.9, 0.1]], [0, 1], 0.5 * 0.4 + 0.5 * 0.9),
        ([[0.85, 0.15], [0.95, 0.05]], [0, 1], 0.5 * 0.15 + 0.5 * 0.95),
    ],
)
def test_calibration_error_of_hand_made_cases(
    probabilities: list[list[float]], targets: list[int], expected: float
) -> None:
    found = calibration_error(np.array(probabilities), np.array(targets))
    assert found == pytest.approx(expected)


def test_labels_without_order_have_no_mean_absolute_error() -> None:
    probabilities, targets = random_predictions(0, 9, 2)
    assert evaluate(probabilities, targets, task_of(2)).mean_absolute_error is None


def test_figures_are_plain_json() -> None:
    probabilities, targets = random_predictions(0, 9, 3)
    found = evaluate(probabilities, targets, task_of(3))
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["accuracy"] == found.accuracy
    assert plain.keys() >= {"accuracy", "macro_f1", "ece", "n"}


def test_a_metric_is_found_by_name() -> None:
    probabilities, targets = random_predictions(0, 9, 3)
    found = evaluate(probabilities, targets, task_of(3))
    assert found.metric("accuracy") == found.accuracy
    assert found.metric("macro_f1") == found.macro_f1
    assert found.metric("f1:l2") == found.per_class["l2"]["f1"]
    for name in ("f1:l9", "recall", "confusion", "n"):
        with pytest.raises(DataError, match="Unknown metric"):
            found.metric(name)


def test_nothing_cannot_be_evaluated() -> None:
    with pytest.raises(DataError, match="no labelled examples to evaluate on"):
        evaluate(np.zeros((0, 2)), np.zeros(0, dtype=np.int64), task_of(2))


def test_a_table_is_aligned_and_has_no_trailing_spaces() -> None:
    table = text_table([["a", "1.0", "-"], ["longer", "10.0", "x"]], ["", "value", "note"])
    assert table == (
        "        value  note\n"
        "-------------------\n"
        "a         1.0     -\n"
        "longer   10.0     x"
    )  # fmt: skip


def test_a_table_without_rows_is_its_header() -> None:
    assert text_table([], ["name", "n"]) == "name  n\n-------"


def test_percent_shows_one_decimal_or_a_dash() -> None:
    assert [percent(value) for value in (None, 0.0, 0.66666, 1.0)] == ["-", "0.0", "66.7", "100.0"]


@pytest.mark.parametrize("seed", range(3))
def test_reliability_equals_a_naive_loop_and_parts_add_up(seed: int) -> None:
    probabilities, targets = random_predictions(seed, 61, 3)
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(10)]
    for row, target in zip(probabilities, targets, strict=True):
        sure = max(row)
        bins[min(int(sure * 10), 9)].append((sure, row[target] == sure))
    wanted = [
        {
            "n": len(own),
            "confidence": sum(sure for sure, _ in own) / len(own) if own else 0,
            "accuracy": sum(right for _, right in own) / len(own) if own else 0,
        }
        for own in bins
    ]
    found = reliability(probabilities, targets)
    parts = [reliability(probabilities[own], targets[own]) for own in (slice(20), slice(20, None))]
    for one, other, naive in zip(found, merged_reliability(parts), wanted, strict=True):
        assert one == pytest.approx(naive)
        assert other == pytest.approx(naive)


def test_a_model_is_evaluated_on_examples_as_its_probabilities_are(tmp_path: Path) -> None:
    model = Fixed(task_of(3), [0.0, 1.0, -1.0])
    labels = ["l0", "l1", "l1", "l2"]
    examples = [Example({"text": f"text {number}"}, label) for number, label in enumerate(labels)]
    probabilities = np.exp([[0.0, 1.0, -1.0]] * 4) / np.exp([0.0, 1.0, -1.0]).sum()
    found = evaluate(model, examples)
    by_arrays = evaluate(probabilities, np.array([0, 1, 1, 2]), model.task)
    assert found.accuracy == by_arrays.accuracy == 0.5
    assert found.ece == pytest.approx(by_arrays.ece)
    assert found.confusion == by_arrays.confusion
    path = tmp_path / "test.jsonl"
    rows = [{"text": f"text {number}", "label": label} for number, label in enumerate(labels)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert evaluate(model, path) == found
    with pytest.raises(UsageError, match="was given no task"):
        evaluate(probabilities, np.array([0, 1, 1, 2]))


def test_an_evaluation_survives_being_copied_and_names_what_it_lacks() -> None:
    probabilities, targets = random_predictions(0, 9, 3)
    found = evaluate(probabilities, targets, task_of(3))
    assert pickle.loads(pickle.dumps(found)) == found
    with pytest.raises(AttributeError, match="no 'acuracy'"):
        found.acuracy  # noqa: B018
