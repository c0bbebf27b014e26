"""How good predictions are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
from sklearn.metrics import precision_recall_fscore_support as per_class_scores

from pet.errors import DataError
from pet.kinds import KINDS, Kind, confidence, right, task_kind
from pet.task import Task

BINS = 10  # of confidence, as calibration errors are usually told
_DRAWS_AT_ONCE = 500


@dataclass(frozen=True)
class Evaluation:
    """Figures of one set of predictions.

    Of multi-label tasks ``accuracy`` counts the texts all of whose labels are found (subset
    accuracy), ``micro_f1`` is over all labels of all texts (None for tasks of one label a text,
    where it is the accuracy), calibration is that of the yes or no about every label, and
    ``confusion`` is empty.

    ``ece`` is the expected calibration error (Guo 2017) with 10 bins of equal width;
    ``mean_absolute_error`` counts label steps and is None where labels have no order;
    ``confusion`` has true labels in rows and predicted ones in columns; ``reliability`` is that of
    `reliability`.
    """

    n: int
    accuracy: float
    macro_f1: float
    micro_f1: float | None
    ece: float
    mean_absolute_error: float | None
    per_class: dict[str, dict[str, float]]
    confusion: list[list[int]]
    reliability: list[dict[str, float]]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def metric(self, name: str) -> float:
        """Return the value of a task's metric; see `pet.task.Task`."""
        if name.startswith("f1:") and name[3:] in self.per_class:
            return self.per_class[name[3:]]["f1"]
        if name in ("accuracy", "macro_f1", "ece"):
            return float(getattr(self, name))
        if name == "micro_f1" and self.micro_f1 is not None:
            return self.micro_f1
        raise DataError(
            f"Unknown metric {name!r}; use accuracy, macro_f1, f1:<label> or, of multi-label "
            "tasks, micro_f1."
        )


def evaluate(probabilities: NDArray[Any], targets: NDArray[np.int64], task: Task) -> Evaluation:
    """Compare probabilities with the truth.

    Parameters
    ----------
    probabilities : array (N, C)
        Columns in the order of the task's labels.
    targets : array (N,) or (N, C)
        True labels, as `pet.kinds.targets_of` gives them.
    task : Task
        Its labels and its kind.
    """
    if not len(targets):
        raise DataError("There are no labelled examples to evaluate on.")
    kind = task_kind(task)
    predicted = kind.predicted(probabilities)
    shares, outcomes = kind.shares(probabilities), kind.outcomes(targets)
    numbers = list(range(len(task.labels)))
    figures = per_class_scores(targets, predicted, labels=numbers, zero_division=0)
    names = ("precision", "recall", "f1", "support")
    either = kind.truth(targets, len(numbers)) | kind.truth(predicted, len(numbers))
    present = np.flatnonzero(either.any(axis=0)).tolist() or numbers
    return Evaluation(
        n=len(targets),
        accuracy=float(accuracy_score(targets, predicted)),
        macro_f1=float(
            f1_score(targets, predicted, labels=present, average="macro", zero_division=0)
        ),
        micro_f1=f1_score(targets, predicted, average="micro", zero_division=0)
        if task.is_multi_label
        else None,
        ece=calibration_error(shares, outcomes),
        mean_absolute_error=float(np.abs(targets - predicted).mean())
        if task.kind == "ordinal"
        else None,
        per_class={
            label: {
                name: float(values[number]) for name, values in zip(names, figures, strict=True)
            }
            for number, label in enumerate(task.labels)
        },
        confusion=[]
        if task.is_multi_label
        else confusion_matrix(targets, predicted, labels=numbers).tolist(),
        reliability=reliability(shares, outcomes),
    )


def reliability(
    probabilities: NDArray[Any], targets: NDArray[np.int64], bins: int = BINS
) -> list[dict[str, float]]:
    """Confidence and accuracy in bins of equal width: does 0.9 mean right nine times in ten?

    Parameters
    ----------
    probabilities : array (N, C)
        Columns in the order of the task's labels; the largest of a row is its confidence.
    targets : array (N,)
        True label numbers.
    bins : int
        How many there are between 0 and 1.

    Returns
    -------
    list of dict
        For every bin the number ``n`` of predictions in it, their mean ``confidence`` and their
        ``accuracy``; both are 0 where there is none.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    sizes = np.bincount(bin_of, minlength=bins)
    sums = [np.bincount(bin_of, values, minlength=bins) for values in (confidence, right)]
    means = np.stack(sums) / np.maximum(sizes, 1)
    return [
        {"n": n, "confidence": confident, "accuracy": accuracy}
        for n, confident, accuracy in zip(sizes.tolist(), *means.tolist(), strict=True)
    ]


def merged_reliability(
    parts: Sequence[Sequence[Mapping[str, float]]],
) -> list[dict[str, float]]:
    """Return the `reliability` of several sets of predictions taken together."""
    merged = []
    for own in zip(*parts, strict=True):
        n = sum(part["n"] for part in own)
        means = {
            name: sum(part["n"] * part[name] for part in own) / max(n, 1)
            for name in ("confidence", "accuracy")
        }
        merged.append({"n": n, **means})
    return merged


def calibration_error(
    probabilities: NDArray[Any], targets: NDArray[np.int64], bins: int = BINS
) -> float:
    """Expected calibration error: mean gap of confidence and accuracy, weighted by bin size."""
    found = reliability(probabilities, targets, bins)
    gaps = [own["n"] * abs(own["confidence"] - own["accuracy"]) for own in found]
    return float(sum(gaps) / len(targets))


def selective(
    probabilities: NDArray[Any],
    targets: NDArray[np.int64],
    threshold: float,
    kind: Kind = KINDS["single"],
) -> dict[str, float | None]:
    """Figures of predictions that abstain below a threshold.

    Returns
    -------
    dict
        The ``threshold``; ``coverage``, the share of examples whose prediction has at least that
        probability; and ``covered_accuracy``, the accuracy on these, None without any.
    """
    covered = confidence(kind, probabilities) >= threshold
    found = right(kind.predicted(probabilities), targets)[covered]
    return {
        "threshold": threshold,
        "coverage": float(covered.mean()),
        "covered_accuracy": float(found.mean()) if len(found) else None,
    }


def paired_bootstrap(
    first: NDArray[Any], second: NDArray[Any], resamples: int = 10_000, seed: int = 0
) -> tuple[float, float, float, float]:
    """Compare two methods on the same seeds and test examples.

    Both are drawn again with replacement: seeds, because training varies; examples, because the
    test set is a sample.

    Parameters
    ----------
    first, second : array (S, N)
        1 where the method, with this seed, found this test example's label.
    resamples : int
        How many draws.
    seed : int
        Of the draws.

    Returns
    -------
    tuple
        Mean difference first - second, the 2.5 and 97.5 percentiles of the draws, and
        p = 2 min(share <= 0, share >= 0), each counted with one draw more than there was, at
        most 1. Source: Efron & Tibshirani 1993, chapters 13.3 and 15.4.
    """
    gaps = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    means = bootstrap_means(gaps[None], resamples, seed)[:, 0]
    low, high = np.percentile(means, [2.5, 97.5])
    # Sums of many equal shares differ in their last digits: what is this near to 0 is 0.
    below, above = (means <= 1e-12).sum(), (means >= -1e-12).sum()
    p = min(1.0, 2 * (min(below, above) + 1) / (resamples + 1))
    return float(gaps.mean()), float(low), float(high), float(p)


def bootstrap_means(values: NDArray[Any], resamples: int, seed: int = 0) -> NDArray[np.float64]:
    """Means of values whose rows and columns are both drawn again with replacement.

    Parameters
    ----------
    values : array (K, S, N)
        K series that share their draws, so that they can be compared draw by draw.
    resamples : int
        How many draws, R.
    seed : int
        Of the draws.

    Returns
    -------
    array (R, K)
    """
    series, seeds, examples = values.shape
    generator = np.random.default_rng(seed)
    means = np.empty((resamples, series))
    for start in range(0, resamples, _DRAWS_AT_ONCE):
        size = min(_DRAWS_AT_ONCE, resamples - start)
        rows = generator.integers(seeds, size=(size, seeds))
        columns = generator.integers(examples, size=(size, examples))
        counts = (rows[:, :, None] == np.arange(seeds)).sum(axis=1)
        for number, own in enumerate(values):
            drawn = np.take_along_axis(counts @ own / seeds, columns, axis=1)
            means[start : start + size, number] = drawn.mean(axis=1)
    return means


def text_table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Return rows as aligned text; the first column is flush left, the others right."""
    table = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
    lines.insert(1, "-" * max(len(line) for line in lines))
    return "\n".join(lines)


def percent(value: float | None) -> str:
    """Format a share for a table; a dash where there is none."""
    return "-" if value is None else f"{100 * value:.1f}"
