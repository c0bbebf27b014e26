"""Data of a run: training and development examples, unlabelled text, and their fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pet.data.example import Example
from pet.data.pool import Pool
from pet.runs import RunFolder


@dataclass(frozen=True)
class Data:
    """Data that a run learns from.

    Parameters
    ----------
    train : sequence of Example
        Labelled examples.
    dev : sequence of Example
        Labelled examples for early stopping; none by default.
    pool : Pool, optional
        Unlabelled text.
    """

    train: Sequence[Example]
    dev: Sequence[Example] = ()
    pool: Pool | None = None

    def labelled(self) -> dict[str, list[dict[str, Any]]]:
        """Return the labelled examples as JSON values; `labelled_from` reads them."""
        splits = {"train": self.train, "dev": self.dev}
        return {
            name: [
                {"texts": dict(example.texts), "label": example.label, **_weight(example)}
                for example in examples
            ]
            for name, examples in splits.items()
        }

    def fingerprint(self) -> dict[str, Any]:
        """Return sizes and content hashes, by which a run recognises its data."""
        return {
            "train": fingerprint(self.train),
            "dev": fingerprint(self.dev),
            "unlabeled": None if self.pool is None else self.pool.fingerprint,
        }


def labelled_from(plain: Mapping[str, Sequence[Mapping[str, Any]]]) -> Data:
    """Rebuild the labelled examples from `Data.labelled`."""

    def example(entry: Mapping[str, Any]) -> Example:
        label = entry["label"]
        label = tuple(label) if isinstance(label, list) else label
        return Example(entry["texts"], label, entry.get("weight", 1.0))

    train, dev = ([example(entry) for entry in plain[name]] for name in ("train", "dev"))
    return Data(train, dev)


def labelled_in(folder: RunFolder) -> Data | None:
    """Read the labelled examples of a run; None if its folder does not have them.

    Raises
    ------
    RunError
        When the file is damaged.
    """
    if not folder.has(folder.labelled):
        return None
    with folder.reading(folder.labelled):
        return labelled_from(folder.read_json(folder.labelled))


def fingerprint(examples: Iterable[Example]) -> dict[str, Any]:
    """Return the number and the content hash of labelled examples."""
    digest = hashlib.sha256()
    count = 0
    for example in examples:
        count += 1
        digest.update(json.dumps([example.key, example.label, *_weight(example).values()]).encode())
    return {"n": count, "sha256": digest.hexdigest()[:16]}


def weights_of(examples: Sequence[Example]) -> NDArray[np.float64] | None:
    """Return the weights of examples, (N,) of mean 1; None if all are equal."""
    weights = np.array([example.weight for example in examples])
    if not len(weights) or (weights == weights[0]).all():
        return None
    return cast(NDArray[np.float64], weights / weights.mean())


def _weight(example: Example) -> dict[str, float]:
    """Return a weight that is not 1; runs without weights are recorded as ever."""
    return {} if example.weight == 1 else {"weight": example.weight}
